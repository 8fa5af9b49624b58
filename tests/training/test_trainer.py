import inspect
from dataclasses import fields

import pytorch_lightning as pl

from sigtune.config.schema import TrainerConfig
from sigtune.training.trainer import SIGTUNES_OWN


def test_every_trainer_setting_is_sigtunes_own_or_a_parameter_of_lightnings_trainer() -> None:
    names = {field.name for field in fields(TrainerConfig)}
    assert set(SIGTUNES_OWN) <= names
    parameters = set(inspect.signature(pl.Trainer).parameters)
    assert names - set(SIGTUNES_OWN) <= parameters
    assert not set(SIGTUNES_OWN) & parameters
