import inspect
from dataclasses import fields
from pathlib import Path

import pytest
import pytorch_lightning as pl

from sigtune.config.schema import TrainerConfig
from sigtune.errors import UsageError
from sigtune.training.trainer import DECIDED_ELSEWHERE, SIGTUNES_OWN, build_trainer


def test_every_trainer_setting_is_sigtunes_own_or_a_parameter_of_lightnings_trainer() -> None:
    names = {field.name for field in fields(TrainerConfig)}
    assert set(SIGTUNES_OWN) <= names
    parameters = set(inspect.signature(pl.Trainer).parameters)
    assert names - set(SIGTUNES_OWN) <= parameters
    assert not set(SIGTUNES_OWN) & parameters
    assert parameters - names == set(DECIDED_ELSEWHERE)


def test_settings_that_lightning_refuses_together_are_told_in_its_words() -> None:
    with pytest.raises(UsageError, match="overfit_batches"):
        build_trainer(TrainerConfig(max_epochs=1, overfit_batches=1.5), {}, None, False, [])


def test_several_loggers_write_at_once(tmp_path: Path) -> None:
    csv = {"_target_": "pytorch_lightning.loggers.CSVLogger", "save_dir": str(tmp_path)}
    loggers = {"one": {**csv, "name": "one"}, "other": {**csv, "name": "other"}}
    trainer = build_trainer(TrainerConfig(max_epochs=1), {}, loggers, False, [])
    assert [logger.name for logger in trainer.loggers] == ["one", "other"]
