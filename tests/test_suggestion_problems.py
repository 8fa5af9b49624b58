"""The problems that benchmarks/suggestion_quality.py compares optimizers on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sigtune.definition.metrics import Metric
from sigtune.definition.parameters import Parameter
from sigtune.definition.validation.experiment import experiment_problems

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"


def parameter_json(parameter: Parameter) -> dict[str, Any]:
    bounds = parameter.bounds and dict(zip(("min", "max"), parameter.bounds, strict=True))
    return {
        "name": parameter.name,
        "type": parameter.type,
        "bounds": bounds,
        "grid": parameter.grid and list(parameter.grid),
        "categorical_values": parameter.categories and list(parameter.categories),
        "transformation": "log" if parameter.log else None,
        "default_value": parameter.default,
    }


def metric_json(metric: Metric) -> dict[str, Any]:
    return {
        "name": metric.name,
        "objective": metric.objective,
        "strategy": metric.strategy,
        "threshold": metric.threshold,
    }


def test_each_is_an_experiment_that_could_be_created(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    from suggestion_quality_problems import all_problems

    problems = all_problems()
    assert len(problems) > 14
    for problem in problems:
        definition = {
            "name": problem.name,
            "parameters": [parameter_json(each) for each in problem.definition.parameters],
            "metrics": [metric_json(each) for each in problem.definition.metrics],
            "observation_budget": problem.definition.observation_budget,
        }
        assert experiment_problems(definition) == [], problem.name
