"""One training run: a config in, metrics out."""

from __future__ import annotations

import logging
import warnings

import pytorch_lightning as pl
from hydra.utils import instantiate

from sigtune.config import Config
from sigtune.training.classifier import Classifier
from sigtune.training.trainer import build_trainer

# Lightning tells at every fit which accelerators it found; the config says which one is used.
logging.getLogger("pytorch_lightning.utilities.rank_zero").setLevel(logging.WARNING)


def train(config: Config, progress_bar: bool = False) -> dict[str, float]:
    """Train the configured model on the configured data; return the last epoch's metrics by name.

    Raises UsageError where the machine lacks what the config asks for, and DivergedError when the loss is
    no longer a finite number.
    """
    pl.seed_everything(config.seed, verbose=False)
    data = instantiate(config.data)
    model = instantiate(config.model, _convert_="all")
    classifier = Classifier(model, instantiate(config.optimizer), instantiate(config.scheduler))
    trainer = build_trainer(config.trainer, config.callbacks, config.logger, progress_bar)
    with warnings.catch_warnings():
        # Batches are cut from tensors in memory, so there are no loader workers to recommend.
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        # Lightning 2.6 still asks torch for tree leaves in the old way.
        warnings.filterwarnings("ignore", message=".*isinstance.treespec, LeafSpec.*")
        trainer.fit(classifier, datamodule=data)
    return {name: float(value) for name, value in trainer.callback_metrics.items()}
