"""Values as plain Hydra overrides of config keys."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import PurePath
from typing import Any

from hydra.core.override_parser.types import Override, Quote, QuotedString


def as_overrides(values: Mapping[str, Any]) -> list[str]:
    """Return `key=value` strings that Hydra's grammar reads back as exactly these values."""
    return [f"{key}={as_text(value)}" for key, value in values.items()]


def as_text(value: Any) -> str:
    """Return the value as Hydra's grammar reads it back."""
    return Override._get_value_element_as_str(_quoted(value))


def _quoted(value: Any) -> Any:
    if isinstance(value, str):
        return QuotedString(value, Quote.single)
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, PurePath):
        return QuotedString(str(value), Quote.single)
    if isinstance(value, list):
        return [_quoted(entry) for entry in value]
    if isinstance(value, dict):
        return {key: _quoted(entry) for key, entry in value.items()}
    return value
