"""Passwords that stand where Hydra would copy them into the folder of each run."""

from __future__ import annotations

from collections.abc import Iterable

from omegaconf import DictConfig, OmegaConf, flag_override

from sigtune.errors import Problem
from sigtune.passwords import has_password

_STORE = "sigopt.store"


def password_problems(config: DictConfig) -> list[Problem]:
    """Return that the store's URL in the app's config has a password; one that is read elsewhere is fine."""
    return [_problem()] if has_password(_typed_store(config)) else []


def override_problems(arguments: Iterable[str]) -> list[Problem]:
    """Return that the store's URL on a command line has a password, which even a list of processes shows."""
    return [_problem()] if any(map(has_password, _stores_in(arguments))) else []


def hide_resolved_password(config: DictConfig, composed: DictConfig, overrides: Iterable[str]) -> None:
    """Put the store's URL back as it was typed, in the config of a sweep, where it has a password.

    For the sweeper Hydra resolves the config's `sigopt` block in place, and the config is pickled for the
    workers. `composed` is the app's config without the `overrides` of the block.
    """
    if not has_password(_typed_store(config)):
        return
    typed = _stores_in(overrides)
    with flag_override(config.sigopt, ["readonly", "struct"], [False, False]):
        config.sigopt.store = typed[-1] if typed else _typed_store(composed)


def _stores_in(overrides: Iterable[str]) -> list[str]:
    """Return what is typed for the store."""
    return [entry.partition("=")[2] for entry in overrides if entry.lstrip("+").startswith(f"{_STORE}=")]


def _typed_store(config: DictConfig) -> str:
    block = config.get("sigopt")
    if not isinstance(block, DictConfig):
        return ""
    values = OmegaConf.to_container(block, resolve=False)
    assert isinstance(values, dict)
    return str(values.get("store", ""))


def _problem() -> Problem:
    what = "has a password, which would stand in files"
    return Problem(_STORE, what, "leave it out, and set SIGOPT_STORE in the environment to the URL")
