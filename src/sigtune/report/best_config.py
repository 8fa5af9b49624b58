"""The overrides of a job as a config file, which trains it again without them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf


def config_of(overrides: Sequence[str], config_name: str, is_group: Callable[[str], bool]) -> DictConfig:
    """Return a primary config: the app's own `config_name` with the overrides applied.

    `is_group` tells a config group from a key. Raises ValueError for what a config cannot say: the removal of
    a key (`~key`), and one element of a list (`layers.0`).
    """
    defaults: list[Any] = [config_name]
    values = OmegaConf.create()
    for override in OverridesParser.create().parse_overrides(list(overrides)):
        if is_group(override.key_or_group):
            defaults.append(_group_choice(override))
        elif override.is_delete():
            raise ValueError(f"a config cannot remove the key {override.key_or_group}")
        elif any(part.isdecimal() for part in override.key_or_group.split(".")):
            raise ValueError(f"a config has all of a list or nothing of it: {override.key_or_group}")
        else:
            OmegaConf.update(values, override.key_or_group, override.value(), force_add=True)
    config = OmegaConf.create({"defaults": [*defaults, "_self_"]})
    config.merge_with(values)
    return config


def _group_choice(override: Override) -> dict[str, Any]:
    name = override.get_key_element().lstrip("+~")
    choice = None if override.is_delete() else override.value()
    return {name if override.is_add() else f"override {name}": choice}
