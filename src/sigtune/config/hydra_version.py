"""What Hydra 1.3 and 1.4 are told, each in its own keyword arguments."""

from typing import Any

import hydra
from hydra import utils

_IS_1_3 = hydra.__version__.startswith("1.3")

VERSION_BASE: dict[str, Any] = {"version_base": "1.3"} if _IS_1_3 else {}
"""Keyword arguments of `hydra.main` and its kin: the behaviour of 1.3, which 1.4 has unasked."""

# 1.4 lets a config name what code says it may. The configs of train.py may name any class: they are
# its users' own, and sigtune.training.targets looks at what they name, and what other people's files do.
ANY_TARGET = None if _IS_1_3 else utils.UNSAFE_DISABLE_EXECUTION_CHECKS  # type: ignore[attr-defined]

CHECKED_TARGETS: dict[str, Any] = {} if _IS_1_3 else {"_execution_whitelist_": ANY_TARGET}
"""Keyword arguments of `instantiate` for a section that has been checked."""

STORED_AGAIN: dict[str, Any] = {} if _IS_1_3 else {"replace": True}
"""Keyword arguments of `ConfigStore.store` for what may be there already, which 1.4 warns of."""
