"""The arguments that a config gives to what it names by `_target_`, against the signature of that."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any

from sigtune.errors import Code, Problem, nearest

_HYDRAS_OWN = frozenset({"_target_", "_partial_", "_recursive_", "_convert_", "_args_"})
_VARIADIC = frozenset({inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL})


def unknown_arguments(
    key: str,
    target: str,
    found: Callable[..., Any],
    section: Mapping[str, Any],
    ignored: Collection[str] = (),
) -> list[Problem]:
    """Return the arguments, of a section at `key`, that the class or function named `target` does not take.

    Those in `ignored` are for somebody else.
    """
    parameters = _parameters(found)
    if parameters is None or any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
        return []
    named = [name for name, one in parameters.items() if one.kind not in _VARIADIC]
    given = [name for name in section if name not in _HYDRAS_OWN and name not in ignored]
    what = f"{target} has no such argument"
    return [
        Problem(f"{key}.{name}", what, nearest(name, named), code=Code.UNKNOWN_KEY)
        for name in given
        if name not in named
    ]


def missing_arguments(
    key: str, target: str, found: Callable[..., Any], section: Mapping[str, Any]
) -> list[Problem]:
    """Return the arguments that the class or function needs, and the section at `key` does not give."""
    parameters = _parameters(found)
    if parameters is None or "_args_" in section:
        return []
    return [
        Problem(f"{key}.{name}", f"{target} needs it", f"{key}.{name}=…", code=Code.NO_VALUE)
        for name, one in parameters.items()
        if one.default is one.empty and one.kind not in _VARIADIC and name not in section
    ]


def import_error(error: BaseException) -> str:
    """Return the first line of what went wrong innermost: Hydra wraps what an import raises."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).partition("\n")[0]


def _parameters(found: Callable[..., Any]) -> Mapping[str, inspect.Parameter] | None:
    try:
        return inspect.signature(found).parameters
    except (TypeError, ValueError):  # of compiled code
        return None
