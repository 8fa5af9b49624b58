"""The check of a single run before Hydra makes anything of it: its folder, log and copy of the config."""

from __future__ import annotations

import copy
import sys
import traceback
from collections.abc import Sequence
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, flag_override

from sigtune.checks.preflight import Check
from sigtune.checks.run import CheckedRun, check_run
from sigtune.errors import Problem, UsageError
from sigtune.invocation import exit_with, overridden_keys
from sigtune.tuning.connection import failure_line

# Between a callback and the task Hydra hands nothing on: the app's own check, and what RunCheck found by it,
# by the overrides it was of.
_checks: list[Check] = []
_checked: dict[tuple[str, ...], CheckedRun] = {}


def check_runs_by(check: Check) -> None:
    """Have RunCheck make the app's own check, too."""
    _checks[:] = [check]


def _nothing(config: DictConfig) -> list[Problem]:
    return []


class RunCheck(Callback):
    """Ends the process with exit code 2 and the list of problems where the run's config has some.

    A sweep has a check of its own, which knows what the sweeper will do to the config.
    """

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        """Check the config that Hydra has composed; its `hydra` section is there, HydraConfig is not yet."""
        job_config = copy.deepcopy(config)
        with flag_override(job_config, ["struct", "readonly"], [False, False]):
            del job_config["hydra"]
        overrides = list(config.hydra.overrides.task)
        try:
            _checked[tuple(overrides)] = _check(job_config, overrides, *_checks)
        except UsageError as error:
            exit_with(error)
        except Exception as error:  # noqa: BLE001 - Hydra would warn of it and run the job
            line = failure_line(error)
            print(f"error: {line}", file=sys.stderr) if line else traceback.print_exc()
            sys.exit(1)


def checked_run(config: DictConfig, overrides: Sequence[str], check: Check) -> CheckedRun:
    """Return what RunCheck has found of the run with these overrides, or check it here.

    RunCheck does not stand in a config of the user's own. Raises UsageError with everything that is wrong.
    """
    return _checked.pop(tuple(overrides), None) or _check(config, overrides, check)


def _check(config: DictConfig, overrides: Sequence[str], check: Check = _nothing) -> CheckedRun:
    return check_run(config, overridden_keys(overrides), check)
