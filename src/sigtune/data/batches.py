"""Batches by index, made on the training device, from clips that lie there or are streamed to it.

No worker processes either way, and the same batches in the same order.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sigtune.data.augmentation import Augmentation, Draws
from sigtune.data.clip_memory import ClipStream
from sigtune.data.front_end import FrontEnd

Batch = tuple[Tensor, Tensor]
"""Inputs (B, 1, 32, 32) float32 and targets (B,) int64."""


class EpochSeed:
    """Where the random numbers of an epoch come from: the seed and the epoch's number, nothing else.

    Lightning calls `set_epoch` on the `sampler` of a loader before each epoch, after a resume too. Without
    Lightning, every iteration gives the same epoch until `set_epoch` is called.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration gives."""
        self.epoch = epoch

    def generator(self) -> np.random.Generator:
        """Return a fresh generator for the chosen epoch."""
        return np.random.default_rng([self.seed, self.epoch])


@dataclass(frozen=True)
class BatchSizes:
    """How training clips are dealt out: `size` a batch, in the first epoch `first_epoch` where it is given.

    With `drop_last` the last batch is left out where it would be smaller.
    """

    size: int
    first_epoch: int | None = None
    drop_last: bool = False

    @property
    def largest(self) -> int:
        """The size of the largest batch."""
        return max(self.size, self.first_epoch or 0)

    def starts(self, clips: int, epoch: int) -> range:
        """Return where each batch of an epoch of `clips` begins; the step of the range is the size."""
        size = self.first_epoch if epoch == 0 and self.first_epoch is not None else self.size
        return range(0, clips - size + 1 if self.drop_last else clips, size)


class TrainBatches:
    """The training split, shuffled and augmented afresh every epoch; batch k of epoch e depends on (seed, e).

    Every clip is seen once an epoch, but for those of a last batch that is dropped: it is smaller where the
    batch size does not divide the split. The length is the number of batches of the chosen epoch. Of several
    processes that train together, each gives its own part of the epoch.

    `targets`, (N,), lie on the training device; so do the `waveforms`, (N, 16000), or else they are streamed
    to it: on the CPU from a memory map, page by page, to another device by a `ClipStream`.
    """

    def __init__(
        self,
        waveforms: Tensor,
        targets: Tensor,
        *,
        augmentation: Augmentation,
        front_end: FrontEnd,
        sizes: BatchSizes,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.waveforms = waveforms
        self.targets = targets
        self.augmentation = augmentation
        self.front_end = front_end
        self.sizes = sizes
        self.sampler = EpochSeed(seed)
        self.rank = rank
        self.world_size = world_size
        self.clips = math.ceil(len(targets) / world_size)
        self.device = targets.device
        self.stream = None if waveforms.device == self.device else ClipStream(sizes.largest, self.device)

    def __len__(self) -> int:
        return len(self.sizes.starts(self.clips, self.sampler.epoch))

    def _clips(self, rows: Iterable[Tensor]) -> Iterator[Tensor]:
        """Yield the clips of each batch on the device."""
        if self.stream is not None:
            return self.stream.batches(self.waveforms, rows)
        # On the CPU index_select takes a tenth of the time of waveforms[rows].
        return (self.waveforms.index_select(0, part) for part in rows)

    @torch.no_grad()
    def _images(self, clips: Tensor, draws: Draws) -> Tensor:
        return self.augmentation.images(clips, draws, self.front_end)

    def __iter__(self) -> Iterator[Batch]:
        generator = self.sampler.generator()
        # All processes draw the same numbers and each takes every world_size-th; the order is filled up from
        # its beginning where that does not go round, so that all have equally many steps.
        count = self.clips * self.world_size
        order = torch.from_numpy(np.resize(generator.permutation(len(self.targets)), count))
        own = slice(self.rank, None, self.world_size)
        draws = self.augmentation.draw(count, generator, self.device).of(own)
        order = order[own]
        targets = self.targets.index_select(0, order.to(self.device))
        order = order.to(self.waveforms.device)
        starts = self.sizes.starts(self.clips, self.sampler.epoch)
        parts = [slice(start, start + starts.step) for start in starts]
        for part, clips in zip(parts, self._clips(order[part] for part in parts), strict=True):
            yield self._images(clips, draws.of(part)), targets[part]


class EvaluationBatches:
    """A validation or test split in its own order: images computed once, the same in every epoch."""

    def __init__(self, inputs: Tensor, targets: Tensor, batch_size: int) -> None:
        self.inputs = inputs
        self.targets = targets
        self.batch_size = batch_size

    def __len__(self) -> int:
        return math.ceil(len(self.targets) / self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        yield from zip(
            torch.split(self.inputs, self.batch_size), torch.split(self.targets, self.batch_size), strict=True
        )


@torch.no_grad()
def evaluation_images(
    waveforms: Tensor,
    augmentation: Augmentation,
    front_end: FrontEnd,
    seed: int,
    white_noise: float = 0.0,
    chunk: int = 32,
) -> Tensor:
    """Return the (N, 1, 32, 32) images of a split, on the device of `front_end`.

    `white_noise` is the share η of the noise that each clip, in units of full scale, is blended with:
    (1 - η)·clip + η·noise, uniform in [-1, 1], as in the published noise test. What is drawn depends on the
    seed alone. Waveforms that lie elsewhere are moved `chunk` at a time.
    """
    device = front_end.window.device
    clips = (part.to(device) for part in torch.split(waveforms, chunk))
    draws = augmentation.draw(len(waveforms), np.random.default_rng([seed]), device).split(chunk)
    parts = zip(clips, draws, strict=True)
    if not white_noise:
        return torch.cat([augmentation.images(*part, front_end) for part in parts])
    generator = torch.Generator().manual_seed(seed)
    images = []
    for part in parts:
        waveforms = augmentation.waveforms(*part)
        noise = (torch.rand(waveforms.shape, generator=generator) * 2 - 1).to(device)
        images.append(front_end(torch.lerp(waveforms, noise, white_noise)))
    return torch.cat(images)
