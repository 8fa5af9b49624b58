"""What a request carries: reading it from bytes, and making sure that the store can hold it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from sigtune.backend.errors import bad_request
from sigtune.backend.requests import Json

LONGEST_LIST = 10_000
"""Items: observations, or runs, that come in one batch."""

DEEPEST = 20
"""How deep lists and objects may lie in one another; the deepest that SigOpt knows of is five."""

_READ_AS_JSON = ("application/json", "application/x-www-form-urlencoded", "")


def read_body(body: bytes, content_type: str) -> Json:
    """Return the JSON object that a body holds; an empty body, or one of another content type, holds none.

    Raises a 400 for anything but an object, for a key twice, and for NaN and infinities.
    """
    if content_type.partition(";")[0].strip().lower() not in _READ_AS_JSON or not body.strip():
        return {}
    try:
        data = json.loads(body, object_pairs_hook=_object, parse_constant=_no_constant, parse_int=_integer)
    except (ValueError, RecursionError) as error:
        raise bad_request(f"the body is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise bad_request("the body is not a JSON object")
    return data


def checked(data: Any) -> Json:
    """Return an object of what JSON can say and a database can keep; raises a 400 otherwise."""
    if not isinstance(data, Mapping):
        raise bad_request("expected an object")
    return {_checked_text(key): _checked(value, 1) for key, value in data.items()}


def _checked(value: Any, depth: int) -> Any:
    if depth > DEEPEST:
        raise bad_request("lists and objects lie too deep in one another")
    if isinstance(value, Mapping):
        return {_checked_text(key): _checked(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        if len(value) > LONGEST_LIST:
            raise bad_request(f"a list of {len(value)} items is longer than {LONGEST_LIST}")
        return [_checked(item, depth + 1) for item in value]
    if isinstance(value, str):
        return _checked_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise bad_request(f"{value} is not a finite number")
    if value is not None and not isinstance(value, bool | int | float):
        raise bad_request(f"{value!r} is not a string, a number, true, false, null, a list or an object")
    return value


def _checked_text(text: Any) -> str:
    if not isinstance(text, str):
        raise bad_request(f"the key {text!r} is not a string")
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise bad_request(f"{text!r} holds a character that text cannot have")
    return text


def _object(pairs: list[tuple[str, Any]]) -> Json:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("a key is given twice")
    return result


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number of JSON")


def _integer(digits: str) -> int | float:
    # Python refuses to read integers of thousands of digits; as doubles they are infinite, and refused later.
    return int(digits) if len(digits) <= 300 else float(digits)
