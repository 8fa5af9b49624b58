"""Replaying recorded calls of SigOpt's v1 API, and comparing the answers.

golden/README.md says what a line of golden/calls.jsonl holds.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

CALLS = Path(__file__).parent / "golden" / "calls.jsonl"

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Line:
    """One recorded call, and the answer that SigOpt gave."""

    scenario: str
    step: int
    tier: int
    method: str
    path: str
    status: int
    response: Any
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    raw: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    auth: str = "token"
    save: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The line as the list of known differences has it."""
        return f"{self.scenario}:{self.step}"

    def body_bytes(self, known: Mapping[str, str]) -> bytes | None:
        """Return the body as it goes over the wire, with what is known in the place of placeholders."""
        if self.raw is not None:
            return self.raw.encode()
        return None if self.body is None else json.dumps(filled(self.body, known)).encode()


class Sender(Protocol):
    """A path to a SigOpt."""

    def send(self, line: Line, known: Mapping[str, str]) -> tuple[int, Any]:
        """Send a call and return the status and the answer's JSON, None for an empty one."""


def scenarios() -> dict[str, list[Line]]:
    """Return the recorded calls by scenario, in their order."""
    lines = [Line(**json.loads(line)) for line in CALLS.read_text(encoding="utf-8").splitlines()]
    return {name: list(group) for name, group in groupby(lines, key=lambda line: line.scenario)}


def replay(sender: Sender, lines: list[Line], skipped: Mapping[str, str]) -> Iterator[tuple[Line, list[str]]]:
    """Send the calls of one scenario, and yield each with what differs from the recorded answer.

    A skipped line is not sent, for it would change what the later ones see.
    """
    _status, token = sender.send(Line("", 0, 1, "GET", "/v1/tokens/self", 200, {}), {})
    known = {name: token[name] for name in ("client", "user", "organization", "token")}
    for line in lines:
        if line.name in skipped:
            continue
        status, answer = sender.send(line, known)
        if status != line.status:
            yield line, [f"status {status} instead of {line.status}: {answer}"]
            continue
        for name, path in line.save.items():
            known[name] = _picked(answer, path)
        yield line, list(differences(line.response, answer, known))


def filled(template: Any, known: Mapping[str, str]) -> Any:
    """Return the template with what is known in the place of placeholders."""
    if isinstance(template, str):
        return _PLACEHOLDER.sub(lambda match: str(known.get(match[1], match[0])), template)
    if isinstance(template, dict):
        return {filled(key, known): filled(value, known) for key, value in template.items()}
    if isinstance(template, list):
        return [filled(item, known) for item in template]
    return template


def differences(expected: Any, actual: Any, known: Mapping[str, str], at: str = "$") -> Iterator[str]:
    """Yield what of an answer is not as expected: same keys, same lengths, numbers by value."""
    if isinstance(expected, str):
        wanted = filled(expected, known)
        if not (_WILDCARDS[expected](actual) if expected in _WILDCARDS else actual == wanted):
            yield f"{at}: {actual!r} instead of {wanted!r}"
    elif isinstance(expected, dict) and isinstance(actual, dict):
        yield from _object_differences(expected, actual, known, at)
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for index, (left, right) in enumerate(zip(expected, actual, strict=True)):
            yield from differences(left, right, known, f"{at}[{index}]")
    elif _is_number(expected) and _is_number(actual):
        if abs(expected - actual) > 1e-9 * max(1, abs(expected)):
            yield f"{at}: {actual!r} instead of {expected!r}"
    elif type(expected) is not type(actual) or expected != actual:
        yield f"{at}: {actual!r} instead of {expected!r}"


def _object_differences(
    expected: Mapping[str, Any], actual: Mapping[str, Any], known: Mapping[str, str], at: str
) -> Iterator[str]:
    for key in expected.keys() ^ actual.keys():
        yield f"{at}.{key}: {'missing' if key in expected else 'unexpected'}"
    for key in expected.keys() & actual.keys():
        yield from differences(expected[key], actual[key], known, f"{at}.{key}")


def basic(token: str) -> str:
    """Return the header with which a token is shown."""
    return "Basic " + base64.b64encode(f"{token}:".encode()).decode()


def _picked(answer: Any, path: str) -> Any:
    for key in path.split("."):
        answer = answer[int(key)] if isinstance(answer, list) else answer[key]
    return answer


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return _is_number(value) and value == int(value)


def _is_assignments(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and bool(value)
        and all(isinstance(item, str) or _is_number(item) for item in value.values())
    )


_WILDCARDS: dict[str, Callable[[Any], bool]] = {
    "<int>": _is_whole,
    "<number>": _is_number,
    "<str>": lambda value: isinstance(value, str),
    "<bool>": lambda value: isinstance(value, bool),
    "<time>": lambda value: _is_whole(value) and value > 10**9,
    "<id>": lambda value: isinstance(value, str) and value.isdigit(),
    "<marker>": lambda value: isinstance(value, str) and value != "",
    "<assignments>": _is_assignments,
    "<list>": lambda value: isinstance(value, list),
    "<any>": lambda value: True,
}
