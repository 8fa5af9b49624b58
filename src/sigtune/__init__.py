"""sigtune: train PyTorch models from Hydra configs and tune them with SigOpt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sigtune.app.hydra_app import hydra_app as hydra_app

__all__ = ["hydra_app"]


def __getattr__(name: str) -> Any:
    """Import `hydra_app` when it is asked for: a program that uses another part of sigtune needs no Hydra."""
    if name == "hydra_app":
        from sigtune.app.hydra_app import hydra_app

        return hydra_app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
