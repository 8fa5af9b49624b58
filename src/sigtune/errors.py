"""The errors that sigtune raises for what a user can put right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto


class Code(Enum):
    """What kind of problem it is, for code that decides by it: `what` is for people, and may be reworded."""

    INVALID = auto()  # any other
    UNKNOWN_KEY = auto()
    NO_SUCH_CHOICE = auto()  # of a config group
    WRONG_TYPE = auto()
    NO_VALUE = auto()
    THIS_MACHINE = auto()  # lacks what another, on which the job may run, has
    WRONG_PARAMETER = auto()  # the definition of a tuned parameter, so that what it tunes cannot be told


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in the input, in the words of the person who typed it.

    `key` is the config key (or option) as typed, `what` says what is wrong with it and `remedy` what would
    be right: the nearest key or choice, or an example. Two problems that read the same are equal.
    """

    key: str
    what: str
    remedy: str = ""
    code: Code = field(default=Code.INVALID, compare=False, kw_only=True)


def with_those_of_other_keys(problems: Sequence[Problem], found: Sequence[Problem]) -> list[Problem]:
    """Return the problems, and those found of keys that none of them is about."""
    known = {problem.key.partition("=")[0] for problem in problems}
    return [*problems, *(one for one in found if one.key.partition("=")[0] not in known)]


def nearest(word: str, choices: Iterable[str]) -> str:
    """Return the choice that `word` was probably meant to be, or else all the choices, as a remedy."""
    known = tuple(choices)
    matches = difflib.get_close_matches(word, known, n=1)
    return matches[0] if matches else "one of " + ", ".join(known)


class UsageError(Exception):
    """The input is wrong: every problem found, to be shown as one list, with exit code 2 and no traceback."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        # The problems are the only argument, so that the error survives pickling on its way out of a worker.
        super().__init__(tuple(problems))
        # What several checks come upon is one problem to the user.
        self.problems = tuple(dict.fromkeys(problems))

    def __str__(self) -> str:
        return "\n".join(format_problems(self.problems))


class DamagedFileError(UsageError):
    """A file that sigtune wrote holds something else now: its name with the line, and what to do."""


class UnwritableFileError(Exception):
    """A file of the search cannot be written: the disk is full, or the folder may not be written to."""

    def __init__(self, path: object, error: OSError) -> None:
        super().__init__(str(path), error)
        self._reason = f"{path}: {error.strerror or error}"

    def __str__(self) -> str:
        return self._reason


class JobStoppedError(Exception):
    """The job was asked to stop and ended before its training did: it has neither a result nor failed."""


class MissingExtraError(UsageError):
    """An extra of sigtune is not installed, and what was asked for needs it."""


@contextmanager
def needing_extra(extra: str, key: str) -> Iterator[None]:
    """Raise MissingExtraError, which names an extra, where an import inside the block lacks its package.

    `key` is what the user gave that needs it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "sigtune").partition(".")[0] == "sigtune":
            raise
        what = f"needs {error.name}, which is not installed"
        raise MissingExtraError([Problem(key, what, f"pip install 'sigtune[{extra}]'")]) from error


def format_problems(problems: Sequence[Problem]) -> list[str]:
    """Return one aligned line per problem: key, what is wrong, → what would be right."""
    key_width = max((len(problem.key) for problem in problems), default=0)
    what_width = max((len(problem.what) for problem in problems if problem.remedy), default=0)
    return [
        f"{problem.key:<{key_width}}  {problem.what:<{what_width}}  → {problem.remedy}"
        if problem.remedy
        else f"{problem.key:<{key_width}}  {problem.what}"
        for problem in problems
    ]
