"""A store with an experiment, and a dashboard over it."""

from collections.abc import Iterator

import pytest
from sigopt.resource import BoundApiResource

from sigtune.tuning.connection import connect as connect_by_environment
from tests.dashboard.running import Visitor, running_dashboard
from tests.fixture_types import Connect, Define


@pytest.fixture
def search(connect: Connect, store: str, define: Define) -> BoundApiResource:
    """An experiment with two observations, a failed one, an open suggestion and a queued one."""
    connection = connect(store)
    kinds = {"name": "kind", "type": "categorical", "categorical_values": ["a", "b"]}
    x = {"name": "x", "type": "double", "bounds": {"min": 0, "max": 1}}
    created = connection.experiments().create(**define(parameters=[x, kinds]))
    search = connection.experiments(created.id)
    for x_value, kind, score in ((0.25, "a", 1), (0.5, "b", 3)):
        values = [{"name": "score", "value": score, "value_stddev": 0.5}]
        search.observations().create(assignments={"x": x_value, "kind": kind}, values=values)
    reason = {"reason": "loss became NaN"}
    search.observations().create(assignments={"x": 0.75, "kind": "a"}, failed=True, metadata=reason)
    search.suggestions().create(assignments={"x": 0.125, "kind": "a"})
    search.queued_suggestions().create(assignments={"x": 0.875, "kind": "b"})
    return search


@pytest.fixture
def visitor(store: str) -> Iterator[Visitor]:
    """Somebody who looks at the dashboard of the test's store."""
    driver = connect_by_environment("local", store, retry_seconds=0).impl.driver
    with running_dashboard(lambda _token: driver) as url:
        visitor = Visitor(url)
        yield visitor
        visitor.session.close()
    driver.close()
