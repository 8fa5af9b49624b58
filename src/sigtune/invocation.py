"""How the program was started, and the commands to type next."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from typing import NoReturn

from hydra._internal.utils import get_args_parser

from sigtune.errors import UsageError, format_problems

_CONFIG_OPTIONS = ("config-path", "config-name", "config-dir")


def config_options(arguments: Sequence[str]) -> list[str]:
    """Return the options of a command line that say where the configs are."""
    options = get_args_parser().parse_args(list(arguments))
    given = {f"--{name}": getattr(options, name.replace("-", "_")) for name in _CONFIG_OPTIONS}
    return [f"{option}={value}" for option, value in given.items() if value]


def exit_with(error: UsageError) -> NoReturn:
    """Print the problems as one list and end the process with exit code 2."""
    count = len(error.problems)
    print(f"error: {count} problem{'s' if count > 1 else ''} in the configuration", file=sys.stderr)
    for line in format_problems(error.problems):
        print(f"  {line}", file=sys.stderr)
    print("nothing was run. Show the full config: python train.py --cfg job", file=sys.stderr)
    sys.exit(2)


def command(arguments: Sequence[str]) -> str:
    """Return the line that runs the app, called as it was now, with these arguments."""
    return shlex.join(["python", sys.argv[0], *arguments])
