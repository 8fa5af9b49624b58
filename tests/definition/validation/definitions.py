"""Definitions to check, and what is found wrong with them."""

from __future__ import annotations

from typing import Any

from sigtune.definition.validation import experiment_problems

BOUNDS = {"min": 0, "max": 1}


def experiment(**fields: Any) -> dict[str, Any]:
    """Return a definition that is right, but for the fields given."""
    right = {
        "name": "search",
        "parameters": [parameter(name="x"), parameter(name="y")],
        "metrics": [{"name": "score"}],
        "observation_budget": 10,
    }
    return {**right, **fields}


def parameter(**fields: Any) -> dict[str, Any]:
    """Return a double within bounds, but for the fields given."""
    right = {"name": "p", "type": "double"}
    return {**right, **({} if "grid" in fields else {"bounds": BOUNDS}), **fields}


def categorical(*values: Any, **fields: Any) -> dict[str, Any]:
    """Return a categorical parameter of these values."""
    return {"name": "p", "type": "categorical", "categorical_values": list(values), **fields}


def found(definition: dict[str, Any]) -> list[tuple[str, str]]:
    """Return key and message of every problem of the definition."""
    return [(problem.key, problem.what) for problem in experiment_problems(definition)]
