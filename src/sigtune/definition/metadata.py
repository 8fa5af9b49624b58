"""Metadata: strings and numbers that are attached to experiments, suggestions and observations by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MAX_KEYS = 100
LONGEST_KEY = 100
LONGEST_TEXT = 500

SWEEP_FOLDER_KEY = "sweep_dir"
"""The key of an experiment's metadata that has the folder of its sweep."""
SWEEP_ID_KEY = "sweep"
"""The key that has the sweep's name, which is in the metadata of each suggestion that it drew."""
NOTES_KEY = "notes"
"""The key that has what people have written about the experiment on its page."""


def without_search(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return an experiment's metadata without what is said of its own search, for another one like it."""
    return {
        key: value for key, value in (metadata or {}).items() if key not in (SWEEP_FOLDER_KEY, SWEEP_ID_KEY)
    }
