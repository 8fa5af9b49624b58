"""The LightningModule: its own loss, its own optimizer, and nothing of sigtune."""

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn import functional


class AutoEncoder(pl.LightningModule):
    """Squeezes an image of 64 pixels into `code_size` numbers, and draws it again from these."""

    def __init__(self, hidden: int = 32, code_size: int = 8, learning_rate: float = 1e-3) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.learning_rate = learning_rate
        self.encoder = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, code_size))
        self.decoder = nn.Sequential(nn.Linear(code_size, hidden), nn.ReLU(), nn.Linear(hidden, 64))

    def forward(self, images: Tensor) -> Tensor:
        """Return the images (N, 64) as they are drawn again."""
        drawn: Tensor = self.decoder(self.encoder(images))
        return drawn

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        """Return the mean squared error of a batch's pixels."""
        (images,) = batch
        loss = functional.mse_loss(self(images), images)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        """Log the same error of images that were not trained on."""
        (images,) = batch
        self.log("val_loss", functional.mse_loss(self(images), images))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam."""
        return torch.optim.Adam(self.parameters(), lr=self.learning_rate)
