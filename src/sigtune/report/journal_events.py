"""The events of a search's journal, for those who only look: the search itself reads it strictly."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

JOURNAL_NAME = "journal.jsonl"


def events(text: str) -> Iterator[dict[str, Any]]:
    """Yield the events of a journal; a line that is damaged, or is being written, is left out."""
    for line in text.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            yield event
