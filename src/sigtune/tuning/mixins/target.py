"""The check that every mixin begins with: the configured class is the one whose parameters it knows."""

from __future__ import annotations

from omegaconf import DictConfig, OmegaConf

from sigtune.errors import Problem, UsageError


def require_target(config: DictConfig, group: str, expected: str, mixin: type) -> None:
    """Raise UsageError, naming both, unless `config[group]._target_` is the class path `expected`."""
    configured = OmegaConf.select(config, f"{group}._target_")
    if configured != expected:
        raise UsageError(
            [
                Problem(
                    "sigopt.experiment_class",
                    f"{mixin.__name__} sets the parameters of {expected}, but {group} is {configured}",
                    f"another experiment class, or another {group}",
                )
            ]
        )
