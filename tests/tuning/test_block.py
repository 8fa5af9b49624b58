"""The `sigopt` block of any Hydra app, read against the schema."""

import pytest
from omegaconf import OmegaConf

from sigtune.errors import UsageError
from sigtune.tuning.block import experiment_definition, read_block

BLOCK = {
    "name": "s",
    "parameters": [{"name": "n", "type": "int", "bounds": {"min": 1, "max": 4}}],
    "metrics": [{"name": "score"}],
    "observation_budget": 5,
}


def test_a_block_gets_the_defaults_of_the_schema():
    block = read_block(BLOCK)
    assert (block.backend, block.parallel_bandwidth, block.experiment_id) == ("auto", 1, None)
    assert block.metrics[0].objective == "maximize"


def test_every_unknown_key_and_wrong_type_of_a_block_is_told():
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


def test_what_a_block_refers_to_is_resolved():
    app = OmegaConf.create({"budget": 7, "sigopt": {**BLOCK, "observation_budget": "${budget}"}})
    assert read_block(app.sigopt).observation_budget == 7


def test_the_definition_holds_the_experiment_only_with_whole_numbers_for_an_int():
    definition = experiment_definition(read_block(BLOCK))
    assert definition.keys() == {*BLOCK, "parallel_bandwidth"}
    bounds = definition["parameters"][0]["bounds"]
    assert (bounds, type(bounds["min"])) == ({"min": 1, "max": 4}, int)
