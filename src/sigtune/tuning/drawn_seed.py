"""A seed of its own for each suggestion: `sigopt.seed_per_suggestion`."""

from __future__ import annotations

import random
from typing import Any

from omegaconf import DictConfig

from sigtune.config.keys import value_at
from sigtune.errors import Problem, UsageError

_SEEDS = 2**31


def base_seed(config: DictConfig, key: str) -> int:
    """Return the seed in the config. Raises UsageError where the key has no whole number."""
    seed = value_at(config, key)
    if isinstance(seed, int):
        return seed
    what = f"{key} is not a whole number in the config"
    raise UsageError([Problem("sigopt.repeat_key", what, "the key of the seed")])


def drawn_seed(config: DictConfig, key: str, suggestion: Any) -> int:
    """Return the seed that a suggestion, or the observation of one, is trained with: 0 to 2³¹ - 1.

    It is drawn from the config's seed and the suggestion's ID, so that a job that runs again has the same.
    Raises UsageError where there is no seed.
    """
    name = getattr(suggestion, "suggestion", None) or suggestion.id
    return random.Random(f"{base_seed(config, key)}/{name}").randrange(_SEEDS)  # noqa: S311 - nothing secret
