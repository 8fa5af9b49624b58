"""A LightningModule and a data module as users write them: nothing here is sigtune's."""

from typing import Literal

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset


class Squares(pl.LightningDataModule):
    def __init__(self, batch_size: int = 8) -> None:
        super().__init__()
        self.batch_size = batch_size

    def _loader(self, points: int) -> DataLoader[tuple[Tensor, ...]]:
        x = torch.linspace(-1, 1, points).unsqueeze(1)
        return DataLoader(TensorDataset(x, x**2), self.batch_size)

    def train_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        return self._loader(32)

    def val_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        return self._loader(16)


class Classes(pl.LightningDataModule):
    """Four numbers, and whether their sum is positive."""

    def _loader(self) -> DataLoader[tuple[Tensor, ...]]:
        x = torch.randn(32, 4, generator=torch.Generator().manual_seed(0))
        return DataLoader(TensorDataset(x, (x.sum(1) > 0).long()), 8)

    def train_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        return self._loader()

    def val_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        return self._loader()

    def test_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        return self._loader()


class Regression(pl.LightningModule):
    def __init__(self, hidden: int = 4, learning_rate: float = 0.1) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.learning_rate = learning_rate
        self.net = nn.Sequential(nn.Linear(1, hidden), nn.Tanh(), nn.Linear(hidden, 1))

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        return functional.mse_loss(self.net(batch[0]), batch[1])

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self.log("val_loss", functional.mse_loss(self.net(batch[0]), batch[1]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.learning_rate)


class TwoOptimizers(Regression):
    """Steps twice for each batch, as adversarial networks do."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:  # type: ignore[override]
        optimizers = self.optimizers()
        assert isinstance(optimizers, list)
        for optimizer in optimizers:
            optimizer.zero_grad()
            loss = super().training_step(batch, batch_idx)
            self.manual_backward(loss)
            optimizer.step()
        self.log("loss", loss)

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:  # type: ignore[override]
        return [torch.optim.SGD(self.net.parameters(), lr=rate) for rate in (0.1, 0.2)]


def make_regression(hidden: int) -> Regression:
    return Regression(hidden)


def make_net() -> nn.Module:
    return nn.Linear(1, 1)


def make_choosy(
    units: list[int], mode: Literal["mean", "sum"] | None = None, options: dict[str, int] | None = None
) -> Regression:
    return Regression(*units)
