"""What a search leaves: the summary, the files, and commands that work as they are printed."""

import csv
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import DictConfig, OmegaConf

from tests import app_process
from tests.patience import PATIENCE_SECONDS

from .sweep_app import SweepApp, labelled

EXAMPLE = Path(__file__).parents[2] / "examples" / "two_numbers.py"


def typed(command: str, folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    parts = [sys.executable, *shlex.split(command)[1:]]
    return app_process.run(parts, cwd=folder, env=environment, capture_output=True, check=True)


def test_the_printed_command_trains_the_best_again_with_what_was_fixed_and_what_was_tuned(
    app: SweepApp,
) -> None:
    result = app.run(
        "units=interval(500,1500)",
        "shape=choice(round,square)",
        "size=2",
        "label='two words'",
        "+extra.key=[1, b]",
    )
    again = labelled(result.stdout, "again")[0]
    typed(again + f" hydra.run.dir={app.folder}/again", app.folder, app.environment)
    number = labelled(result.stdout, "best")[0].rsplit("/", 1)[-1]
    trained = OmegaConf.load(app.sweep_dir / number / ".hydra" / "config.yaml")
    retrained = OmegaConf.load(app.folder / "again" / ".hydra" / "config.yaml")
    assert isinstance(trained, DictConfig)
    assert isinstance(retrained, DictConfig)
    del trained["sigopt"], retrained["sigopt"]
    assert retrained == trained
    assert retrained.size == 2
    assert retrained.extra.key == [1, "b"]


OWN_APP = """
import hydra

@hydra.main(config_path="conf", config_name="app", version_base="1.3")
def main(config):
    print("trained with", config.x, config.layers, config.get("extra"))
    return float(config.x) + config.layers[0]

main()
"""
OWN_CONFIG = """
defaults: [_self_, {override hydra/sweeper: sigopt}]
layers: [4, 8]
x: 1.0
hydra: {mode: MULTIRUN, sweeper: {params: {x: "interval(0, 1)"}}}
sigopt: {name: own, observation_budget: 2, metrics: [{name: loss, objective: minimize}]}
"""


def in_new_process(command: str, app: SweepApp) -> str:
    """Run it as a user does: Hydra reads hydra.mode from the config, which `app_process` leaves out."""
    parts = [sys.executable, *shlex.split(command)[1:]]
    result = subprocess.run(
        parts,
        cwd=app.folder,
        env=app.environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_SECONDS,
    )
    return result.stdout


@pytest.mark.parametrize(
    "tuned", ["", " -m layers.0=range(4,20,4) +extra=interval(0,1)"], ids=["file", "line"]
)
def test_an_app_that_sweeps_by_itself_and_has_no_schema_is_trained_again_and_extended_as_printed(
    app: SweepApp, tuned: str
) -> None:
    (app.folder / "conf").mkdir()
    (app.folder / "conf" / "app.yaml").write_text(OWN_CONFIG)
    (app.folder / "own.py").write_text(OWN_APP)
    search = in_new_process(f"python own.py{tuned}", app)
    again = in_new_process(labelled(search, "again")[0], app)
    assert again.startswith("trained with")
    assert "sweep" not in again
    extended = in_new_process(labelled(search, "extend")[0], app)
    assert "saved    4 observed (0 failed)" in extended
    assert "++sigopt.experiment_id=1" in labelled(extended, "extend")[0]


def test_a_config_that_is_edited_during_the_search_takes_nothing_of_its_end(app: SweepApp) -> None:
    (app.folder / "conf").mkdir()
    (app.folder / "conf" / "app.yaml").write_text(OWN_CONFIG.replace("budget: 2", "budget: 1"))
    edit = "    open('conf/app.yaml', 'w').write('x: [')\n"
    (app.folder / "own.py").write_text(OWN_APP.replace("    return", f"{edit}    return"))
    search = in_new_process("python own.py", app)
    assert "saved    1 observed (0 failed)" in search
    assert labelled(search, "again")
    assert labelled(search, "extend")


def test_the_files_have_every_observation_and_the_best(app: SweepApp) -> None:
    app.run("++ends={2: raise}", "sigopt.max_consecutive_failures=9")
    with (app.sweep_dir / "observations.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["job"] for row in rows] == ["1", "2", "3", "4"]
    assert [row["failed"] for row in rows] == ["False", "True", "False", "False"]
    assert rows[1]["reason"] == "ValueError: no good [at all]"
    assert rows[0]["folder"] == str(app.sweep_dir / "1")
    best = max(float(row["height"]) for row in rows if row["height"])
    results = OmegaConf.load(app.sweep_dir / "optimization_results.yaml")
    assert isinstance(results, DictConfig)
    assert results.name == "sigopt"
    assert results.best[0]["values"]["height"] == best
    report = (app.sweep_dir / "report.html").read_text()
    assert "ValueError: no good [at all]" in report


def test_only_a_job_of_the_full_task_can_be_the_best(app: SweepApp) -> None:
    tasks = "sigopt.tasks=[{name: short, cost: 0.25}, {name: full, cost: 1}]"
    result = app.run(tasks, "sigopt.observation_budget=2")
    tasks_of_jobs = {number: observed.task.name for number, observed in app.by_job().items()}
    assert tasks_of_jobs[1] == "short"
    lines = [line.split() for line in result.stdout.splitlines() if " height " in line and "/2) " in line]
    starred = [int(words[0]) for words in lines if "★" in words]
    first_full = min(number for number, task in tasks_of_jobs.items() if task == "full")
    assert starred[0] == first_full
    best = int(labelled(result.stdout, "best")[0].split()[1])
    assert tasks_of_jobs[best] == "full"
    # What is consumed of the budget counts as SigOpt counts: a job of the short task is a quarter.
    costs = [{"short": 0.25, "full": 1.0}[tasks_of_jobs[number]] for number in sorted(tasks_of_jobs)]
    consumed = [f"({sum(costs[:count]):g}/2)" for count in range(1, len(costs) + 1)]
    assert [words[1] for words in lines] == consumed
    assert consumed[0] == "(0.25/2)"


def test_a_report_that_cannot_be_written_is_told_in_a_line_and_the_search_is_done(app: SweepApp) -> None:
    (app.sweep_dir / "report.html").mkdir(parents=True)
    result = app.run("sigopt.observation_budget=1")
    assert result.returncode == 0, result.stdout + result.stderr
    [told] = labelled(result.stdout, "report")
    assert told.startswith("not written: IsADirectoryError")
    assert labelled(result.stdout, "extend")


def test_two_metrics_to_optimize_have_a_front_and_each_of_it_a_file(app: SweepApp) -> None:
    result = app.run(
        "size=interval(1,100)",
        "sigopt.metrics=[{name: height, objective: maximize}, {name: size, objective: minimize}]",
    )
    assert result.returncode == 0, result.stdout + result.stderr
    front = labelled(result.stdout, "again")
    assert len(front) == len(list(app.sweep_dir.glob("best_*.yaml"))) >= 1
    for command in front:
        typed(command, app.folder, app.environment)


def test_repeats_train_each_suggestion_with_several_seeds_and_report_mean_and_deviation(
    app: SweepApp,
) -> None:
    result = app.run("sigopt.repeats=3", "sigopt.observation_budget=2", "seed=5")
    assert result.returncode == 0, result.stdout + result.stderr
    seeds = [
        OmegaConf.load(app.sweep_dir / "1" / str(run) / ".hydra" / "config.yaml").seed for run in (1, 2, 3)
    ]
    assert seeds == [5, 6, 7]
    value = app.by_job()[1].values[0]
    assert value.value == pytest.approx(-2 + 0.06)
    assert value.value_stddev == pytest.approx(0.01)
    assert "height -1.9400 ± 0.0100" in result.stdout


def test_a_failed_repeat_fails_the_job(app: SweepApp) -> None:
    app.run("sigopt.repeats=2", "++ends={1: exit}", "sigopt.observation_budget=2")
    assert [app.by_job()[number].failed for number in (1, 2)] == [True, False]


@pytest.mark.parametrize(
    ("arguments", "budget"),
    [
        pytest.param([], 12, marks=pytest.mark.slow),
        (["hydra/launcher=joblib", "sigopt.parallel_bandwidth=4", "sigopt.observation_budget=5"], 5),
        pytest.param(["sharpness=choice(1,2,4)", "sigopt.observation_budget=5"], 5, marks=pytest.mark.slow),
    ],
)
def test_the_example_runs_as_its_own_first_lines_say(
    tmp_path: Path, arguments: list[str], budget: int
) -> None:
    command = [sys.executable, str(EXAMPLE), "-m", *arguments]
    result = app_process.run(command, cwd=tmp_path, capture_output=True, check=True)
    assert f"{budget} observed (0 failed)" in str(result.stdout)
