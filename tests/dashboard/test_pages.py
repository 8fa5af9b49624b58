"""What the pages show of a store, and what they say where there is nothing to show."""

import csv
import json
from contextlib import closing

import pytest
import yaml
from sigopt.resource import BoundApiResource

from sigtune.backend.api import Api
from sigtune.server.background import running_server
from sigtune.server.serve import ServerOptions
from sigtune.tuning.connection import connect as connect_by_environment
from tests.dashboard.running import Visitor, running_dashboard, text_of
from tests.fixture_types import Connect, Define, Start


def test_the_list_has_each_experiment_with_progress_and_best(
    visitor: Visitor, search: BoundApiResource
) -> None:
    shown = text_of(visitor.get("/"))
    assert "search" in shown
    assert "3 of 20" in shown
    assert "score 3 ± 0.5" in shown
    assert "in progress" in shown


def test_the_list_is_searched_by_name_project_and_state(
    visitor: Visitor, connect: Connect, store: str, define: Define
) -> None:
    connection = connect(store)
    client = connection.tokens("self").fetch().client
    connection.clients(client).projects().create(id="speech", name="Speech")
    connection.experiments().create(**define(name="alpha", project="speech"))
    connection.experiments(connection.experiments().create(**define(name="beta")).id).delete()
    assert "alpha" in visitor.get("/?search=LPH")
    assert "alpha" not in visitor.get("/?search=beta")
    assert "alpha" in visitor.get("/?project=speech")
    assert "beta" not in visitor.get("/")
    assert "beta" in visitor.get("/?state=deleted")


def test_the_summary_has_the_best_the_open_suggestions_and_the_failures(
    visitor: Visitor, search: BoundApiResource
) -> None:
    shown = text_of(visitor.get("/experiments/1"))
    assert "3 of 20 observations" in shown
    assert "score 3 ± 0.5 x 0.5 kind b observation 2" in shown
    assert "suggestion 1 open" in shown
    assert "1 × loss became NaN" in shown
    assert "queued 1" in shown


def test_the_summary_of_two_metrics_has_the_whole_pareto_front(visitor: Visitor, start: Start) -> None:
    search = start(metrics=[{"name": "accuracy"}, {"name": "seconds", "objective": "minimize"}])
    for accuracy, seconds in ((1, 1), (2, 2), (0, 3)):
        values = [{"name": "accuracy", "value": accuracy}, {"name": "seconds", "value": seconds}]
        search.observations().create(assignments={"x": 0.5, "y": 0.5}, values=values)
    shown = text_of(visitor.get("/experiments/1"))
    assert "Best assignments (2 of 2)" in shown
    assert "accuracy 2 seconds 2" in shown


def test_the_history_has_every_observation_oldest_first_and_then_only_the_new_ones(
    visitor: Visitor, search: BoundApiResource
) -> None:
    history = json.loads(visitor.get("/experiments/1/observations.json"))
    assert [column["name"] for column in history["columns"]] == ["score", "kind", "x"]
    rows = [[row[0], row[4], *row[5:]] for row in history["rows"]]
    assert rows == [[1, "", 1.0, "a", 0.25], [2, "", 3.0, "b", 0.5], [3, "loss became NaN", None, "a", 0.75]]
    assert history["best"] == [2]
    search.observations().create(assignments={"x": 0.1, "kind": "a"}, values=[{"name": "score", "value": 9}])
    since = f"reading={history['reading']}&from=3"
    later = json.loads(visitor.get(f"/experiments/1/observations.json?{since}"))
    assert (later["from"], [row[5] for row in later["rows"]], later["best"]) == (3, [9.0], [4])


def test_the_csv_is_what_the_export_writes(visitor: Visitor, search: BoundApiResource) -> None:
    rows = list(csv.reader(visitor.get("/experiments/1/observations.csv").splitlines()))
    assert rows[0] == ["observation", "kind", "x", "score", "score_stddev", "failed"]
    assert len(rows) == 4


def test_every_figure_has_its_data_or_a_reason(visitor: Visitor, search: BoundApiResource) -> None:
    for figure in ("history", "importance", "parallel", "scatter", "contour", "slice", "pareto"):
        shown = json.loads(visitor.get(f"/experiments/1/series/{figure}.json"))
        assert shown["kind"] == figure
        assert shown["title"] or shown["reason"], figure


def test_a_figure_of_what_the_experiment_has_not_is_refused(
    visitor: Visitor, search: BoundApiResource
) -> None:
    assert "no column parameter:y" in visitor.get("/experiments/1/series/scatter.json?x=parameter:y", 404)
    assert "no metric metric:y" in visitor.get("/experiments/1/series/history.json?metric=metric:y", 404)
    assert "no figure pie" in visitor.get("/experiments/1/series/pie.json", 404)


def test_a_correction_of_an_earlier_observation_is_shown(visitor: Visitor, search: BoundApiResource) -> None:
    def scores() -> list[float]:
        rows = json.loads(visitor.get("/experiments/1/observations.json"))["rows"]
        return [row[5] for row in rows]

    assert scores() == [1.0, 3.0, None]
    search.observations(1).update(values=[{"name": "score", "value": 2}])
    assert scores() == [2.0, 3.0, None]
    search.observations(2).delete()
    assert scores() == [2.0, None]


def test_the_version_changes_with_whatever_a_page_shows(visitor: Visitor, search: BoundApiResource) -> None:
    seen = [visitor.get("/experiments/1/updated.json")]
    search.suggestions().create(assignments={"x": 0.5, "kind": "a"})
    seen.append(visitor.get("/experiments/1/updated.json"))
    search.queued_suggestions().delete()
    seen.append(visitor.get("/experiments/1/updated.json"))
    search.update(metadata={"notes": "look at the learning rate"})
    seen.append(visitor.get("/experiments/1/updated.json"))
    assert len(set(seen)) == 4
    assert visitor.get("/experiments/1/updated.json") == seen[-1]


def test_experiments_are_compared_in_one_picture(
    visitor: Visitor, search: BoundApiResource, connect: Connect, store: str, define: Define
) -> None:
    other = connect(store).experiments(connect(store).experiments().create(**define(name="other")).id)
    other.observations().create(assignments={"x": 0.5, "y": 0.5}, values=[{"name": "score", "value": 2}])
    [figure] = json.loads(visitor.get("/compare.json?experiment=1&experiment=2"))
    assert [line["label"] for line in figure["lines"]] == ["1 search", "2 other"]
    assert figure["lines"][0]["y"] == [1, 1, 3, 3]
    assert figure["lines"][0]["x"] == [1, 2, 2, 3]


def test_what_does_not_exist_is_said_in_words(visitor: Visitor, search: BoundApiResource) -> None:
    for path, words in {
        "/experiments/99": "no experiment 99",
        "/experiments/99/history": "no experiment 99",
        "/experiments/nonsense": "no experiment nonsense",
        "/experiments/1/observations/99": "no observation 99",
        "/experiments/1/jobs/1": "not on this machine",
        "/somewhere": "no page /somewhere",
    }.items():
        shown = visitor.get(path, 404)
        assert words in shown, path
        assert "data-retry" in shown, path


def test_an_archived_experiment_is_shown_and_says_so(visitor: Visitor, search: BoundApiResource) -> None:
    search.delete()
    shown = text_of(visitor.get("/experiments/1"))
    assert "This experiment is archived" in shown
    assert "Bring back" in shown


def test_a_server_that_goes_away_is_said_so_and_comes_back(
    search: BoundApiResource, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGOPT_KEY", "any")
    with closing(Api(store)) as api:
        with running_server(api, ServerOptions(port=0, no_auth=True)) as server:
            monkeypatch.setenv("SIGOPT_API_URL", server)
        driver = connect_by_environment("api", retry_seconds=0).impl.driver
        with running_dashboard(lambda _token: driver) as url:
            visitor = Visitor(url)
            assert "cannot be reached at the moment" in visitor.get("/experiments/1", 503)
            assert "no connection" in json.loads(visitor.get("/experiments/1/updated.json", 503))["message"]
            port = int(server.rpartition(":")[2])
            with running_server(api, ServerOptions(port=port, no_auth=True)):
                assert "3 of 20 observations" in text_of(visitor.get("/experiments/1"))
            visitor.session.close()
        driver.session.close()


def test_the_definition_is_a_block_that_makes_the_same_experiment(
    visitor: Visitor, search: BoundApiResource, connect: Connect, store: str
) -> None:
    search.update(metadata={"sweep": "ab12", "sweep_dir": "/a", "notes": "the first", "owner": "me"})
    block = yaml.safe_load(visitor.get("/experiments/1/definition.yaml"))
    again = connect(store).experiments().create(**block).to_json()
    first = search.fetch().to_json()
    same = ("name", "parameters", "metrics", "observation_budget", "parallel_bandwidth")
    assert [again[field] for field in same] == [first[field] for field in same]
    assert again["metadata"] == {"owner": "me"}
