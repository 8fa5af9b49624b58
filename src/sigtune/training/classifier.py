"""The Lightning module that trains any classifier of sigtune."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from sigtune.errors import Problem, UsageError, nearest
from sigtune.training.checkpoint_io import read_checkpoint
from sigtune.training.graphed_step import GraphedStep
from sigtune.training.targets import LIGHTNINGS_OWN, build, foreign_problems

METRICS = ("loss", "validation_loss", "mean_accuracy")
"""The metrics that a training logs."""


class DivergedError(Exception):
    """The training loss is no longer a finite number."""


class Classifier(pl.LightningModule):
    """Trains `model`, (N, ...) inputs to (N, classes) logits, with cross entropy.

    All three arguments are configs, a `_target_` and its arguments, so that checkpoints hold them and
    `load_from_checkpoint` builds the same again; optimizer and scheduler are partial. A scheduler that plans
    over `total_steps` (OneCycleLR) is stepped after every batch, any other after every epoch. Logs `loss` of
    the training epoch, and `mean_accuracy` and `validation_loss` of the validation set. Raises UsageError
    where `model` is not an nn.Module.
    """

    def __init__(
        self,
        model: Mapping[str, Any],
        optimizer: Mapping[str, Any],
        scheduler: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.model: nn.Module = build("model", model)
        self._make_optimizer: Callable[..., Optimizer] = build("optimizer", optimizer)
        settings = scheduler or {}
        self._stepping = {name: settings[name] for name in settings if name in LIGHTNINGS_OWN}
        if problems := _stepping_problems(self._stepping):
            raise UsageError(problems)
        arguments = {name: settings[name] for name in settings if name not in LIGHTNINGS_OWN}
        self._make_scheduler: Callable[..., LRScheduler] | None = build("scheduler", arguments or None)
        # With `trainer.step=graph`, while it is trained. It does the whole of a step where the loss is asked
        # for, and Lightning's own parts of one, below, do nothing.
        self.graphed_step: GraphedStep | None = None

    @classmethod
    def load_from_checkpoint(  # type: ignore[override]  # files only, and always with weights_only
        cls, checkpoint_path: str | Path, **arguments: Any
    ) -> Any:
        """Return the classifier of a file that may be somebody else's; `arguments` are Lightning's.

        Raises UsageError where the file is not a checkpoint, or names other classes than a model's, an
        optimizer's and a scheduler's: nothing of it is run then.
        """
        content = read_checkpoint(Path(checkpoint_path))
        if content is None:
            raise UsageError([Problem(str(checkpoint_path), "is not a checkpoint of a training run")])
        sections = content.get("hyper_parameters", {})
        problems = [
            problem
            for group in ("model", "optimizer", "scheduler")
            for problem in foreign_problems(group, sections.get(group))
        ]
        if problems:
            raise UsageError(problems)
        return super().load_from_checkpoint(checkpoint_path, **{**arguments, "weights_only": True})

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the logits, (N, classes)."""
        logits: Tensor = self.model(inputs)
        return logits

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Return the mean cross entropy of a batch of inputs (N, ...) and classes (N,)."""
        inputs, targets = batch
        take_step = self.graphed_step or self.loss
        loss = take_step(inputs, targets)
        self.log("loss", loss, on_step=False, on_epoch=True, prog_bar=True, batch_size=len(targets))
        return loss

    def loss(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross entropy of inputs (N, ...) and classes (N,)."""
        return functional.cross_entropy(self(inputs), targets)

    def optimizer_zero_grad(self, epoch: int, batch_idx: int, optimizer: Optimizer) -> None:
        """Clear the gradients, unless a graph has its own."""
        if self.graphed_step is None:
            super().optimizer_zero_grad(epoch, batch_idx, optimizer)

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        """Compute the gradients, unless a graph has."""
        if self.graphed_step is None:
            super().backward(loss, *args, **kwargs)

    def optimizer_step(
        self, epoch: int, batch_idx: int, optimizer: Any, optimizer_closure: Callable[[], Any] | None = None
    ) -> None:
        """Take the step; `optimizer_closure` is the rest of it, with the forward and the backward pass."""
        if self.graphed_step is None or optimizer_closure is None:
            super().optimizer_step(epoch, batch_idx, optimizer, optimizer_closure)
        else:
            optimizer_closure()

    def on_train_epoch_end(self) -> None:
        """Raise DivergedError where the epoch's loss is NaN or infinite: more epochs would not mend it."""
        loss = float(self.trainer.callback_metrics["loss"])
        if not math.isfinite(loss):
            raise DivergedError(f"loss became {loss} in epoch {self.current_epoch + 1}")

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Log accuracy and cross entropy of a validation batch; return the predicted classes (N,)."""
        return self._evaluate(batch, "mean_accuracy", "validation_loss")

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Log accuracy and cross entropy of a test batch; return the predicted classes (N,)."""
        return self._evaluate(batch, "test_accuracy", "test_loss")

    def _evaluate(self, batch: tuple[Tensor, Tensor], accuracy_name: str, loss_name: str) -> Tensor:
        inputs, targets = batch
        logits = self(inputs)
        predicted: Tensor = logits.argmax(dim=1)
        accuracy = (predicted == targets).float().mean()
        metrics = {accuracy_name: accuracy, loss_name: functional.cross_entropy(logits, targets)}
        self.log_dict(metrics, prog_bar=True, batch_size=len(targets), sync_dist=True)
        return predicted

    def configure_optimizers(self) -> Any:
        """Build the optimiser, and the scheduler on its interval."""
        optimizer = self._make_optimizer(self.model.parameters())
        if self._make_scheduler is None:
            return optimizer
        if "total_steps" not in inspect.signature(self._make_scheduler).parameters:
            return [optimizer], [{"scheduler": self._make_scheduler(optimizer), **self._stepping}]
        total_steps = int(self.trainer.estimated_stepping_batches)
        scheduler = self._make_scheduler(optimizer, total_steps=total_steps)
        return [optimizer], [{"scheduler": scheduler, "interval": "step"}]


def _stepping_problems(stepping: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with when a scheduler is stepped, and with the metric that it is given."""
    found = []
    for name, choices in (("interval", ("epoch", "step")), ("monitor", METRICS)):
        value = stepping.get(name, choices[0])
        if value not in choices:
            found.append(Problem(f"scheduler.{name}={value}", f"no such {name}", nearest(value, choices)))
    if stepping.get("frequency", 1) < 1:
        found.append(Problem(f"scheduler.frequency={stepping['frequency']}", "is too small", "1 or more"))
    return found
