"""Small trainings: configs as train.py composes them, on a synthetic data set that is made once."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from tests.training.fixture_types import Compose

from sigtune.checks.run import default_values, set_values
from sigtune.config.hydra_version import VERSION_BASE
from sigtune.config.schema import Config, register_schemas
from sigtune.tuning.block import read_block

CONF = Path(__file__).parents[2] / "conf"
SMALL = [
    "model.linear_units=32",
    "trainer.max_epochs=2",
    "trainer.log_every_n_steps=1",
    "data.batch_size=32",
    "data.train_size=96",
    "data.validation_size=48",
    "data.test_size=24",
    # Hydra alone knows a run's folder.
    "logger=none",
    "callbacks.checkpoint=null",
]


@pytest.fixture(scope="session")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Compose:
    """The config of a small training, with the tuned keys at the default values of their parameters."""
    data_dir = tmp_path_factory.mktemp("data")

    def run(*overrides: str) -> Config:
        register_schemas()
        with initialize_config_dir(str(CONF), **VERSION_BASE):
            config = compose("config", [*SMALL, f"data_dir={data_dir}", *overrides])
        values, problems = default_values(config, read_block(config.sigopt))
        assert not problems
        plain = OmegaConf.to_object(set_values(config, values))
        assert isinstance(plain, Config)
        return plain

    return run
