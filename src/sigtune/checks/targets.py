"""What is wrong with the `_target_`s of any Hydra app's config."""

from __future__ import annotations

from omegaconf import DictConfig, OmegaConf

from sigtune.config.signatures import target_problems
from sigtune.errors import Problem


def target_argument_problems(config: DictConfig) -> list[Problem]:
    """Return the `_target_`s that cannot be imported, and the arguments and values that they do not take."""
    return target_problems(OmegaConf.to_container(config, resolve=False))
