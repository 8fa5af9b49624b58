"""The official client's module interface and commands, unchanged, on a server of our own."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.patience import PATIENCE_SECONDS

SEARCH = """
import sigopt
sigopt.set_project("digits")
sigopt.create_project()
experiment = sigopt.create_experiment(
    name="search", budget=3, parallel_bandwidth=1, metadata={"commit": "abc"},
    parameters=[dict(name="lr", type="double", bounds=dict(min=1e-4, max=1), transformation="log")],
    metrics=[dict(name="accuracy", objective="maximize", strategy="optimize")],
)
for number, run in enumerate(experiment.loop()):
    with run:
        assert 1e-4 <= run.params.lr <= 1
        run.params.setdefaults(dict(epochs=4))
        run.log_model("a network")
        run.log_dataset("ten digits")
        run.log_metadata("host", "here")
        run.log_checkpoint({"accuracy": 0.1})
        if number == 1:
            run.log_failure()
        else:
            run.log_metric("accuracy", number, stddev=0.5)
assert experiment.is_finished()
runs = list(experiment.get_runs())
assert [run.state for run in runs] == ["completed", "failed", "completed"], runs
assert runs[0].model.type == "a network" and runs[0].checkpoint_count == 1
assert runs[0].assignments["epochs"] == 4
[best] = experiment.get_best_runs()
assert best.values["accuracy"].value == 2
again = sigopt.get_experiment(experiment.id)
assert again.name == "search" and again.progress.finished_run_count == 3
again.update(
    name="renamed", budget=5, parameters=again.parameters, metrics=[m.to_json() for m in again.metrics]
)
assert sigopt.get_experiment(experiment.id).budget == 5
with sigopt.create_run(name="alone") as run:
    run.params.width = 8
    run.log_metric("loss", 0.25)
stored = sigopt.get_run(run.id)
assert stored.state == "completed" and stored.assignments["width"] == 8
try:
    run.log_image("curve.svg", name="curve")
except Exception as error:
    assert "keeps no files" in str(error), error
else:
    raise AssertionError("an image was taken")
sigopt.archive_run(run.id)
assert sigopt.get_run(run.id).deleted
again.archive()
assert sigopt.get_experiment(experiment.id).state == "deleted"
sigopt.unarchive_experiment(experiment.id)
"""

PROGRAM = """
import sigopt
sigopt.params.setdefault("x", 0.5)
sigopt.log_metric("score", sigopt.params.x ** 2)
"""

EXPERIMENT = """
name: from the command line
budget: 2
parameters:
  - {name: x, type: double, bounds: {min: 0, max: 1}}
metrics:
  - {name: score, objective: maximize}
"""


@pytest.fixture
def environment(url: str, token: str, tmp_path: Path) -> dict[str, str]:
    """The environment in which the client finds the server, and a home without a configuration."""
    return {
        **os.environ,
        "SIGOPT_API_URL": url,
        "SIGOPT_API_TOKEN": token,
        "SIGOPT_PROJECT": "digits",
        "HOME": str(tmp_path),
    }


def run(command: list[str], environment: dict[str, str], folder: Path) -> str:
    result = subprocess.run(
        command,
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    return result.stdout + result.stderr


def test_the_module_interface_runs_an_experiment_and_runs_of_its_own(
    environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "curve.svg").write_text("<svg/>")
    run([sys.executable, "-c", SEARCH], environment, tmp_path)


def test_the_clients_commands_run_and_optimize_a_program(
    environment: dict[str, str], tmp_path: Path, connection: Any
) -> None:
    client = connection.tokens("self").fetch().client
    if not any(p.id == "commands" for p in connection.clients(client).projects().fetch().iterate_pages()):
        connection.clients(client).projects().create(id="commands", name="commands")
    # The client's commands import this module, which setuptools had until its version 82.
    (tmp_path / "pkg_resources.py").touch()
    environment = {**environment, "SIGOPT_PROJECT": "commands", "PYTHONPATH": str(tmp_path)}
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "experiment.yml").write_text(EXPERIMENT)
    sigopt = [sys.executable, "-m", "sigopt.cli"]
    run([*sigopt, "run", "--", sys.executable, "program.py"], environment, tmp_path)
    optimize = ["optimize", "-e", "experiment.yml", "--", sys.executable, "program.py"]
    run([*sigopt, *optimize], environment, tmp_path)
    runs = connection.clients(client).projects("commands").training_runs().fetch().to_json()["data"]
    assert [item["state"] for item in runs] == ["completed"] * 3
    assert [bool(item["experiment"]) for item in runs] == [True, True, False]
    assert runs[2]["values"]["score"]["value"] == 0.25
