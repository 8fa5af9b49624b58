"""The plugin class that Hydra finds. A search is in `sigtune.search`, imported only when one begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from . import config as _config  # noqa: F401 - registers hydra/sweeper=sigopt


class SigOptSweeper(Sweeper):
    """Draws suggestions from a SigOpt experiment and runs one job for each, until the budget is consumed."""

    def __init__(self, experiment: Any, params: Mapping[str, Any] | None = None, **others: Any) -> None:
        self.experiment = experiment
        self.params = params or {}
        self.others = others  # what is here for another sweeper: a search refuses it
        self.hydra_context: HydraContext | None = None
        self.task_function: TaskFunction | None = None
        self.config: DictConfig | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what Hydra hands over; the launcher is made once the search has passed its checks."""
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config

    def sweep(self, arguments: list[str]) -> Any:
        """Run the search; `arguments` are the overrides of the command line.

        Ends the process with code 2, and the list of problems, where the config or the experiment is wrong;
        with 3 when the search ended with failed jobs, with 130 when it was interrupted, and with 1 when
        SigOpt could not be reached.
        """
        from sigtune.errors import UsageError
        from sigtune.invocation import exit_with
        from sigtune.search.setup import sweep
        from sigtune.search.sweeper_params import refuse_options, with_sweeper_params

        assert self.hydra_context is not None
        assert self.task_function is not None
        assert self.config is not None
        try:
            refuse_options(self.others)
            overrides = with_sweeper_params(arguments, self.params)
            return sweep(self.experiment, self.hydra_context, self.task_function, self.config, overrides)
        except UsageError as error:
            exit_with(error)
