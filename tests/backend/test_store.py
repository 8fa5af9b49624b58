"""The database behind the driver."""

import json
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sigopt import Connection
from sigopt.exception import ApiException
from tests import app_process
from tests.fixture_types import Connect, Define, Start
from tests.patience import PATIENCE_SECONDS

from sigtune.backend.ahead import Question
from sigtune.backend.driver import LocalDriver
from sigtune.backend.serving import MOST_ATTEMPTS
from sigtune.definition.experiment import Suggestion
from sigtune.errors import Problem, UsageError
from sigtune.optimizer import suggest as optimizer


def problem_of(url: str, **kwargs: int) -> Problem:
    with pytest.raises(UsageError) as error:
        LocalDriver(url, **kwargs)
    [problem] = error.value.problems
    return problem


def test_a_store_in_a_folder_that_does_not_exist_is_a_usage_error(tmp_path: Path) -> None:
    problem = problem_of(f"sqlite:///{tmp_path / 'nowhere' / 'sigopt.db'}")
    assert problem.key == "sigopt.store"
    assert problem.what == f"the folder {tmp_path / 'nowhere'} does not exist"


def test_a_folder_in_the_place_of_the_file_is_a_usage_error(tmp_path: Path) -> None:
    problem = problem_of(f"sqlite:///{tmp_path}")
    assert problem.what == f"{tmp_path} is a folder, and a store is a file"
    assert problem.remedy == f"sqlite:///{tmp_path / 'sigopt.db'}"


def test_a_sqlite_file_is_made_by_the_first_request_that_writes_and_read_as_empty_before(
    tmp_path: Path, connect: Connect, define: Define
) -> None:
    path = tmp_path / "sigopt.db"
    connection = connect(f"sqlite:///{path}")
    assert connection.experiments().fetch().count == 0
    with pytest.raises(ApiException) as error:
        connection.experiments(1).suggestions().create()
    assert error.value.status_code == 404
    assert list(tmp_path.iterdir()) == []
    connect(f"sqlite:///{path}").experiments().create(**define())
    assert connection.experiments().fetch().count == 1


def test_a_file_that_is_no_database_is_a_usage_error_and_stays_as_it_is(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("not a database, and long enough to look at" * 50)
    before = notes.read_bytes()
    assert problem_of(f"sqlite:///{notes}").what == f"{notes} is not a database of SQLite"
    assert notes.read_bytes() == before


@pytest.mark.parametrize(
    ("is_whole_file", "raised"), [(True, UsageError), (False, ApiException)], ids=["whole file", "some pages"]
)
def test_a_damaged_file_is_named_with_what_can_be_done(
    tmp_path: Path, define: Define, is_whole_file: bool, raised: type[Exception]
) -> None:
    path = tmp_path / "sigopt.db"
    with closing(LocalDriver(f"sqlite:///{path}")) as driver:
        Connection(driver=lambda: driver).experiments().create(**define())
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        pages = [
            page for (page,) in database.execute("SELECT rootpage FROM sqlite_master WHERE rootpage > 0")
        ]
        of_versions = "SELECT rootpage FROM sqlite_master WHERE tbl_name = 'store_version'"
        whole = [] if is_whole_file else [page for (page,) in database.execute(of_versions)]
        (size,) = database.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        for page in set(pages) - {*whole}:
            file.seek((page - 1) * size)
            file.write(b"\xa5" * size)
    with pytest.raises(raised, match=r"damaged.*recover"):
        Connection(driver=lambda: LocalDriver(f"sqlite:///{path}")).experiments().fetch()


def test_a_store_that_cannot_be_written_is_a_usage_error(
    tmp_path: Path, connect: Connect, define: Define
) -> None:
    path = tmp_path / "sigopt.db"
    connect(f"sqlite:///{path}").experiments().create(**define())
    problem = problem_of(f"sqlite:///file:{path}?mode=ro&uri=true")
    assert problem.key == "sigopt.store"
    assert "readonly" in problem.what


def test_a_store_of_another_version_is_a_usage_error(
    tmp_path: Path, connect: Connect, define: Define
) -> None:
    path = tmp_path / "sigopt.db"
    connect(f"sqlite:///{path}").experiments().create(**define())
    with sqlite3.connect(path) as database:
        database.execute("UPDATE store_version SET version = 99")
    database.close()
    assert "version 99" in problem_of(f"sqlite:///{path}").what


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sigopt.db", "not a database URL"),
        ("", "not a database URL"),
        ("nosuchdb://host/x", "nosuchdb"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
    ],
)
def test_a_url_that_names_no_store_is_a_usage_error(url: str, words: str) -> None:
    problem = problem_of(url)
    assert problem.key == "sigopt.store"
    assert words in problem.what


def test_a_database_server_that_does_not_answer_is_asked_for_rather_than_a_folder() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # and nobody listens
        problem = problem_of(f"postgresql+psycopg://me:pa55word@127.0.0.1:{silent.getsockname()[1]}/x")
    assert "Connection refused" in problem.what
    assert "\n" not in problem.what
    assert "server" in problem.remedy
    assert "pa55word" not in problem.what


def test_a_password_in_the_url_is_in_no_message() -> None:
    problem = problem_of("nosuchdb://user:pa55word@host/x")
    assert "pa55word" not in f"{problem.what} {problem.remedy}"


def test_a_negative_seed_is_a_usage_error(tmp_path: Path) -> None:
    assert problem_of(f"sqlite:///{tmp_path / 'a.db'}", seed=-1).key == "sigopt.seed"


def test_a_relative_path_stays_the_same_file_when_the_process_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, connect: Connect, define: Define
) -> None:
    monkeypatch.chdir(tmp_path)
    connection = connect("sqlite:///sigopt.db")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    connection.experiments().create(**define())
    assert not list((tmp_path / "elsewhere").iterdir())
    assert connect(f"sqlite:///{tmp_path / 'sigopt.db'}").experiments().fetch().count == 1


def test_a_store_that_stays_locked_is_a_503_that_may_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, connect: Connect, define: Define
) -> None:
    monkeypatch.setattr("sigtune.backend.store.BUSY_TIMEOUT_SECONDS", 0.05)
    path = tmp_path / "sigopt.db"
    connection = connect(f"sqlite:///{path}")
    before = connection.experiments().create(**define()).id
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(ApiException, match="locked") as refusal:
        connection.experiments().create(**define())
    assert refusal.value.status_code == 503
    assert [experiment.id for experiment in connection.experiments().fetch().iterate_pages()] == [before]
    holder.close()
    assert connection.experiments().create(**define()).name == "search"


def test_a_file_that_is_deleted_is_missed_and_one_in_its_place_is_read_and_written(
    tmp_path: Path, connect: Connect, define: Define
) -> None:
    file = tmp_path / "sigopt.db"
    connection = connect(f"sqlite:///{file}")
    first = connection.experiments().create(**define(name="first"))
    file.unlink()
    with pytest.raises(ApiException, match="is not there any more") as raised:
        connection.experiments(first.id).fetch()
    assert raised.value.status_code == 503
    with pytest.raises(ApiException, match="is not there any more"):
        connection.experiments().create(**define())
    other = connect(f"sqlite:///{file}")
    for name in ("other", "another"):
        other.experiments().create(**define(name=name))
    assert connection.experiments(first.id).fetch().name == "other"
    assert connection.experiments().create(**define()).id == "3"
    assert other.experiments().fetch().count == 3


def test_everything_is_there_for_the_next_process(tmp_path: Path, connect: Connect, define: Define) -> None:
    url = f"sqlite:///{tmp_path / 'sigopt.db'}"
    script = (
        "import sys, json, sigopt\n"
        "from sigtune.backend.driver import LocalDriver\n"
        "connection = sigopt.Connection(driver=LocalDriver, url=sys.argv[1])\n"
        "search = connection.experiments(connection.experiments().create(**json.loads(sys.argv[2])).id)\n"
        "first, second = (search.suggestions().create() for _ in range(2))\n"
        "search.observations().create(suggestion=first.id, value=0.5, metadata={'job': 1})\n"
    )
    subprocess.run(
        [sys.executable, "-W", "error", "-c", script, url, json.dumps(define())],
        check=True,
        timeout=PATIENCE_SECONDS,
    )
    connection = connect(url)
    [experiment] = connection.experiments().fetch().iterate_pages()
    search = connection.experiments(experiment.id)
    assert experiment.progress.observation_count == 1
    [observation] = search.observations().fetch().iterate_pages()
    assert (observation.values[0].value, observation.to_json()["metadata"]) == (0.5, {"job": 1})
    [waiting] = search.suggestions().fetch(state="open").iterate_pages()
    assert waiting.assignments != observation.assignments
    assert search.suggestions().create().assignments not in (waiting.assignments, observation.assignments)


# Prints that it is ready, and draws when the file is there.
DRAW_FOUR = """
import sys, time, sigopt
from pathlib import Path
from sigtune.backend.driver import LocalDriver
url, experiment, go = sys.argv[1:]
search = sigopt.Connection(driver=LocalDriver, url=url).experiments(experiment)
print("ready", flush=True)
while not Path(go).exists():
    time.sleep(0.001)
for _ in range(4):
    print(search.suggestions().create().id)
"""


def test_two_processes_that_draw_at_once_get_different_suggestions(
    tmp_path: Path, connect: Connect, define: Define
) -> None:
    url = f"sqlite:///{tmp_path / 'sigopt.db'}"
    connection = connect(url)
    search = connection.experiments(connection.experiments().create(**define()).id)
    for _ in range(4):
        suggestion = search.suggestions().create()
        search.observations().create(suggestion=suggestion.id, value=suggestion.assignments["x"])
    script = tmp_path / "draw.py"
    script.write_text(DRAW_FOUR)
    command = [sys.executable, script, url, search.fetch().id]
    workers = [app_process.Popen([*command, tmp_path / "go"], stdout=subprocess.PIPE) for _ in range(2)]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    (tmp_path / "go").touch()
    drawn = []
    for worker in workers:
        output, _ = worker.communicate(timeout=PATIENCE_SECONDS)
        assert output is not None
        assert worker.returncode == 0
        drawn.append(output.split())
    assert [len(ids) for ids in drawn] == [4, 4]
    points = [
        tuple(suggestion.assignments.items())
        for suggestion in search.suggestions().fetch(state="open").iterate_pages()
    ]
    assert len(points) == len(set(points)) == len({*drawn[0], *drawn[1]}) == 8
    with sqlite3.connect(tmp_path / "sigopt.db") as database:
        numbers = [row[0] for row in database.execute("SELECT number FROM suggestions ORDER BY number")]
    database.close()
    assert numbers == list(range(12))


def test_a_point_that_others_open_at_every_attempt_is_not_given_out_again(
    tmp_path: Path, connect: Connect, define: Define, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = connect(f"sqlite:///{tmp_path / 'sigopt.db'}")
    search = connection.experiments(connection.experiments().create(**define()).id)
    answer = Question.answer

    def answer_and_open(question: Question) -> Suggestion:
        found = answer(question)
        search.suggestions().create(assignments=found.assignments)
        return found

    monkeypatch.setattr(Question, "answer", answer_and_open)
    search.suggestions().create()
    opened = search.suggestions().fetch(state="open").iterate_pages()
    points = [tuple(suggestion.assignments.items()) for suggestion in opened]
    assert len(points) == len(set(points)) == MOST_ATTEMPTS + 1


def in_threads(count: int, work: Callable[[], Any]) -> list[Any]:
    """Run `work` in several threads that begin together; return what each returned or raised."""
    barrier = threading.Barrier(count)
    results: list[Any] = [None] * count

    def run(index: int) -> None:
        barrier.wait()
        try:
            results[index] = work()
        except Exception as error:  # noqa: BLE001  # it is the result
            results[index] = error

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_a_store_can_be_made_by_many_at_the_same_instant(tmp_path: Path) -> None:
    drivers = in_threads(8, lambda: LocalDriver(f"sqlite:///{tmp_path / 'sigopt.db'}"))
    try:
        assert [type(driver) for driver in drivers] == [LocalDriver] * 8
        counts = {Connection(driver=lambda: driver).experiments().fetch().count for driver in drivers}  # noqa: B023
        assert counts == {0}
    finally:
        for driver in drivers:
            driver.close()


def test_threads_can_share_one_connection(start: Start) -> None:
    search = start()
    drawn = in_threads(6, lambda: search.suggestions().create().to_json()["assignments"])
    assert len({tuple(point.items()) for point in drawn}) == 6


def test_reports_at_once_are_all_kept(start: Start) -> None:
    search = start()
    suggestion = search.suggestions().create()
    in_threads(4, lambda: search.observations().create(suggestion=suggestion.id, value=1))
    assert search.fetch().progress.observation_count == 4


def test_a_client_can_be_used_in_other_threads_before_the_file_is_made(
    tmp_path: Path, connect: Connect, define: Define
) -> None:
    connection = connect(f"sqlite:///{tmp_path / 'sigopt.db'}")
    assert connection.experiments().fetch().count == 0
    assert in_threads(4, lambda: connection.experiments().fetch().count) == [0] * 4
    in_threads(4, lambda: connection.experiments().create(**define()))
    assert connection.experiments().fetch().count == 4


def test_a_report_does_not_wait_for_a_suggestion_in_the_making(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = start()
    waiting = search.suggestions().create()
    begun, go_on = threading.Event(), threading.Event()
    suggest = optimizer.suggest

    def slowly(*args: Any) -> Any:
        begun.set()
        assert go_on.wait(timeout=PATIENCE_SECONDS)
        return suggest(*args)

    monkeypatch.setattr(optimizer, "suggest", slowly)
    thread = threading.Thread(target=search.suggestions().create)
    thread.start()
    assert begun.wait(timeout=PATIENCE_SECONDS)
    search.observations().create(suggestion=waiting.id, value=1)
    assert search.fetch().progress.observation_count == 1
    go_on.set()
    thread.join()
    assert search.suggestions().fetch(state="open").count == 1


def test_a_point_is_computed_anew_where_another_process_opened_a_suggestion(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = start()
    suggest = optimizer.suggest
    seen: list[int] = []

    def while_another_draws(definition: Any, outcomes: Any, open_suggestions: Any, *rest: Any) -> Any:
        seen.append(len(open_suggestions))
        if len(seen) == 1:
            search.suggestions().create(assignments={"x": 0.5, "y": 0.5})
        return suggest(definition, outcomes, open_suggestions, *rest)

    monkeypatch.setattr(optimizer, "suggest", while_another_draws)
    drawn = search.suggestions().create()
    assert seen == [0, 1]
    assert drawn.to_json()["assignments"] != {"x": 0.5, "y": 0.5}


def test_nothing_in_the_store_is_an_opaque_blob(tmp_path: Path, connect: Connect, define: Define) -> None:
    path = tmp_path / "sigopt.db"
    connection = connect(f"sqlite:///{path}")
    experiment = connection.experiments().create(**define())
    search = connection.experiments(experiment.id)
    suggestion = search.suggestions().create()
    search.observations().create(suggestion=suggestion.id, value=0.75)
    query = """
        SELECT parameters.name, assignments.number, metrics.name, metric_values.value
        FROM observations
        JOIN assignments ON assignments.point_id = observations.point_id
        JOIN parameters ON parameters.id = assignments.parameter_id
        JOIN metric_values ON metric_values.observation_id = observations.id
        JOIN metrics ON metrics.id = metric_values.metric_id
        ORDER BY parameters.name
    """
    with sqlite3.connect(path) as database:
        rows = database.execute(query).fetchall()
        tables = [row[0] for row in database.execute("SELECT sql FROM sqlite_master WHERE type = 'table'")]
    database.close()
    assert rows == [("x", 0.5, "score", 0.75), ("y", 0.5, "score", 0.75)]
    assert not [table for table in tables if "JSON" in table or "BLOB" in table]
