"""The command `sigtune` on a store, as a person types it."""

import csv
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sigopt.resource import BoundApiResource
from tests.fixture_types import Connect, Define

from sigtune.cli.main import main

Run = Callable[..., str]


@pytest.fixture
def run(store: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `sigtune` with arguments on the test's store and returns what it prints."""
    for name in ("SIGOPT_KEY", "SIGOPT_API_TOKEN", "SIGOPT_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SIGOPT_STORE", store)

    def command(*arguments: str, code: int = 0) -> str:
        assert main(arguments) == code
        output = capsys.readouterr()
        return output.err if code else output.out

    return command


@pytest.fixture
def search(connect: Connect, store: str, define: Define) -> BoundApiResource:
    """An experiment with a categorical parameter, two observations, a failed one and an open suggestion."""
    connection = connect(store)
    kinds = {"name": "kind", "type": "categorical", "categorical_values": ["a", "=b"]}
    x = {"name": "x", "type": "double", "bounds": {"min": 0, "max": 1}}
    created = connection.experiments().create(**define(parameters=[x, kinds]))
    search = connection.experiments(created.id)
    for x_value, kind, score in ((0.25, "a", 1), (0.5, "=b", 3)):
        values = [{"name": "score", "value": score, "value_stddev": 0.5}]
        search.observations().create(assignments={"x": x_value, "kind": kind}, values=values)
    search.observations().create(assignments={"x": 0.75, "kind": "a"}, failed=True)
    search.suggestions().create(assignments={"x": 0.125, "kind": "a"})
    return search


def test_the_report_is_written_where_it_is_asked_for_and_its_files_are_printed(
    run: Run, search: BoundApiResource, tmp_path: Path
) -> None:
    folder = tmp_path / "reports" / "of_1"
    names = ["report.html", "history.png", "parallel_coordinates.png"]
    assert run("report", "1", "--to", str(folder)).splitlines() == [str(folder / name) for name in names]
    assert "<title>search · sigtune</title>" in (folder / "report.html").read_text()
    (tmp_path / "file").touch()
    assert "cannot be written" in run("report", "1", "--to", str(tmp_path / "file"), code=2)


def test_the_report_goes_into_the_folder_of_the_search_and_shows_its_jobs_curves(
    run: Run, search: BoundApiResource, tmp_path: Path
) -> None:
    job = tmp_path / "sweep" / "1"
    job.mkdir(parents=True)
    (job / "curves.csv").write_text("epoch,falling_loss\n0,2\n1,1\n")
    (tmp_path / "sweep" / "optimization_results.yaml").write_text("best: [{job: 1}]")
    (tmp_path / "sweep" / "best.yaml").write_text("# score 4\n# python train.py --config-name best\nx: 0.5\n")
    search.update(metadata={"sweep_dir": str(tmp_path / "sweep")})
    observation = next(search.observations().fetch().iterate_pages())
    value = {"name": "score", "value": 4}
    search.observations(observation.id).update(metadata={"job": 1}, failed=False, values=[value])
    assert str(tmp_path / "sweep" / "report.html") in run("report", "1")
    text = (tmp_path / "sweep" / "report.html").read_text()
    assert "falling_loss" in text
    assert "--config-name best" in text


def test_the_experiments_are_listed_with_their_progress(run: Run, search: BoundApiResource) -> None:
    [headings, line] = run("list").splitlines()
    assert headings.split() == ["id", "name", "project", "observations", "best"]
    assert line.split() == ["1", "search", "3/20", "score", "3", "±", "0.5"]
    run("archive", "1")
    assert "search" not in run("list")
    assert "search (archived)" in run("list", "--state", "all")
    run("archive", "1", "--undo")
    assert "search" in run("list")


def test_an_experiment_of_the_module_interface_is_listed_shown_and_extended(
    run: Run, connect: Connect, store: str
) -> None:
    project = connect(store).clients(1).projects()
    project.create(id="quick", name="quick")
    x = {"name": "x", "type": "double", "bounds": {"min": 0, "max": 1}}
    definition = {"name": "runs", "parameters": [x], "metrics": [{"name": "score"}], "budget": 4}
    made = connect(store).clients(1).projects("quick").aiexperiments().create(**definition)
    connect(store).aiexperiments(made.id).training_runs().create(
        name="one", state="completed", assignments={"x": 0.5}, values={"score": {"value": 1}}
    )
    assert run("list").splitlines()[1].split() == ["1", "runs", "quick", "1/4"]
    assert "budget: 4" in run("show", "1")
    assert run("best", "1").startswith("observation 1: score 1")
    assert run("extend", "1", "--budget", "6") == "experiment 1: budget 6 (was 4)\n"


def test_an_experiment_is_shown_with_its_observations_and_open_suggestions(
    run: Run, search: BoundApiResource
) -> None:
    shown = run("show", "1")
    assert "parameter kind: categorical one of a, =b" in shown
    assert "parameter x: double 0 to 1" in shown
    assert "3 observations" in shown
    assert "failed" in shown
    assert "1 open suggestions" in shown
    assert "x=0.125 kind=a" in shown


def test_the_best_is_shown(run: Run, search: BoundApiResource) -> None:
    assert run("best", "1").splitlines() == ["observation 2: score 3 ± 0.5", "  x=0.5 kind==b"]


def test_the_budget_is_extended(run: Run, search: BoundApiResource) -> None:
    assert run("extend", "1", "--budget", "40") == "experiment 1: observation budget 40 (was 20)\n"
    assert search.fetch().observation_budget == 40


def test_a_point_is_queued_and_served_next(run: Run, search: BoundApiResource) -> None:
    run("queue", "1", "x=0.375", "kind==b")
    assert search.suggestions().create().to_json()["assignments"] == {"x": 0.375, "kind": "=b"}
    assert "x=much  expected name=number" in run("queue", "1", "x=much", "kind=a", code=2)


def test_an_export_is_imported_again_with_all_observations(
    run: Run, search: BoundApiResource, tmp_path: Path
) -> None:
    file = tmp_path / "experiment.json"
    run("export", "1", "--to", str(file))
    assert run("import", str(file)) == "experiment 2: 3 observations imported\n"
    first, second = (json.loads(run("export", experiment)) for experiment in ("1", "2"))
    assert second["experiment"]["parameters"] == first["experiment"]["parameters"]
    compared = ("assignments", "values", "failed", "metadata")
    assert [[item[key] for key in compared] for item in second["observations"]] == [
        [item[key] for key in compared] for item in first["observations"]
    ]


def test_an_import_is_in_its_project_and_knows_nothing_of_the_search_that_was_exported(
    run: Run, connect: Connect, store: str, define: Define, tmp_path: Path
) -> None:
    connection = connect(store)
    connection.clients(1).projects().create(id="quick", name="quick")
    metadata = {"sweep": "ab12", "sweep_dir": str(tmp_path), "owner": "me"}
    connection.experiments().create(**define(project="quick", metadata=metadata))
    file = tmp_path / "experiment.json"
    run("export", "1", "--to", str(file))
    elsewhere = ("--store", f"sqlite:///{tmp_path}/elsewhere.db")
    run("import", *elsewhere, str(file))
    imported = json.loads(run("export", *elsewhere, "1"))["experiment"]
    assert (imported["project"], imported["metadata"]) == ("quick", {"owner": "me"})


def test_an_import_has_the_budget_of_an_experiment_of_the_module_interface(
    run: Run, connect: Connect, store: str, tmp_path: Path
) -> None:
    project = connect(store).clients(1).projects()
    project.create(id="quick", name="quick")
    x = {"name": "x", "type": "double", "bounds": {"min": 0, "max": 1}}
    definition = {"name": "runs", "parameters": [x], "metrics": [{"name": "score"}], "budget": 4}
    connect(store).clients(1).projects("quick").aiexperiments().create(**definition)
    file = tmp_path / "experiment.json"
    run("export", "1", "--to", str(file))
    run("import", str(file))
    assert json.loads(run("export", "2"))["experiment"]["observation_budget"] == 4


def test_a_csv_export_is_safe_to_open_and_can_be_imported_into_an_experiment(
    run: Run, search: BoundApiResource, tmp_path: Path
) -> None:
    file = tmp_path / "experiment.csv"
    run("export", "1", "--format", "csv", "--to", str(file))
    rows = list(csv.reader(file.read_text().splitlines()))
    assert rows[0] == ["observation", "kind", "x", "score", "score_stddev", "failed"]
    assert rows[2] == ["2", "'=b", "0.5", "3.0", "0.5", "False"]
    assert run("import", str(file), "--into", "1") == "experiment 1: 3 observations imported\n"
    newest = search.observations().fetch(limit=2).to_json()["data"]
    assert (newest[0]["failed"], newest[1]["assignments"]) == (True, {"kind": "=b", "x": 0.5})


def test_an_export_to_optuna_is_a_study_of_the_same_trials(
    run: Run, search: BoundApiResource, tmp_path: Path
) -> None:
    optuna = pytest.importorskip("optuna")
    url = f"sqlite:///{tmp_path / 'optuna.db'}"
    run("export", "1", "--format", "optuna", "--to", url)
    storage = optuna.storages.RDBStorage(url)
    study = optuna.load_study(storage=storage, study_name="sigopt-1 search")
    assert study.best_params == {"kind": "=b", "x": 0.5}
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "COMPLETE", "FAIL"]
    storage.remove_session()
    storage.engine.dispose()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "99"], "no experiment 99"),
        (["import", "nowhere.json"], "cannot be read"),
        (["export", "1", "--format", "optuna"], "--to  missing"),
        (["server", "--host", "0.0.0.0", "--no-auth"], "open to others"),
        (["server"], "has no token"),
        (["token", "revoke", "5"], "no token 5"),
        (["list", "--store", "nonsense"], "is not a database URL"),
    ],
)
def test_what_is_wrong_is_told_in_a_line_with_exit_code_2(
    run: Run, search: BoundApiResource, arguments: list[str], words: str
) -> None:
    told = run(*arguments, code=2)
    assert words in told
    assert "Traceback" not in told


def test_a_token_is_shown_once_listed_and_revoked(run: Run) -> None:
    token = run("token", "create", "--name", "laptop").strip()
    assert len(token) == 48
    listed = run("token", "list")
    assert token not in listed
    assert listed.splitlines()[1].split()[:2] == ["1", "laptop"]
    run("token", "revoke", "1")
    assert "revoked" in run("token", "list")


def test_a_token_is_nowhere_in_the_store(run: Run, store: str) -> None:
    token = run("token", "create").strip()
    file = Path(store.removeprefix("sqlite:///"))
    for part in file.parent.iterdir():
        assert token.encode() not in part.read_bytes()


def test_the_words_of_others_cannot_move_the_cursor(
    run: Run, connect: Connect, store: str, define: Define
) -> None:
    connect(store).experiments().create(**define(name="red \x1b[31m"))
    assert "\x1b" not in run("list")


def test_an_older_store_is_brought_up_to_date_by_its_command(run: Run, store: str) -> None:
    dump = Path(__file__).parents[1] / "backend" / "stores" / "version_2.sql"
    with closing(sqlite3.connect(store.removeprefix("sqlite:///"))) as database:
        database.executescript(dump.read_text(encoding="utf-8"))
    assert "a copy of the older one is" in run("migrate")
    assert run("migrate") == "the store is up to date\n"
    assert "search" in run("list")
