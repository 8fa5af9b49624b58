"""The command line's endings: every problem of a wrong input in one list, and the exit codes.

0 done, 1 a crash (with its traceback), 2 wrong input, 3 a search that ended with failed jobs, 130
interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from hydra._internal.utils import get_args_parser
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from sigtune.errors import JobStoppedError, UsageError, format_problems

_CONFIG_OPTIONS = ("config-path", "config-name", "config-dir")


def main(entry: Callable[[], None], config_dir: Path) -> None:
    """Run a function decorated by `hydra.main`, whose configs are in `config_dir`.

    Hydra stops at the first thing wrong with a config. Here what it raises is looked into further, so that
    all problems are shown at once.
    """
    os.environ["HYDRA_FULL_ERROR"] = "1"  # makes Hydra raise, where it would print and exit
    # A user's own experiment class may lie where they run, and the entry point elsewhere.
    sys.path.append(str(Path.cwd()))
    try:
        entry()
    except UsageError as error:
        exit_with(error)
    except (HydraException, OmegaConfBaseException):
        from sigtune.diagnosis import diagnose

        problems = diagnose(sys.argv[1:], config_dir)
        if not problems:
            raise
        exit_with(UsageError(problems))
    except (KeyboardInterrupt, JobStoppedError):
        print("interrupted", file=sys.stderr)
        sys.exit(130)


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
