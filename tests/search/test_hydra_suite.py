"""Hydra's own tests of launchers and sweepers, run over the sweeper `sigopt`.

Of `IntegrationTestSuite` those are left out, and asked about below instead, that give `hydra.sweep.subdir`: a
search refuses it, for it finds its jobs by their numbers again. `LauncherTestSuite` and
`BatchedSweeperTestSuite` are for sweepers that run each point of the command line: they look whether all have
been run, in batches, which no optimizer does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from hydra.test_utils.launcher_common_tests import IntegrationTestSuite

from .sweep_app import SweepApp

pytestmark = pytest.mark.slow

# The suite's task functions return nothing, and to a search a job without its metric has failed.
WITHOUT_METRIC = 3
RUN = f"""
import subprocess, sys
result = subprocess.run([sys.executable, *sys.argv[1:]])
sys.exit(0 if result.returncode == {WITHOUT_METRIC} else result.returncode or "the jobs were to fail")
"""
CONFIG = {
    "defaults": [{"sigopt": "schema"}, "_self_", {"override hydra/sweeper": "sigopt"}],
    "x": "???",
    "sigopt": {
        "name": "suite",
        "observation_budget": 1,
        "metrics": [{"name": "score"}],
        "parameters": [{"name": "x", "type": "double", "bounds": {"min": 0, "max": 1}, "default_value": 0.5}],
    },
}


@pytest.mark.parametrize(("task_launcher_cfg", "extra_flags"), [(CONFIG, ["-m"])])
class TestHydrasIntegration(IntegrationTestSuite):
    """The working folder, the name of the app, and the folder that it was started in."""

    test_custom_sweeper_run_workdir = None  # type: ignore[assignment]
    test_to_absolute_path_multirun = None  # type: ignore[assignment]

    def generate_custom_cmd(self) -> Callable[..., list[str]]:
        """Expect that the jobs have failed."""
        return lambda command, filename: [sys.executable, "-c", RUN, *command[1:]]


@pytest.mark.parametrize("subdir", ["job_${hydra.job.num}", "${hydra.job.override_dirname}"])
def test_names_for_the_folders_of_jobs_are_refused(app: SweepApp, subdir: str) -> None:
    result = app.run(f"hydra.sweep.subdir={subdir}")
    assert result.returncode == 2
    assert "hydra.sweep.subdir  a search names the folder of a job by its number" in result.stderr
