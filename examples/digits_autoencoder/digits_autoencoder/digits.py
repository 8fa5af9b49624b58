"""The LightningDataModule: scikit-learn's 1,797 digits of 8×8 pixels, which it brings along."""

import pytorch_lightning as pl
import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, TensorDataset, random_split


class Digits(pl.LightningDataModule):
    """Images (64,) with pixels from 0 to 1, a fifth of them for validation."""

    def __init__(self, batch_size: int = 64) -> None:
        super().__init__()
        self.batch_size = batch_size

    def setup(self, stage: str) -> None:
        """Split the images, the same way in every job."""
        images = TensorDataset(torch.tensor(load_digits().data / 16, dtype=torch.float32))
        split = torch.Generator().manual_seed(0)
        self.train, self.validation = random_split(images, [0.8, 0.2], split)

    def train_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        """Return the training images in another order every epoch."""
        return self._loader(self.train, shuffle=True)

    def val_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        """Return the validation images."""
        return self._loader(self.validation)

    def _loader(
        self, images: Dataset[tuple[Tensor, ...]], shuffle: bool = False
    ) -> DataLoader[tuple[Tensor, ...]]:
        return DataLoader(images, self.batch_size, shuffle=shuffle)
