import inspect
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.accelerators import CUDAAccelerator
from pytorch_lightning.strategies import DDPStrategy
from torch.utils.data import DataLoader, TensorDataset

from sigtune.config.schema import TrainerConfig
from sigtune.errors import UsageError
from sigtune.training.known_warnings import without_known_warnings
from sigtune.training.trainer import DECIDED_ELSEWHERE, SIGTUNES_OWN, build_trainer, chosen_strategy


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


def test_a_gpu_that_is_not_asked_for_is_not_recommended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CUDAAccelerator, "is_available", lambda: True)
    build_trainer(TrainerConfig(max_epochs=1, gpus=0), {}, None, False, [])  # warnings are errors


@pytest.mark.parametrize(
    ("setting", "key"),
    [
        ({"profiler": "simpel"}, "trainer.profiler=simpel"),
        ({"num_threads": 0}, "trainer.num_threads=0"),
        ({"process_group_backend": "mpi"}, "trainer.process_group_backend=mpi"),
        ({"process_group_backend": "gloo"}, "trainer.process_group_backend=gloo"),  # of one process
    ],
)
def test_a_setting_without_a_meaning_is_refused_by_name(setting: dict[str, Any], key: str) -> None:
    with pytest.raises(UsageError) as caught:
        build_trainer(TrainerConfig(max_epochs=1, **setting), {}, None, False, [])
    assert [problem.key for problem in caught.value.problems] == [key]


def test_the_profile_of_a_training_is_in_its_folder(tmp_path: Path) -> None:
    settings = TrainerConfig(max_epochs=1, profiler="simple", default_root_dir=str(tmp_path))
    trainer = build_trainer(settings, {}, None, False, [])
    with without_known_warnings():
        trainer.fit(Regression(), DataLoader(TensorDataset(torch.rand(4, 2)), batch_size=2))
    (profile,) = tmp_path.glob("*profile*")
    assert "run_training_batch" in profile.read_text()


def test_the_number_of_threads_is_the_one_that_was_asked_for() -> None:
    threads = torch.get_num_threads()
    try:
        build_trainer(TrainerConfig(max_epochs=1, num_threads=3), {}, None, False, [])
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(threads)


def test_several_gpus_talk_through_the_backend_that_was_asked_for() -> None:
    strategy = chosen_strategy(TrainerConfig(max_epochs=1, gpus=2, process_group_backend="gloo"))
    assert isinstance(strategy, DDPStrategy)
    assert strategy.process_group_backend == "gloo"
    assert strategy.launcher is None  # no process has been started yet
    assert chosen_strategy(TrainerConfig(max_epochs=1)) == "auto"


class Regression(pl.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)

    def training_step(self, batch: tuple[torch.Tensor], batch_idx: int) -> torch.Tensor:
        loss: torch.Tensor = self.layer(batch[0]).square().mean()
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)
