"""The fields of a form that hold assignments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sigtune.dashboard.source import Json

PREFIX = "parameter:"


class AssignmentError(Exception):
    """A field holds what cannot be the parameter's value; the message names it."""


def assignments_in(form: Mapping[str, str], experiment: Json) -> dict[str, Any]:
    """Return the assignments that a form gives; a field that is left empty gives none.

    Raises AssignmentError for what is not a number where one is expected.
    """
    words = {item["name"] for item in experiment["conditionals"]}
    words |= {item["name"] for item in experiment["parameters"] if item["type"] == "categorical"}
    assignments: dict[str, Any] = {}
    for item in (*experiment["conditionals"], *experiment["parameters"]):
        text = form.get(PREFIX + item["name"], "").strip()
        if text:
            assignments[item["name"]] = text if item["name"] in words else number_in(item["name"], text)
    return assignments


def number_in(name: str, text: str) -> float:
    """Return the number that a field holds; raises AssignmentError with the field's name."""
    try:
        return float(text)
    except ValueError:
        raise AssignmentError(f"{name}: expected a number, got {text!r}") from None
