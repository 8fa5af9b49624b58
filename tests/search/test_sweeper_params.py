"""`hydra.sweeper.params`: a search space in a config, as the sweepers of Optuna and of Ax have it."""

from typing import Any

import pytest

from sigtune.errors import UsageError
from sigtune.search.search_space import read_command_line
from sigtune.search.sweeper_params import refuse_options, with_sweeper_params


def test_they_are_overrides_that_a_command_line_goes_before() -> None:
    params = {"x": "interval(0,1)", "+size": 3, "label": "a,b", "model": {"width": "range(1,4)"}}
    expected = ["x=interval(0,1)", "+size=3", "model.width=range(1,4)", "label=c"]
    assert with_sweeper_params(["label=c"], params) == expected


def test_those_of_ax_become_parameters_of_the_same_meaning() -> None:
    params = {
        "model": {
            "lr": {"type": "range", "bounds": [0.001, 0.1], "log_scale": True},
            "width": {"type": "range", "bounds": [8, 64]},
            "depth": {"type": "range", "bounds": [1, 4], "value_type": "float"},
            "kind": {"type": "choice", "values": ["a b", "c"]},
        },
        "seed": {"type": "fixed", "value": 3},
    }
    line = read_command_line(with_sweeper_params([], params), None)
    assert line.problems == []
    assert line.fixed == ["seed=3"]
    assert line.parameters == [
        {"name": "model.lr", "type": "double", "bounds": {"min": 0.001, "max": 0.1}, "transformation": "log"},
        {"name": "model.width", "type": "int", "bounds": {"min": 8, "max": 64}},
        {"name": "model.depth", "type": "double", "bounds": {"min": 1.0, "max": 4.0}},
        {"name": "model.kind", "type": "categorical", "categorical_values": ["a b", "c"]},
    ]


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"type": "float", "low": 0, "high": 1}, "x.type=float"),
        ({"type": "range", "values": [1, 2]}, "x.values"),
        ({"type": "range"}, "x.bounds"),
        ({"type": "range", "bounds": [1]}, "x.bounds"),
        ({"type": "choice", "values": "a"}, "x.values"),
    ],
)
def test_a_mapping_that_is_not_axs_is_refused_by_its_key(given: dict[str, Any], key: str) -> None:
    with pytest.raises(UsageError) as raised:
        with_sweeper_params([], {"x": given})
    assert [problem.key for problem in raised.value.problems] == [f"hydra.sweeper.params.{key}"]


def test_what_other_sweepers_have_is_refused_with_its_place_here() -> None:
    refuse_options({})
    with pytest.raises(UsageError) as raised:
        refuse_options({"n_trials": 20, "sampler": {}})
    assert [(problem.key, problem.remedy) for problem in raised.value.problems] == [
        ("hydra.sweeper.n_trials", "sigopt.observation_budget"),
        ("hydra.sweeper.sampler", "the sigopt block"),
    ]
