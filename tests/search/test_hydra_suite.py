"""Hydra's own tests of launchers and sweepers, run over the sweeper `sigopt`.

Two expectations of `IntegrationTestSuite` are others here: a search counts its jobs from 1, and each has an
override for the parameter that is tuned. `LauncherTestSuite` and `BatchedSweeperTestSuite` are for sweepers
that run each point of the command line: they look whether all were run, in batches, which no optimizer does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hydra.extra.pytest_plugin import hydra_restore_singletons  # noqa: F401 - a fixture of the suite
from hydra.test_utils.launcher_common_tests import IntegrationTestSuite

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
EXPECTED = {
    "task_cfg/task_cfg_0": "task_cfg/task_cfg_1",
    "cli_dir/cli_dir_0": "cli_dir/cli_dir_1",
    "hydra_cfg/a=1,b=2": "hydra_cfg/a=1,b=2,x=0.5",
    "hydra_cfg/a_1+b_2": "hydra_cfg/a_1+b_2+x_0.5",
}
(GIVEN,) = IntegrationTestSuite.test_custom_sweeper_run_workdir.pytestmark  # type: ignore[attr-defined]
FOLDERS = [
    pytest.param(config, overrides, EXPECTED[folder], id=given.id)
    for given in GIVEN.args[1]
    for config, overrides, folder in [given.values]
]


@pytest.mark.parametrize(("task_launcher_cfg", "extra_flags"), [(CONFIG, ["-m"])])
class TestHydrasIntegration(IntegrationTestSuite):
    """The working folder, the name of the app, and the folder that it was started in."""

    test_to_absolute_path_multirun = None  # type: ignore[assignment]  # has `cli_dir_0` in its body

    @pytest.mark.parametrize(("task_config", "overrides", "expected_dir"), FOLDERS)
    def test_custom_sweeper_run_workdir(
        self,
        tmpdir: Path,
        task_config: Any,
        overrides: list[str],
        expected_dir: str,
        task_launcher_cfg: Any,
        extra_flags: list[str],
    ) -> None:
        super().test_custom_sweeper_run_workdir(
            tmpdir, task_config, overrides, expected_dir, task_launcher_cfg, extra_flags
        )

    def generate_custom_cmd(self) -> Callable[..., list[str]]:
        """Expect that the jobs have failed."""
        return lambda command, filename: [sys.executable, "-c", RUN, *command[1:]]
