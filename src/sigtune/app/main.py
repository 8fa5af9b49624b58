"""How the program ends: every problem of a wrong input in one list, and the exit codes.

0 done, 1 a crash (with its traceback), 2 wrong input, 3 a search that ended with failed jobs, 130
interrupted.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from sigtune.app.help import schemas_hidden
from sigtune.checks.config_source import ConfigSource
from sigtune.checks.passwords import override_problems
from sigtune.checks.preflight import Check
from sigtune.errors import JobStoppedError, UnwritableFileError, UsageError
from sigtune.invocation import exit_with
from sigtune.tuning.connection import failure_line

# Python looks for garbage after every 700 new objects, and twice through all there are, while imports and
# configs make 200,000 and no garbage: a twentieth of the time to start.
_OBJECTS_TO_COLLECT_AFTER = 10_000


def main(entry: Callable[[], Any], source: ConfigSource, check: Check) -> Any:
    """Run a function decorated by `hydra.main`, whose configs are in `source`, and checked by `check`.

    Hydra stops at the first thing wrong with a config. Here what it raises is looked into further, so that
    all problems are shown at once.
    """
    gc.set_threshold(_OBJECTS_TO_COLLECT_AFTER)
    # As it exits Python looks through all objects once more: a sixth of the time to create an experiment.
    atexit.register(gc.freeze)
    os.environ["HYDRA_FULL_ERROR"] = "1"  # makes Hydra raise, where it would print and exit
    # A user's own experiment class may lie where they run, and the entry point elsewhere.
    sys.path.append(str(Path.cwd()))
    if problems := override_problems(sys.argv[1:]):
        exit_with(UsageError(problems))  # Hydra would have written it down before it calls us
    try:
        with schemas_hidden() if {"--help", "-h"} & set(sys.argv[1:]) else nullcontext():
            return entry()
    except UsageError as error:
        exit_with(error)
    except (HydraException, OmegaConfBaseException) as error:
        from sigtune.checks.composition import composition_problem, diagnose

        problems = diagnose(sys.argv[1:], source, check)
        if not problems and (problem := composition_problem(error)) is not None:
            problems = [problem]
        if not problems:
            raise
        exit_with(UsageError(problems))
    except (KeyboardInterrupt, JobStoppedError):
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        line = str(error) if isinstance(error, UnwritableFileError) else failure_line(error)
        if line is None:
            raise
        print(f"error: {line}", file=sys.stderr)
        sys.exit(1)
