"""What is wrong with the `_target_`s of any Hydra app's config; no schema is needed, and nothing is built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf

from sigtune.config.signatures import import_error, unknown_arguments
from sigtune.errors import Problem


def target_argument_problems(config: DictConfig) -> list[Problem]:
    """Return the `_target_`s that cannot be imported, and the arguments that they do not take.

    An argument that is missing may be one that the app gives itself when it calls `instantiate`.
    """
    problems = []
    for key, section in _sections(OmegaConf.to_container(config, resolve=False), ""):
        target = section["_target_"]
        if not isinstance(target, str) or target == "???" or "${" in target:
            continue
        try:
            found = get_object(target)
        except Exception as error:  # noqa: BLE001 - importing runs the module, which may raise anything
            what = f"cannot be imported: {import_error(error)}"
            problems.append(
                Problem(f"{key}._target_={target}", what, "the import path of a class or function")
            )
            continue
        problems += unknown_arguments(key, target, found, section) if callable(found) else []
    return problems


def _sections(values: Any, key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield (dotted key, section) for every section with a `_target_`."""
    if isinstance(values, dict):
        if "_target_" in values:
            yield key, values
        for name, section in values.items():
            yield from _sections(section, f"{key}.{name}" if key else str(name))
    elif isinstance(values, list):
        for index, section in enumerate(values):
            yield from _sections(section, f"{key}[{index}]")
