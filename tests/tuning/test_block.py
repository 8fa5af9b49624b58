"""The `sigopt` block of any Hydra app, read against the schema."""

from typing import Any

import pytest
from omegaconf import OmegaConf

from sigtune.errors import UsageError
from sigtune.tuning.block import read_block

BLOCK: dict[str, Any] = {
    "name": "s",
    "parameters": [{"name": "n", "type": "int", "bounds": {"min": 1, "max": 4}}],
    "metrics": [{"name": "score"}],
    "observation_budget": 5,
}


def test_a_block_gets_the_defaults_of_the_schema() -> None:
    block = read_block(BLOCK)
    assert (block.backend, block.experiment_id, block.repeats) == ("auto", None, 1)
    assert block.definition["metrics"] == [{"name": "score", "objective": "maximize", "strategy": "optimize"}]
    assert block.definition["parallel_bandwidth"] == 1


def test_every_unknown_key_and_wrong_type_of_a_block_is_told() -> None:
    wrong = {
        **BLOCK,
        "observation_budget": "ten",
        "parallel_bandwith": 2,
        "parameters": [{"name": "n", "type": "int", "bound": {"min": 1}}],
    }
    with pytest.raises(UsageError) as error:
        read_block(OmegaConf.create(wrong))
    assert [(problem.key, problem.remedy) for problem in error.value.problems] == [
        ("sigopt.parameters.n.bound.min", "sigopt.parameters.n.bounds"),
        ("sigopt.observation_budget=ten", ""),
        ("sigopt.parallel_bandwith", "sigopt.parallel_bandwidth"),
    ]


def test_what_a_block_refers_to_is_resolved() -> None:
    app = OmegaConf.create({"budget": 7, "sigopt": {**BLOCK, "observation_budget": "${budget}"}})
    assert read_block(app.sigopt).definition["observation_budget"] == 7


def test_the_definition_holds_the_experiment_only_with_whole_numbers_for_an_int() -> None:
    definition = read_block(BLOCK).definition
    assert definition.keys() == {*BLOCK, "parallel_bandwidth"}
    bounds = definition["parameters"][0]["bounds"]
    assert (bounds, type(bounds["min"])) == ({"min": 1, "max": 4}, int)


def test_the_whole_vocabulary_of_sigopt_reaches_the_definition() -> None:
    further = {
        "type": "random",
        "num_solutions": 2,
        "conditionals": [{"name": "model", "values": ["a", "b"]}],
        "linear_constraints": [
            {"type": "less_than", "threshold": 1.0, "terms": [{"name": "n", "weight": 0.5}]}
        ],
        "tasks": [{"name": "full", "cost": 1.0}],
        "metrics": [{"name": "m", "objective": "minimize", "strategy": "constraint", "threshold": 1.0}],
        "parameters": [
            {
                "name": "x",
                "type": "double",
                "bounds": {"min": 0.0, "max": 1.0},
                "prior": {"name": "beta", "shape_a": 1.0, "shape_b": 2.0},
                "conditions": {"model": ["a"]},
            }
        ],
    }
    definition = read_block({**BLOCK, **further}).definition
    assert {name: definition[name] for name in further} == further


def test_the_parameters_of_a_command_line_are_read_as_those_of_the_block() -> None:
    further = {"name": "m", "type": "int", "grid": [1, 2]}
    block = read_block(BLOCK).with_parameters([further])
    assert block.parameters == [*BLOCK["parameters"], further]
    assert [type(value) for value in block.parameters[1]["grid"]] == [int, int]


def test_a_block_that_says_only_how_sigopt_is_reached_defines_no_parameters() -> None:
    block = read_block({"backend": "local"})
    assert (block.parameters, "name" in block.definition) == ([], False)
