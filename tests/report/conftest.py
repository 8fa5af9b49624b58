"""Experiments in a real store, observed through the official client, and their results."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sigopt.resource import BoundApiResource

from sigtune.report.results import Results, results_from_json
from tests.fixture_types import Start

PARAMETERS = [
    {"name": "lr", "type": "double", "bounds": {"min": 0.001, "max": 1}, "transformation": "log"},
    {"name": "layers", "type": "int", "bounds": {"min": 1, "max": 4}},
    {"name": "kind", "type": "categorical", "categorical_values": ["relu", "</script><b>gelu"]},
]
KINDS = ("relu", "</script><b>gelu")

Observe = Callable[..., Results]


def results_of(search: BoundApiResource) -> Results:
    """Return what the client gives of an experiment."""
    pages = [item.to_json() for item in search.observations().fetch().iterate_pages()]
    return results_from_json(search.fetch().to_json(), reversed(pages))


@pytest.fixture
def observe(start: Start) -> Observe:
    """Return a function that observes scores, None for a failure, and gives the experiment's results."""

    def observed(
        *scores: float | dict[str, float] | None,
        assignments: Sequence[dict[str, Any]] | None = None,
        **changes: Any,
    ) -> Results:
        search = start(**{"parameters": PARAMETERS, **changes})
        for number, score in enumerate(scores, start=1):
            usual = {"lr": 0.001 * number, "layers": number % 4 + 1, "kind": KINDS[number % 2]}
            point = assignments[number - 1] if assignments else usual
            metadata = {"job": number, "reason": "" if score is not None else "<script>alert(1)</script>"}
            if score is None:
                search.observations().create(assignments=point, failed=True, metadata=metadata)
                continue
            named = score if isinstance(score, dict) else {"score": score}
            values = [{"name": name, "value": value} for name, value in named.items()]
            search.observations().create(assignments=point, values=values, metadata=metadata)
        return results_of(search)

    return observed
