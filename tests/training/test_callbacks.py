import pytest
import pytorch_lightning as pl
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from sigtune.models.k_winners import KWinners
from sigtune.models.sparse_weights import SparseLinear, weight_sparsity
from sigtune.training.callbacks.boost_strength_decay import BoostStrengthDecay
from sigtune.training.callbacks.rezero_weights import RezeroWeights

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
    pytest.mark.filterwarnings("ignore:.*isinstance.treespec, LeafSpec"),
]


class SmallSparseNet(pl.LightningModule):
    """Two steps an epoch; `sparsity` is what the weights had when each step's batch came in."""

    def __init__(self):
        super().__init__()
        boosting = {"boost_strength": 2.0, "boost_strength_factor": 0.5}
        self.net = nn.Sequential(SparseLinear(10, 8, 0.7), KWinners(8, 0.5, **boosting), nn.Linear(8, 2))
        self.sparsity = []
        self.boost_strength = []

    def training_step(self, batch, batch_idx):
        self.sparsity.append(weight_sparsity(self))
        self.boost_strength.append(self.net[1].boost_strength.item())
        return functional.cross_entropy(self.net(batch[0]), batch[1])

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01)


def fit(folder, *callbacks):
    pl.seed_everything(0, verbose=False)
    net = SmallSparseNet()
    batches = DataLoader(TensorDataset(torch.randn(16, 10), torch.randint(2, (16,))), batch_size=8)
    trainer = pl.Trainer(
        max_epochs=3,
        accelerator="cpu",
        callbacks=list(callbacks),
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
    )
    trainer.fit(net, batches)
    return net


def test_rezero_weights_undoes_every_step_of_the_optimiser(tmp_path):
    net = fit(tmp_path, RezeroWeights())
    assert net.sparsity == pytest.approx([0.7] * 6)
    assert weight_sparsity(net) == pytest.approx(0.7)


def test_without_it_the_weights_fill_up(tmp_path):
    assert weight_sparsity(fit(tmp_path)) < 0.5


def test_the_boost_strength_decays_once_an_epoch(tmp_path):
    net = fit(tmp_path, BoostStrengthDecay())
    assert net.boost_strength == [2.0, 2.0, 1.0, 1.0, 0.5, 0.5]
    assert net.net[1].boost_strength.item() == 0.25
