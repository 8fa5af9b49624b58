"""The overrides of a job as a config file."""

import pytest
from omegaconf import OmegaConf

from sigtune.report.best_config import config_of


def test_overrides_become_a_config_file() -> None:
    config = config_of(
        ["model=dense", "+extra=big", "optimizer.lr=0.1", "name='a b'", "~logger"],
        "config",
        lambda name: name in ("model", "extra", "logger"),
    )
    assert OmegaConf.to_container(config) == {
        "defaults": [
            "config",
            {"override model": "dense"},
            {"extra": "big"},
            {"override logger": None},
            "_self_",
        ],
        "optimizer": {"lr": 0.1},
        "name": "a b",
    }


def test_a_key_that_was_removed_is_no_config_file() -> None:
    with pytest.raises(ValueError, match="cannot remove the key"):
        config_of(["~model.units"], "config", lambda name: False)
