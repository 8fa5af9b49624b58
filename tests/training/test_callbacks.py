import csv
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from sigtune.config.schema import TrainerConfig
from sigtune.models.k_winners import KWinners, KWinnersConfig
from sigtune.models.sparse_weights import SparseLinear, weight_sparsity
from sigtune.training.callbacks.boost_strength_decay import BoostStrengthDecay
from sigtune.training.callbacks.k_winners_monitor import KWinnersMonitor
from sigtune.training.known_warnings import without_known_warnings
from sigtune.training.trainer import build_trainer


class SmallSparseNet(pl.LightningModule):
    """Two steps an epoch; `sparsity` is what the weights had when each step's batch came in."""

    def __init__(self) -> None:
        super().__init__()
        boosting = KWinnersConfig(boost_strength=2.0, boost_strength_factor=0.5)
        self.net: Any = nn.Sequential(SparseLinear(10, 8, 0.7), KWinners(8, 0.5, boosting), nn.Linear(8, 2))
        self.sparsity: list[float] = []
        self.boost_strength: list[float] = []

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        self.sparsity.append(weight_sparsity(self))
        self.boost_strength.append(self.net[1].boost_strength.item())
        return functional.cross_entropy(self.net(batch[0]), batch[1])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01)


def fit(*callbacks: pl.Callback, logger: Any = None) -> SmallSparseNet:
    pl.seed_everything(0, verbose=False)
    net = SmallSparseNet()
    batches = DataLoader(TensorDataset(torch.randn(16, 10), torch.randint(2, (16,))), batch_size=8)
    trainer = build_trainer(TrainerConfig(max_epochs=3, log_every_n_steps=1), {}, logger, False, callbacks)
    with without_known_warnings():
        trainer.fit(net, batches)
    return net


def test_weights_stay_zero_through_training_without_a_callback() -> None:
    net = fit()
    assert net.sparsity == pytest.approx([0.7] * 6)
    assert weight_sparsity(net) == pytest.approx(0.7)


def test_the_boost_strength_decays_once_an_epoch() -> None:
    net = fit(BoostStrengthDecay())
    assert net.boost_strength == [2.0, 2.0, 1.0, 1.0, 0.5, 0.5]
    assert net.net[1].boost_strength.item() == 0.25


def test_entropy_and_duty_cycles_of_every_epoch_are_in_the_logs(tmp_path: Path) -> None:
    csv_logger = {
        "_target_": "pytorch_lightning.loggers.CSVLogger",
        "save_dir": str(tmp_path),
        "name": "",
        "version": "",
    }
    net = fit(KWinnersMonitor(), logger=csv_logger)
    with (tmp_path / "metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["net.1/entropy"]]
    assert [int(row["step"]) for row in rows] == [1, 3, 5]
    last = {name.partition("/")[2]: float(value) for name, value in rows[-1].items() if "/" in name}
    duty_cycle = net.net[1].duty_cycle
    assert last["duty_cycle_mean"] == pytest.approx(float(duty_cycle.mean()))
    assert last["duty_cycle_min"] == pytest.approx(float(duty_cycle.min()))
    assert last["duty_cycle_max"] == pytest.approx(float(duty_cycle.max()))
    assert last["entropy"] == pytest.approx(float(net.net[1].entropy()))
    assert last["entropy_share"] == pytest.approx(last["entropy"])  # half of the units are on: 1 bit at most
