"""GraphSteps: `trainer.step=graph`, or the line that says why it cannot be."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.plugins.precision import Precision
from pytorch_lightning.utilities.model_helpers import is_overridden
from torch import nn
from torch.optim import SGD, Adam, AdamW

from sigtune.training.classifier import Classifier
from sigtune.training.graphed_step import CudaRecorder, GraphedStep, Recorder
from sigtune.training.precision import BFloat16Mixed

log = logging.getLogger(__name__)

_FUSED = (SGD, Adam, AdamW)
# What Lightning calls between the parts of a step, which in a graph have nothing between them.
_HOOKS_INSIDE = ("on_before_zero_grad", "on_before_backward", "on_after_backward", "on_before_optimizer_step")


class GraphSteps(pl.Callback):
    """Has a Classifier take its training steps as CUDA graphs, while it is trained.

    Where something on the way cannot be captured, or would silently be left out of a replay, the log says
    what, and training is eager.
    """

    def __init__(self, recorder: Callable[[], Recorder] = CudaRecorder, device_type: str = "cuda") -> None:
        self._recorder = recorder
        self._device_type = device_type

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin, or say why not."""
        reason = self._why_not(trainer, pl_module)
        if reason is not None:
            log.warning("trainer.step=graph has no effect, training is eager: %s", reason)
            return
        assert isinstance(pl_module, Classifier)
        optimizer = trainer.optimizers[0]

        def clip() -> None:
            pl_module.configure_gradient_clipping(
                optimizer, trainer.gradient_clip_val, trainer.gradient_clip_algorithm
            )

        pl_module.graphed_step = GraphedStep(pl_module.loss, optimizer, clip, self._recorder())

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Give the memory of the graph back, however training ended."""
        if isinstance(pl_module, Classifier):
            pl_module.graphed_step = None

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Give it back where training ended in an error."""
        self.teardown(trainer, pl_module, "fit")

    def _why_not(self, trainer: pl.Trainer, module: pl.LightningModule) -> str | None:
        """Return the first reason for which steps cannot be captured, or None."""
        return next((reason for reason in self._reasons(trainer, module)), None)

    def _reasons(self, trainer: pl.Trainer, module: pl.LightningModule) -> Iterator[str]:
        if trainer.strategy.root_device.type != self._device_type:
            yield f"it trains on {trainer.strategy.root_device}, and graphs are a GPU's"
        if trainer.world_size > 1:
            yield "several devices train together"
        if trainer.accumulate_grad_batches > 1:
            yield f"trainer.accumulate_grad_batches={trainer.accumulate_grad_batches}"
        if type(trainer.precision_plugin) not in (Precision, BFloat16Mixed):
            yield f"trainer.precision={trainer.precision}; 32-true and bf16-mixed can be captured"
        if trainer._detect_anomaly:
            yield "trainer.detect_anomaly=true looks at each operation"
        yield from _reasons_of_optimizers(trainer.optimizers)
        yield from _reasons_of_module(module)
        for callback in trainer.callbacks:  # type: ignore[attr-defined]  # set elsewhere
            for hook in _HOOKS_INSIDE:
                if is_overridden(hook, callback, pl.Callback):
                    yield f"callback {type(callback).__name__} has {hook}, which is inside of a step"


def _reasons_of_optimizers(optimizers: list[Any]) -> Iterator[str]:
    for optimizer in optimizers:
        name = type(optimizer).__name__
        if type(optimizer) not in _FUSED:
            yield f"optimizer {name}; SGD, Adam and AdamW can be captured"
        elif not all(group["fused"] for group in optimizer.param_groups):
            yield f"optimizer {name} has fused=false"


def _reasons_of_module(module: pl.LightningModule) -> Iterator[str]:
    """Yield what may do other things in Python from step to step, which a replay would not."""
    if type(module) is not Classifier:
        yield f"module {type(module).__name__} is not sigtune's Classifier"
        return
    for layer in module.model.modules():
        package = type(layer).__module__.partition(".")[0]
        if package not in {"torch", "sigtune"}:
            yield f"layer {type(layer).__name__} is neither torch's nor sigtune's"
        if _has_hooks(layer):
            yield f"a layer {type(layer).__name__} has hooks"


def _has_hooks(layer: nn.Module) -> bool:
    hooks = (
        *(layer._forward_hooks, layer._forward_pre_hooks),
        *(layer._backward_hooks, layer._backward_pre_hooks),
    )
    return any(hooks)
