"""The arguments that a config gives to what it names by `_target_`, against the signature of that.

No schema is needed, and nothing is built.
"""

from __future__ import annotations

import inspect
import logging
import types
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Literal, Union, get_args, get_origin

from hydra import utils

from sigtune.config.validation import EXPECTED
from sigtune.errors import Code, Problem, nearest

_HYDRAS_OWN = frozenset({"_target_", "_partial_", "_recursive_", "_convert_", "_args_"})
_VARIADIC = frozenset({inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL})
# What a value from YAML may be, for an argument of a plain type.
_TAKEN: Mapping[Any, tuple[type, ...]] = {
    int: (int,),
    float: (int, float),
    bool: (bool,),
    str: (str, int, float, bool),
    list: (list,),
    tuple: (list,),
    dict: (dict,),
}


def look_up(target: str) -> Any:
    """Return what an import path names. Raises whatever importing it raises, which Hydra would log too."""
    logger = logging.getLogger(utils.__name__)
    was_disabled, logger.disabled = logger.disabled, True
    try:
        return utils.get_object(target)
    finally:
        logger.disabled = was_disabled


def class_named(target: Any) -> type | None:
    """Return the class that an import path names; None where it names none or cannot be imported."""
    try:
        found = look_up(target)
    except (Exception, SystemExit):  # noqa: BLE001 - importing runs the module: it may raise anything
        return None
    return found if isinstance(found, type) else None


def target_problems(values: Any, key: str = "") -> list[Problem]:
    """Return what is wrong with the `_target_`s in plain `values`, which stand at `key`.

    They cannot be imported, or do not take an argument or its value. An argument that is missing may be one
    that the app gives itself when it calls `instantiate`.
    """
    problems = []
    for place, section in _sections(values, key):
        target = section["_target_"]
        if not isinstance(target, str) or target == "???" or "${" in target:
            continue
        try:
            found = look_up(target)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - importing runs the module: it may raise anything
            what = f"cannot be imported: {import_error(error)}"
            problems.append(
                Problem(f"{place}._target_={target}", what, "the import path of a class or function")
            )
            continue
        if callable(found):
            problems += argument_problems(place, target, found, section)
    return problems


def _sections(values: Any, key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield (dotted key, section) for every section with a `_target_`."""
    if isinstance(values, dict):
        if "_target_" in values:
            yield key, values
        for name, section in values.items():
            yield from _sections(section, f"{key}.{name}" if key else str(name))
    elif isinstance(values, list):
        for index, section in enumerate(values):
            yield from _sections(section, f"{key}[{index}]")


def argument_problems(
    key: str,
    target: str,
    found: Callable[..., Any],
    section: Mapping[str, Any],
    ignored: Collection[str] = (),
) -> list[Problem]:
    """Return the arguments that what is named `target` does not take, or not with their values.

    Those in `ignored` are for somebody else.
    """
    return [
        *_unknown_arguments(key, target, found, section, ignored),
        *_wrong_values(key, found, section, ignored),
    ]


def _wrong_values(
    key: str, found: Callable[..., Any], section: Mapping[str, Any], ignored: Collection[str]
) -> list[Problem]:
    """Return the arguments whose annotation is a plain type, or a choice, that the value is not of."""
    hints = _hints(found)
    problems = []
    for name, value in section.items():
        is_open = value is None or (isinstance(value, str) and (value == "???" or "${" in value))
        if (
            name not in hints
            or name in ignored
            or is_open
            or (isinstance(value, dict) and "_target_" in value)
        ):
            continue
        place = f"{key}.{name}"
        shown = "…" if isinstance(value, dict | list) else value
        kinds, choices = _plain_types(hints[name]), _choices(hints[name])
        if choices and value not in choices:
            remedy = nearest(str(value), map(str, choices))
            problems.append(Problem(f"{place}={shown}", "no such choice", remedy, code=Code.WRONG_TYPE))
        elif kinds and not any(_is_taken(value, kind) for kind in kinds):
            what = EXPECTED.get(kinds[0], EXPECTED[list]).format(key=place)
            problems.append(Problem(f"{place}={shown}", what, code=Code.WRONG_TYPE))
    return problems


def _hints(found: Callable[..., Any]) -> Mapping[str, Any]:
    try:
        parameters = inspect.signature(found, eval_str=True).parameters
    except Exception:  # noqa: BLE001 - an annotation may name what is imported for type checkers only
        return {}
    return {name: parameter.annotation for name, parameter in parameters.items()}


def _plain_types(annotation: Any) -> list[type]:
    """Return the plain types that an annotation is of; none where it allows for anything else."""
    kinds = [get_origin(one) or one for one in _alternatives(annotation)]
    return kinds if all(kind in _TAKEN for kind in kinds) else []


def _choices(annotation: Any) -> list[Any]:
    """Return the values that an annotation lists; none where it allows for anything else."""
    listed = _alternatives(annotation)
    return [value for one in listed for value in get_args(one)] if all(map(_is_literal, listed)) else []


def _is_literal(annotation: Any) -> bool:
    return get_origin(annotation) is Literal


def _alternatives(annotation: Any) -> list[Any]:
    """Return what an annotation allows for, but for None."""
    is_union = get_origin(annotation) in (Union, types.UnionType)
    return [one for one in (get_args(annotation) if is_union else (annotation,)) if one is not type(None)]


def _is_taken(value: Any, kind: type) -> bool:
    if isinstance(value, bool):
        return bool in _TAKEN[kind]
    return isinstance(value, _TAKEN[kind])


def _unknown_arguments(
    key: str,
    target: str,
    found: Callable[..., Any],
    section: Mapping[str, Any],
    ignored: Collection[str],
) -> list[Problem]:
    """Return the arguments, of a section at `key`, that what is named `target` does not have."""
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


def takes(target: str, name: str) -> bool:
    """Return whether what an import path names has an argument of the name."""
    try:
        return name in (_parameters(look_up(target)) or {})
    except (Exception, SystemExit):  # noqa: BLE001 - importing runs the module: it may raise anything
        return False


def return_type(found: Callable[..., Any]) -> type | None:
    """Return the class that a function is annotated to return; None where it does not say."""
    try:
        annotation = inspect.signature(found, eval_str=True).return_annotation
    except Exception:  # noqa: BLE001 - an annotation may name what is imported for type checkers only
        return None
    return annotation if isinstance(annotation, type) and annotation is not inspect.Signature.empty else None


def import_error(error: BaseException) -> str:
    """Return the first line of what went wrong innermost: Hydra wraps what an import raises."""
    if isinstance(error, SystemExit):
        return "importing it ends the program; what a script does belongs under if __name__ == '__main__'"
    while error.__cause__ is not None:
        error = error.__cause__
    line = str(error).partition("\n")[0]
    return (
        line
        if isinstance(error, ImportError | AttributeError) and line
        else f"{type(error).__name__}: {line}"
    )


def _parameters(found: Callable[..., Any]) -> Mapping[str, inspect.Parameter] | None:
    try:
        return inspect.signature(found).parameters
    except (TypeError, ValueError):  # of compiled code
        return None
