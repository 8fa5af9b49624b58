"""The warnings of Lightning and torch that no user of sigtune can do anything about."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_KNOWN = (
    # Batches are cut from tensors in memory, so there are no loader workers to recommend.
    ".*does not have many workers.*",
    # A small data set has fewer batches than the logger waits for; its epochs are logged all the same.
    ".*smaller than the logging interval.*",
    # Whoever sets trainer.gpus=0 on a machine with a GPU knows of it.
    "GPU available but not used.*",
    # A training is one process that Slurm knows nothing of: `sigtune.training.trainer` tells Lightning so.
    ".*`srun` command is available.*",
    # Lightning 2.6 still asks torch for tree leaves in the old way.
    ".*isinstance.treespec, LeafSpec.*",
    # torch's own compiler still uses torch's own deprecated functions.
    ".*torch.jit.script.* is deprecated.*",
    # A resumed job's folder has files already; another job's checkpoint is left alone.
    ".*exists and is not empty.*",
    "The dirpath has changed.*",
    # A test has no use for the callbacks that the checkpoint was trained with.
    ".*callbacks used to create the checkpoint need to be provided.*",
)


@contextmanager
def without_known_warnings() -> Iterator[None]:
    """Keep them back inside the block."""
    with warnings.catch_warnings():
        for message in _KNOWN:
            warnings.filterwarnings("ignore", message=message)
        yield
