"""What the checks of every field have in common: shapes, names, numbers, and the paths of problems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from sigtune.definition.parameters import is_number, is_whole
from sigtune.errors import Problem, nearest

LONGEST_NAME = 100


def is_list(value: Any) -> TypeGuard[Sequence[Any]]:
    """Return whether a value is a list, as JSON has it."""
    return isinstance(value, list | tuple)


def item_path(collection: str, index: int, item: Any) -> str:
    """Return the key of an item: by its name if it has one, else by its index."""
    name = item.get("name") if isinstance(item, Mapping) else None
    return f"{collection}.{name}" if isinstance(name, str) and name.strip() else f"{collection}[{index}]"


def unknown_field_problems(path: str, given: Mapping[str, Any], known: Sequence[str]) -> list[Problem]:
    """Return the fields that are not known; `object`, which SigOpt's own answers have, is."""
    prefix = f"{path}." if path else ""
    return [
        Problem(f"{prefix}{field}", "unknown field", nearest(str(field), known))
        for field in given
        if field not in known and field != "object"
    ]


def name_problems(path: str, given: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with the name of something that must have one."""
    name = given.get("name")
    if name is None:
        return [Problem(path, "missing", "a name")]
    if not isinstance(name, str):
        return [Problem(path, f"expected a string, got {name!r}")]
    if len(name) > LONGEST_NAME:
        return [Problem(path, f"longer than {LONGEST_NAME} characters", f"{name[:20]}…")]
    return [] if name.strip() else [Problem(path, "empty", "a name")]


def duplicate_problems(collection: str, items: Sequence[Any]) -> list[Problem]:
    """Return the names that several items of a collection have."""
    names = Counter(
        item["name"] for item in items if isinstance(item, Mapping) and isinstance(item.get("name"), str)
    )
    return [
        Problem(f"{collection}.{name}", f"defined {count} times", "one name each")
        for name, count in names.items()
        if count > 1
    ]


def choice_problems(key: str, value: Any, choices: Sequence[str], what: str) -> list[Problem]:
    """Return what is wrong with a word that must be one of the choices, if it is given."""
    if value is None or value in choices:
        return []
    return [Problem(key, f"unknown {what} {value!r}", nearest(str(value), choices))]


def number_problems(key: str, number: Any, kind: str = "double") -> list[Problem]:
    """Return what is wrong with a number that must be there; a whole one where `kind` is int."""
    if number is None:
        return [Problem(key, "missing", "a number")]
    if not is_number(number):
        return [Problem(key, f"expected a finite number, got {number!r}")]
    if kind == "int" and not is_whole(number):
        return [Problem(key, f"{number!r} is not a whole number", f"{round(number)}, or type double")]
    return []


def count_problems(key: str, count: Any) -> list[Problem]:
    """Return what is wrong with a number of things, if it is given."""
    if count is None or (is_whole(count) and count >= 1):
        return []
    return [Problem(key, f"expected a whole number of at least 1, got {count!r}", "10")]
