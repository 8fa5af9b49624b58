"""Passwords that stand where Hydra would copy them into the folder of each run."""

from __future__ import annotations

from collections.abc import Iterable

from omegaconf import DictConfig, OmegaConf

from sigtune.errors import Problem
from sigtune.passwords import has_password

_STORE = "sigopt.store"


def password_problems(config: DictConfig) -> list[Problem]:
    """Return that the store's URL in the app's config has a password; one that is read elsewhere is fine."""
    block = config.get("sigopt")
    if not isinstance(block, DictConfig):
        return []
    store = OmegaConf.to_container(block, resolve=False).get("store")  # type: ignore[union-attr]
    return [_problem()] if has_password(str(store)) else []


def override_problems(arguments: Iterable[str]) -> list[Problem]:
    """Return that the store's URL on a command line has a password, which even a list of processes shows."""
    stores = [entry for entry in arguments if entry.lstrip("+").startswith(f"{_STORE}=")]
    return [_problem()] if any(map(has_password, stores)) else []


def _problem() -> Problem:
    what = "has a password, which would stand in files"
    return Problem(_STORE, what, "leave it out, and set SIGOPT_STORE in the environment to the URL")
