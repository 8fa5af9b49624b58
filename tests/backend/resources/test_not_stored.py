"""What the store has no column for is refused, never dropped."""

from typing import Any

import pytest
from sigopt import Connection
from sigopt.exception import ApiException
from tests.fixture_types import Define

X = {"name": "x", "type": "double", "bounds": {"min": 0, "max": 1}}
Y = {"name": "y", "type": "double", "bounds": {"min": 0, "max": 1}}
CONDITIONAL = {"name": "k", "values": ["1", "2"]}
SUM = {"type": "less_than", "threshold": 1, "terms": [{"name": n, "weight": 1} for n in ("x", "y")]}


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"conditionals": [CONDITIONAL]}, "conditionals"),
        ({"linear_constraints": [SUM]}, "linear_constraints"),
        ({"tasks": [{"name": "short", "cost": 0.1}, {"name": "full", "cost": 1}]}, "tasks"),
        ({"num_solutions": 2}, "num_solutions"),
        ({"type": "random"}, "type"),
        ({"parameters": [{**X, "prior": {"name": "normal", "mean": 0, "scale": 1}}]}, "parameters.x.prior"),
        ({"metrics": None}, "metrics"),
        ({"metrics": [{"name": "a", "threshold": 1}, {"name": "b"}]}, "metrics.a.threshold"),
    ],
)
def test_what_cannot_be_stored_is_refused(
    connection: Connection, define: Define, change: dict[str, Any], key: str
) -> None:
    with pytest.raises(ApiException) as refusal:
        connection.experiments().create(**define(**{"parameters": [X, Y], **change}))
    assert refusal.value.status_code == 400
    assert f"{key}  is not stored" in refusal.value.message
    assert connection.experiments().fetch().count == 0
