"""What can be changed by the pages, and what they say of wrong input."""

from __future__ import annotations

from sigopt.resource import BoundApiResource

from tests.dashboard.running import Visitor, text_of


def test_a_point_is_queued_and_taken_out_again(visitor: Visitor, search: BoundApiResource) -> None:
    form = {"parameter:x": "0.375", "parameter:kind": "b"}
    assert "Queued:" in visitor.post("/experiments/1/queue", form)
    queued = search.queued_suggestions().fetch().to_json()["data"]
    assert queued[0]["assignments"] == {"x": 0.375, "kind": "b"}
    visitor.post(f"/experiments/1/queue/{queued[0]['id']}/delete")
    assert search.queued_suggestions().fetch().count == 1


def test_what_is_wrong_with_a_queued_point_is_said_and_what_was_typed_stays(
    visitor: Visitor, search: BoundApiResource
) -> None:
    form = {"parameter:x": "much", "parameter:kind": "b"}
    shown = visitor.post("/experiments/1/queue", form, code=400)
    assert "x: expected a number, got &#39;much&#39;" in shown
    assert 'value="much"' in shown
    shown = visitor.post("/experiments/1/queue", {"parameter:x": "7"}, code=400)
    assert "assignments.kind: missing" in shown
    assert "ApiException" not in shown


def test_a_suggestion_is_asked_for_and_deleted(visitor: Visitor, search: BoundApiResource) -> None:
    visitor.post("/experiments/1/suggestions")
    opened = search.suggestions().fetch(state="open").to_json()["data"]
    assert len(opened) == 2
    assert opened[0]["assignments"] == {"x": 0.875, "kind": "b"}
    visitor.post(f"/experiments/1/suggestions/{opened[0]['id']}/delete")
    assert search.suggestions().fetch(state="open").count == 1


def test_an_observation_of_a_suggestion_closes_it(visitor: Visitor, search: BoundApiResource) -> None:
    form = {"suggestion": "1", "metric:score": "2.5", "stddev:score": "0.25"}
    assert "The observation is added" in visitor.post("/experiments/1/add-data", form)
    [newest] = search.observations().fetch(limit=1).to_json()["data"]
    assert (newest["suggestion"], newest["assignments"]) == ("1", {"x": 0.125, "kind": "a"})
    assert (newest["values"][0]["value"], newest["values"][0]["value_stddev"]) == (2.5, 0.25)
    assert search.suggestions().fetch(state="open").count == 0


def test_a_failure_of_any_assignments_is_added_with_its_reason(
    visitor: Visitor, search: BoundApiResource
) -> None:
    form = {"parameter:x": "0.5", "parameter:kind": "a", "failed": "1", "reason": "out of memory"}
    visitor.post("/experiments/1/add-data", form)
    [newest] = search.observations().fetch(limit=1).to_json()["data"]
    assert (newest["failed"], newest["metadata"]) == (True, {"reason": "out of memory"})
    shown = visitor.post("/experiments/1/add-data", {"parameter:x": "0.5", "parameter:kind": "a"}, code=400)
    assert "score: expected a number" in shown


def test_a_csv_is_added_whole_or_not_at_all(visitor: Visitor, search: BoundApiResource) -> None:
    wrong = "x,kind,score\n0.5,a,1\n0.5,a,much\n"
    shown = text_of(visitor.post("/experiments/1/add-data/csv", {"csv": wrong}, code=400))
    assert "line 3 score: expected a number, got 'much'" in shown
    shown = text_of(visitor.post("/experiments/1/add-data/csv", {"csv": "x,kinds\n0.5,a\n"}, code=400))
    assert "line 1 neither a parameter nor a metric: kinds → kind" in shown
    assert "line 2 score: there is no value" in shown
    assert "no line below" in visitor.post("/experiments/1/add-data/csv", {"csv": "x,kind,score\n"}, code=400)
    assert search.observations().fetch().count == 3
    visitor.post("/experiments/1/add-data/csv", {"csv": wrong.replace("much", "2")})
    assert search.observations().fetch().count == 5
    exported = visitor.get("/experiments/1/observations.csv")
    visitor.post("/experiments/1/add-data/csv", {"csv": exported})
    assert search.observations().fetch().count == 10


def test_name_budget_bandwidth_and_notes_are_changed(visitor: Visitor, search: BoundApiResource) -> None:
    search.update(metadata={"author": "somebody"})
    form = {
        "name": "renamed",
        "observation_budget": "40",
        "parallel_bandwidth": "4",
        "notes": "the first\r\ntry",
    }
    shown = visitor.post("/experiments/1/properties", form)
    assert "renamed" in shown
    experiment = search.fetch().to_json()
    assert (experiment["name"], experiment["observation_budget"]) == ("renamed", 40)
    assert experiment["parallel_bandwidth"] == 4
    assert experiment["metadata"] == {"author": "somebody", "notes": "the first\ntry"}
    visitor.post("/experiments/1/properties", {**form, "notes": "", "parallel_bandwidth": ""})
    experiment = search.fetch().to_json()
    assert (experiment["metadata"], experiment["parallel_bandwidth"]) == ({"author": "somebody"}, None)
    shown = visitor.post("/experiments/1/properties", {**form, "observation_budget": "many"}, code=400)
    assert "observation_budget: expected a whole number" in shown


def test_an_experiment_is_archived_and_brought_back(visitor: Visitor, search: BoundApiResource) -> None:
    assert "is archived" in text_of(visitor.post("/experiments/1/state", {"state": "deleted"}))
    assert search.fetch().state == "deleted"
    visitor.post("/experiments/1/state", {"state": "active"})
    assert search.fetch().state == "active"
