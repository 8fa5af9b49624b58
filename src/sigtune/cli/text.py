"""Text for a terminal: tables, and the words of others made safe to show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def printable(text: Any) -> str:
    """Return text with control characters made visible, for it may be anybody's."""
    return "".join(
        character if character.isprintable() else f"\\x{ord(character):02x}" for character in str(text)
    )


def number(value: float | None) -> str:
    """Return a number as people read it."""
    return "-" if value is None else f"{value:.6g}"


def assignments_text(assignments: dict[str, Any]) -> str:
    """Return assignments on one line: x=0.5 kind=a."""
    return " ".join(
        f"{printable(name)}={number(value) if isinstance(value, float) else printable(value)}"
        for name, value in assignments.items()
    )


def values_text(values: Sequence[dict[str, Any]]) -> str:
    """Return metric values on one line, with their standard deviations where there are any."""
    parts = []
    for value in values:
        deviation = "" if value["value_stddev"] is None else f" ± {number(value['value_stddev'])}"
        parts.append(f"{printable(value['name'] or 'value')} {number(value['value'])}{deviation}")
    return ", ".join(parts)


def print_table(rows: Sequence[Sequence[Any]]) -> None:
    """Print rows, the first of which holds the headings, with aligned columns."""
    texts = [[printable(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in texts) for column in range(len(texts[0]))]
    for row in texts:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
