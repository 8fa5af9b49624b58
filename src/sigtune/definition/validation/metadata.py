"""Checks of an experiment's metadata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sigtune.definition.metadata import LONGEST_KEY, LONGEST_TEXT, MAX_KEYS
from sigtune.definition.parameters import is_number, is_whole
from sigtune.errors import Problem


def metadata_problems(metadata: Any) -> list[Problem]:
    """Return what is wrong with metadata: it maps strings to strings, numbers or null."""
    if metadata is None:
        return []
    if not isinstance(metadata, Mapping):
        return [Problem("metadata", f"expected a mapping, got {metadata!r}")]
    problems = []
    if len(metadata) > MAX_KEYS:
        problems.append(Problem("metadata", f"has {len(metadata)} keys", f"at most {MAX_KEYS}"))
    for key, value in metadata.items():
        problems += _entry_problems(key, value)
    return problems


def _entry_problems(key: Any, value: Any) -> list[Problem]:
    if not isinstance(key, str):
        return [Problem(f"metadata.{key}", "expected a string as key")]
    if len(key) > LONGEST_KEY:
        return [Problem(f"metadata.{key[:20]}…", f"the key is longer than {LONGEST_KEY} characters")]
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return [Problem(f"metadata.{key}", f"longer than {LONGEST_TEXT} characters")]
    if value is None or isinstance(value, str) or _is_storable_number(value):
        return []
    return [Problem(f"metadata.{key}", f"cannot hold {value!r}", "a string, a number or null")]


def _is_storable_number(value: Any) -> bool:
    return is_whole(value) if isinstance(value, int) else is_number(value)
