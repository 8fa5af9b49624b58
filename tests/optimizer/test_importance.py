"""Which parameters matter."""

import numpy as np
import pytest

from sigtune.definition.experiment import ExperimentDefinition, Observation
from sigtune.definition.metrics import Metric
from sigtune.definition.parameters import Parameter
from sigtune.optimizer.importance import metric_importances

DEFINITION = ExperimentDefinition(
    parameters=(
        Parameter("x", "double", bounds=(0.0, 1.0)),
        Parameter("y", "double", bounds=(0.0, 1.0)),
        Parameter("kind", "categorical", categories=("a", "b")),
    ),
    metrics=(Metric("accuracy"), Metric("seconds", "minimize", "store")),
)


def observed(count: int) -> list[Observation]:
    """Observations whose accuracy depends on x alone, and whose seconds depend on the kind alone."""
    points = np.random.default_rng(0).random((count, 3))
    return [
        Observation(
            {"x": float(x), "y": float(y), "kind": "ab"[int(z > 0.5)]},
            {"accuracy": -((float(x) - 0.3) ** 2), "seconds": float(z > 0.5) + 0.01 * float(y)},
        )
        for x, y, z in points
    ]


@pytest.mark.parametrize(("metric", "decisive"), [("accuracy", "x"), ("seconds", "kind")])
def test_the_parameter_that_a_metric_depends_on_is_the_important_one(metric: str, decisive: str) -> None:
    importances = metric_importances(DEFINITION, observed(60))[metric]
    assert importances.keys() == {"x", "y", "kind"}
    assert importances[decisive] > 0.8
    assert sum(importances.values()) == pytest.approx(1)


def test_nothing_is_important_to_a_metric_that_stays_the_same() -> None:
    same = [Observation(item.assignments, {"accuracy": 1.0, "seconds": 2.0}) for item in observed(30)]
    assert metric_importances(DEFINITION, same)["accuracy"] == {"x": 0.0, "y": 0.0, "kind": 0.0}
