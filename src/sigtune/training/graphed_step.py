"""A training step as one CUDA graph: forward, backward and the optimizer's update of a batch in one launch.

The networks here are small, and their hundred and more kernels short: a GPU finishes each before the host has
launched the next. A graph is launched once for all of them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.optim import Optimizer

log = logging.getLogger(__name__)

WARM_UP_STEPS = 3
"""How many steps of a shape are taken one kernel at a time before its graph is captured, as torch advises."""

Step = Callable[[], Tensor]


class Recorder(Protocol):
    """What makes a graph of a step."""

    def warm_up(self, step: Step) -> Tensor:
        """Take the step as it is taken while it is captured, and return its loss."""
        ...

    def capture(self, step: Step) -> Step:
        """Return what replays the step; it has not been taken yet. Raises RuntimeError where it cannot be."""
        ...


@cache
def _capture_stream(device: int) -> Any:
    """Return the one stream of all captures: cuBLAS keeps megabytes for each that it has worked on."""
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


class CudaRecorder:
    """CUDA's graphs, captured on a stream of their own."""

    def __init__(self) -> None:
        self._stream = _capture_stream(torch.cuda.current_device())

    def warm_up(self, step: Step) -> Tensor:
        """Take the step on the stream of the captures: autograd keeps to the stream that it began on."""
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            loss = step()
        torch.cuda.current_stream().wait_stream(self._stream)
        return loss

    def capture(self, step: Step) -> Step:
        """Have CUDA write down what the step launches, and run none of it."""
        graph = torch.cuda.CUDAGraph()
        # By themselves captures forbid other threads, such as those that write checkpoints, to use the GPU.
        with (
            torch.cuda.stream(torch.cuda.current_stream()),  # which a capture that fails does not bring back
            torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"),
        ):
            loss = step()

        def replay() -> Tensor:
            graph.replay()
            return loss

        return replay


class GraphedStep:
    """Takes training steps on batches of inputs (B, ...) and targets (B,), and returns their losses.

    The first WARM_UP_STEPS batches of a shape in a row are stepped eagerly, and so is every batch of another
    shape, as the last of an epoch. These are steps like any other: a capture runs nothing on the device, so
    there is no warm-up to be undone in weights, duty cycles, running statistics or random numbers. From then
    on a batch is copied to where the graph reads it. `compute_loss` is of inputs and targets, and `clip` is
    called between the gradients and the optimizer's update.

    Learning rates reach the graph through tensors, so they may be scheduled. What else the optimizer's groups
    have (momentum, weight decay) is part of the graph: where it changes, and where a capture fails, the log
    says why and steps are eager from then on.
    """

    def __init__(
        self,
        compute_loss: Callable[[Tensor, Tensor], Tensor],
        optimizer: Optimizer,
        clip: Callable[[], None],
        recorder: Recorder,
    ) -> None:
        self._compute_loss = compute_loss
        self._optimizer = optimizer
        self._clip = clip
        self._recorder = recorder
        self._rates = _Rates(optimizer)
        self._is_eager = False
        self._shape: tuple[object, ...] = ()
        self._in_a_row = 0
        self._graph: _Graph | None = None

    def __call__(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Take a step; return its loss, a scalar without a gradient that the next call may overwrite."""
        self._rates.update()
        step = partial(self._step, inputs, targets)
        if self._is_eager:
            return step()
        shape = _shape(inputs, targets)
        if self._graph is None or self._graph.shape != shape:
            self._in_a_row = self._in_a_row + 1 if shape == self._shape else 1
            self._shape = shape
            if self._in_a_row <= WARM_UP_STEPS:
                return self._recorder.warm_up(step)
            self._capture(inputs, targets, shape)
        elif changed := self._graph.changed_setting(self._optimizer):
            self._give_up(f"{changed} of the optimizer changes from step to step, and a graph has but one")
        else:
            self._shape = shape  # the last batches of two epochs are not in a row
        return step() if self._graph is None else self._graph.replay_on(inputs, targets)

    def _capture(self, inputs: Tensor, targets: Tensor, shape: tuple[object, ...]) -> None:
        self._graph = None  # its memory is the next one's
        held = inputs.clone(), targets.clone()
        try:
            with self._optimizer_capturable():
                replay = self._recorder.capture(partial(self._step, *held))
        except RuntimeError as error:
            first: BaseException = error
            while isinstance(first.__context__, RuntimeError):  # what ends a failed capture raises once more
                first = first.__context__
            self._give_up(str(first).strip().partition("\n")[0])
            return
        self._graph = _Graph(shape, held, replay, _settings(self._optimizer))

    def _give_up(self, reason: str) -> None:
        self._graph, self._is_eager = None, True
        log.warning("trainer.step=graph: steps are eager from here on: %s", reason)

    def _step(self, inputs: Tensor, targets: Tensor) -> Tensor:
        device_type = inputs.device.type
        # Without gradients, for a capture to make its own, in the graph's memory.
        self._optimizer.zero_grad(set_to_none=True)
        # Autocast's cache outlives a step inside the block of Lightning's that this runs in: a graph captured
        # with weights from it would never read the weights again.
        with torch.autocast(
            device_type,
            torch.get_autocast_dtype(device_type),
            enabled=torch.is_autocast_enabled(device_type),
            cache_enabled=False,
        ):
            loss = self._compute_loss(inputs, targets)
        with torch.autocast(device_type, enabled=False):
            loss.backward()  # type: ignore[no-untyped-call]
            self._clip()
            with self._rates.in_the_optimizer():
                self._optimizer.step()
        return loss.detach()

    @contextmanager
    def _optimizer_capturable(self) -> Iterator[None]:
        """Have Adam, which refuses a capture without it, know that this is one; fused it needs no change."""
        groups = [group for group in self._optimizer.param_groups if "capturable" in group]
        before = [group["capturable"] for group in groups]
        try:
            for group in groups:
                group["capturable"] = True
            yield
        finally:
            for group, value in zip(groups, before, strict=True):
                group["capturable"] = value


class _Graph:
    """A captured step: the shape of its batches, where it reads them, the settings it was captured with."""

    def __init__(
        self,
        shape: tuple[object, ...],
        held: tuple[Tensor, Tensor],
        replay: Step,
        settings: list[dict[str, Any]],
    ) -> None:
        self.shape = shape
        self._inputs, self._targets = held
        self._replay = replay
        self._captured_with = settings

    def replay_on(self, inputs: Tensor, targets: Tensor) -> Tensor:
        self._inputs.copy_(inputs, non_blocking=True)
        self._targets.copy_(targets, non_blocking=True)
        return self._replay()

    def changed_setting(self, optimizer: Optimizer) -> str | None:
        """Return the name of a setting that is another than the captured one; None where all are the same."""
        settings = _settings(optimizer)
        if settings == self._captured_with:
            return None
        pairs = zip(settings, self._captured_with, strict=True)
        return next(name for now, then in pairs for name in now if now[name] != then.get(name))


class _Rates:
    """The learning rate of each of an optimizer's groups in a tensor, for the optimizer to read in its step.

    Outside of the step the groups have plain numbers, which schedulers, checkpoints and monitors read without
    waiting for a GPU.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self._groups = optimizer.param_groups
        device = self._groups[0]["params"][0].device
        # On a GPU torch's fused optimizers take rates in float32; on the CPU they read the number out of it.
        dtype = torch.float32 if device.type == "cuda" else torch.float64
        self._written = [float(group["lr"]) for group in self._groups]
        self._tensors = [torch.full((), rate, dtype=dtype, device=device) for rate in self._written]

    def update(self) -> None:
        """Write the groups' rates into the tensors, where they have changed."""
        for index, group in enumerate(self._groups):
            if group["lr"] != self._written[index]:
                self._written[index] = group["lr"]
                self._tensors[index].fill_(group["lr"])

    @contextmanager
    def in_the_optimizer(self) -> Iterator[None]:
        """Have the groups hold the tensors inside the block."""
        numbers = [group["lr"] for group in self._groups]
        try:
            for group, rate in zip(self._groups, self._tensors, strict=True):
                group["lr"] = rate
            yield
        finally:
            for group, number in zip(self._groups, numbers, strict=True):
                group["lr"] = number


def _shape(inputs: Tensor, targets: Tensor) -> tuple[object, ...]:
    return inputs.shape, inputs.dtype, inputs.stride(), targets.shape, targets.dtype


def _settings(optimizer: Optimizer) -> list[dict[str, Any]]:
    """Return what a graph of the optimizer's step has in it as plain numbers, of each group."""
    return [
        {name: value for name, value in group.items() if name not in {"params", "lr"}}
        for group in optimizer.param_groups
    ]
