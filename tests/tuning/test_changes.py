"""What a command line changes of an experiment that exists, and what it is told SigOpt cannot change."""

from pathlib import Path
from typing import Any

import pytest
import sigopt

from sigtune.backend.driver import LocalDriver
from sigtune.tuning.block import SearchBlock, read_block
from sigtune.tuning.changes import Changes, asked_changes, has_other_definition

DEFINITION: dict[str, Any] = {
    "name": "search",
    "parameters": [
        {
            "name": "x",
            "type": "double",
            "bounds": {"min": 0.1, "max": 1},
            "transformation": "log",
            "default_value": 0.5,
        },
        {"name": "n", "type": "int", "grid": [1, 2, 4], "conditions": {"net": ["deep"]}},
        {
            "name": "w",
            "type": "double",
            "bounds": {"min": 0, "max": 1},
            "prior": {"name": "normal", "mean": 0.5, "scale": 0.1},
        },
        {"name": "kind", "type": "categorical", "categorical_values": ["b", "a"]},
    ],
    "conditionals": [{"name": "net", "values": ["deep", "wide"]}],
    "linear_constraints": [
        {
            "type": "less_than",
            "threshold": 1.5,
            "terms": [{"name": "w", "weight": 1}, {"name": "v", "weight": 1}],
        }
    ],
    "metrics": [
        {"name": "score", "objective": "maximize", "strategy": "optimize"},
        {"name": "cost", "objective": "minimize", "strategy": "constraint", "threshold": 3.0},
    ],
    "parallel_bandwidth": 2,
    "observation_budget": 20,
}
DEFINITION["parameters"].insert(3, {"name": "v", "type": "double", "bounds": {"min": 0, "max": 1}})
FIELDS = [f"sigopt.{name}" for name in DEFINITION]


@pytest.fixture(scope="module")
def details(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An experiment of the definition, as SigOpt shows it."""
    store = tmp_path_factory.mktemp("store") / "sigopt.db"
    connection = sigopt.Connection(driver=LocalDriver, url=f"sqlite:///{store}")
    return connection.experiments().create(**DEFINITION)


def block(**changed: Any) -> SearchBlock:
    return read_block({**DEFINITION, **changed})


def with_parameter(index: int, **changed: Any) -> list[dict[str, Any]]:
    parameters = [dict(parameter) for parameter in DEFINITION["parameters"]]
    parameters[index].update(changed)
    return parameters


def test_the_definition_that_the_experiment_was_created_with_changes_nothing(details: Any) -> None:
    assert asked_changes(block(), details, FIELDS) == Changes()
    assert not has_other_definition(block(), details)


def test_only_what_the_command_line_gives_is_changed(details: Any) -> None:
    edited = block(observation_budget=30, parallel_bandwidth=3)
    assert asked_changes(edited, details, ["sigopt.parallel_bandwidth", "sigopt.seed", "x"]).update == {
        "parallel_bandwidth": 3
    }
    assert has_other_definition(edited, details)


def test_budget_bandwidth_name_metadata_bounds_and_thresholds_are_changed(details: Any) -> None:
    wider = with_parameter(0, bounds={"min": 0.01, "max": 2})
    metrics = [DEFINITION["metrics"][0], {**DEFINITION["metrics"][1], "threshold": 4.0}]
    asked = block(
        name="longer", observation_budget=30, parameters=wider, metrics=metrics, metadata={"by": "me"}
    )
    keys = [
        *("sigopt.name", "sigopt.observation_budget", "sigopt.metadata.by"),
        *("sigopt.parameters.0.bounds.max", "sigopt.metrics.1.threshold"),
    ]
    changes = asked_changes(asked, details, keys)
    assert changes.problems == []
    assert changes.described == [
        "metadata {'by': 'me'}",
        "cost.threshold 3.0 → 4.0",
        "name search → longer",
        "observation_budget 20 → 30",
        "x.bounds 0.1 to 1 → 0.01 to 2",
    ]
    shown = details.to_json()["parameters"]
    after = {parameter["name"]: parameter for parameter in changes.parameters(shown)}
    assert after["x"]["bounds"] == {"min": 0.01, "max": 2.0}
    assert after["v"]["bounds"]["max"] == 1.0


def test_sigopt_takes_the_changes(tmp_path: Path) -> None:
    connection = sigopt.Connection(driver=LocalDriver, url=f"sqlite:///{tmp_path}/sigopt.db")
    free = {
        name: value
        for name, value in DEFINITION.items()
        if name not in ("linear_constraints", "conditionals", "parameters")
    }
    free["parameters"] = [DEFINITION["parameters"][0], DEFINITION["parameters"][2]]
    made = connection.experiments().create(**free)
    asked = read_block(
        {
            **free,
            "observation_budget": 30,
            "parameters": [
                {**free["parameters"][0], "bounds": {"min": 0.01, "max": 2}},
                free["parameters"][1],
            ],
            "metrics": [free["metrics"][0], {**free["metrics"][1], "threshold": 4.0}],
        }
    )
    changes = asked_changes(asked, made, [f"sigopt.{name}" for name in free])
    after = connection.experiments(made.id).update(**changes.update)
    assert (after.observation_budget, after.metrics[0].threshold) == (30, 4.0)
    assert [(one.name, one.bounds.min, one.bounds.max) for one in after.parameters] == [
        ("w", 0, 1),
        ("x", 0.01, 2),
    ]
    assert after.parameters[0].prior.mean == 0.5
    assert not has_other_definition(asked, after)


@pytest.mark.parametrize(
    ("changed", "key", "refused"),
    [
        ({"type": "random"}, "sigopt.type", "sigopt.type"),
        ({"linear_constraints": []}, "sigopt.linear_constraints", "sigopt.linear_constraints"),
        ({"num_solutions": 3}, "sigopt.num_solutions", "sigopt.num_solutions"),
        (
            {"parameters": with_parameter(0, type="int")},
            "sigopt.parameters.0.type",
            "sigopt.parameters.x.type",
        ),
        (
            {"parameters": with_parameter(0, transformation="none")},
            "sigopt.parameters.0.transformation",
            "sigopt.parameters.x.transformation",
        ),
        ({"parameters": with_parameter(0, name="y")}, "sigopt.parameters.0.name", "sigopt.parameters.y"),
        ({"parameters": DEFINITION["parameters"][1:]}, "sigopt.parameters", "sigopt.parameters.x"),
        (
            {"metrics": [{"name": "score", "objective": "minimize"}, DEFINITION["metrics"][1]]},
            "sigopt.metrics.0.objective",
            "sigopt.metrics.score",
        ),
        ({"metrics": DEFINITION["metrics"][:1]}, "sigopt.metrics", "sigopt.metrics.cost"),
    ],
)
def test_what_sigopt_cannot_change_is_refused_by_name(
    details: Any, changed: dict[str, Any], key: str, refused: str
) -> None:
    changes = asked_changes(block(**changed), details, [key])
    assert [problem.key for problem in changes.problems] == [refused]
