"""The command line that the benchmarks share."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """Whether a rough answer is asked for, and the overrides for train.py."""

    quick: bool
    overrides: Sequence[str]


def read_options(description: str | None, takes_overrides: bool = False) -> Options:
    """Read the command line; `description` is a benchmark's docstring, whose first line --help shows."""
    parser = option_parser(description)
    if takes_overrides:
        parser.add_argument("overrides", nargs="*", help="of train.py, such as trainer.step=compile")
    given = parser.parse_args()
    return Options(given.quick, given.overrides if takes_overrides else ())


def option_parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser of the options that every benchmark has, for one that has more."""
    parser = argparse.ArgumentParser(description=(description or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds: the ratios, roughly")
    return parser
