"""What a process that died has left to say: the end of its logs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

_LINES = 2
_LINE_CHARACTERS = 160
_END_BYTES = 4096


def with_last_words(reason: str, logs: Sequence[Path]) -> str:
    """Return the reason with the last lines of each log that has any, and its path."""
    said = [f"{path}: {' | '.join(lines)}" for path in logs if (lines := _last_lines(path))]
    return "; ".join([reason, *said])


def _last_lines(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _END_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return [line[-_LINE_CHARACTERS:] for line in lines[-_LINES:]]
