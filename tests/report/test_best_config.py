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


@pytest.mark.parametrize(
    ("override", "what"),
    [("~model.units", "cannot remove the key"), ("layers.0=8", "has all of a list or nothing")],
)
def test_what_a_config_cannot_say_is_no_config_file(override: str, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        config_of([override], "config", lambda name: False)
