"""The check of a single run before Hydra makes anything of it: its folder, log and copy of the config."""

from __future__ import annotations

import copy
import sys
import traceback
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, flag_override

from sigtune.app.run import overridden_keys, run_problems
from sigtune.errors import UsageError
from sigtune.invocation import exit_with


class RunCheck(Callback):
    """Ends the process with exit code 2 and the list of problems where the run's config has some.

    A sweep has a check of its own, which knows what the sweeper will do to the config.
    """

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        """Check the config that Hydra has composed; its `hydra` section is there, HydraConfig is not yet."""
        job_config = copy.deepcopy(config)
        with flag_override(job_config, ["struct", "readonly"], [False, False]):
            del job_config["hydra"]
        try:
            problems = run_problems(job_config, overridden_keys(config.hydra.overrides.task))
        except Exception:  # noqa: BLE001 - Hydra would warn of it and run the job
            traceback.print_exc()
            sys.exit(1)
        if problems:
            exit_with(UsageError(problems))
