"""The example project: its own LightningModule, configs and package, started from another folder."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests import app_process
from tests.patience import PATIENCE_SECONDS
from tests.search.sweep_app import output_of, wait_until

PROJECT = Path(__file__).parents[2] / "examples" / "digits_autoencoder"
MODULE = "python -m digits_autoencoder.app"
COMMAND = "digits-autoencoder"
SMALL = ("trainer.max_epochs=1", "sigopt.observation_budget=1")

# What `python -m` does, and what the script does that pip writes for an entry point.
AS_A_MODULE = "runpy.run_module('digits_autoencoder.app', run_name='__main__', alter_sys=True)"
AS_A_COMMAND = f"sys.argv[0] = '{{bin}}/{COMMAND}'\nfrom digits_autoencoder.app import main\nsys.exit(main())"


class Project:
    """The project in an empty folder, started in one of the two ways."""

    def __init__(self, folder: Path, start: str) -> None:
        self.start = start
        self._folder = folder / "elsewhere"
        self._folder.mkdir()
        self._bin = folder / "bin"
        self._bin.mkdir()
        (self._bin / COMMAND).write_text("#!/bin/sh\n")
        (self._bin / COMMAND).chmod(0o755)
        start_code = AS_A_MODULE if start == MODULE else AS_A_COMMAND.format(bin=self._bin)
        self._script = folder / "start.py"
        self._script.write_text(f"import runpy, sys\nsys.path.insert(0, {str(PROJECT)!r})\n{start_code}\n")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return app_process.run(
            [sys.executable, str(self._script), *arguments],
            cwd=self._folder,
            env={"PATH": str(self._bin), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            timeout=PATIENCE_SECONDS,
        )

    def start_search(self, *arguments: str) -> app_process.Popen:
        """Start a search as a terminal does, which a Ctrl-C there would reach."""
        return app_process.Popen(
            [sys.executable, str(self._script), "-m", *arguments],
            cwd=self._folder,
            env={"PATH": str(self._bin)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def type(self, printed: str) -> str:
        """Run a command that was printed; return what it prints."""
        assert printed.startswith(self.start), printed
        result = self.run(*shlex.split(printed.removeprefix(self.start)))
        assert result.returncode == 0, result.stderr
        return result.stdout

    def files(self, pattern: str = "*") -> list[Path]:
        return list(self._folder.glob(pattern))


def labelled(output: str, label: str) -> str:
    (line,) = [line for line in output.splitlines() if line.startswith(label)]
    return line.removeprefix(label).strip()


@pytest.fixture(params=[MODULE, COMMAND])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Project:
    return Project(tmp_path, request.param)


def test_it_is_created_searched_and_trained_again_by_the_commands_that_are_printed(project: Project) -> None:
    created = project.run("sigopt.create=true", *SMALL)
    assert created.returncode == 0, created.stderr
    searched = project.type(labelled(created.stdout, "search"))
    assert "val_loss" in labelled(searched, "best")
    again = project.type(labelled(searched, "again"))
    metric = labelled(searched, "best").split("  ")[1]
    assert metric in labelled(again, "done")


def test_ctrl_c_ends_a_search_after_its_job_and_the_printed_command_resumes_it(tmp_path: Path) -> None:
    project = Project(tmp_path, COMMAND)
    search = project.start_search("trainer.max_epochs=1", "sigopt.observation_budget=9")
    wait_until(lambda: project.files("multirun/*/*/1/outcome.json"))
    search.send_signal(signal.SIGINT)
    output = output_of(search)
    assert search.returncode == 130, output
    (saved,) = (line for line in output.splitlines() if line.startswith("saved"))
    observed = int(saved.split()[1])
    resume = labelled(output, "resume").replace("budget=9", f"budget={observed + 1}")
    assert f"{observed + 1} observed (0 failed)" in project.type(resume)


def test_a_worker_reports_one_suggestion(tmp_path: Path) -> None:
    project = Project(tmp_path, MODULE)
    created = project.run("sigopt.create=true", *SMALL)
    project.type(labelled(created.stdout, "one job"))
    worked = project.run("sigopt.experiment_id=1", *SMALL)
    assert "has consumed its observation budget of 1" in worked.stdout


@pytest.mark.parametrize(
    ("start", "arguments", "problem"),
    [
        (MODULE, ("module.hiden=8",), "module.hiden  unknown key  → module.hidden"),
        (COMMAND, ("-m", "module.hiden=8"), "module.hiden  unknown key  → module.hidden"),
        (
            MODULE,
            ("-m", "+module.hiden=8"),
            "module.hiden  digits_autoencoder.autoencoder.AutoEncoder has no such argument  → hidden",
        ),
        (
            COMMAND,
            ("sigopt.observation_budgt=8",),
            "sigopt.observation_budgt  unknown key  → sigopt.observation_budget",
        ),
    ],
)
def test_wrong_input_is_told_by_the_name_of_the_app(
    tmp_path: Path, start: str, arguments: tuple[str, ...], problem: str
) -> None:
    project = Project(tmp_path, start)
    result = project.run(*arguments)
    assert result.returncode == 2
    assert result.stderr.splitlines() == [
        "error: 1 problem in the configuration",
        f"  {problem}",
        f"nothing was run. Show the full config: {project.start} --cfg job",
    ]
    assert project.files() == []
