"""The learning rates of a training, by the names that Lightning's LearningRateMonitor has for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytorch_lightning as pl


def learning_rates(trainer: pl.Trainer, interval: str | None = None) -> Iterator[tuple[str, float]]:
    """Yield the name and the learning rate of every parameter group.

    `lr-SGD` is that of an SGD, or the `name` that its scheduler's config gives; of a further one `lr-SGD-1`,
    and where an optimizer has several groups `lr-SGD/NAME`, with their own names or pg1, pg2 and so on. With
    an `interval`, "step" or "epoch", those that are scheduled by the other one are left out.
    """
    configs = {id(getattr(one.scheduler, "optimizer", None)): one for one in trainer.lr_scheduler_configs}
    seen: dict[str, int] = {}
    for optimizer in trainer.optimizers:
        config = configs.get(id(optimizer))
        name = (config and config.name) or f"lr-{type(optimizer).__name__}"
        number = seen[name] = seen.get(name, -1) + 1
        if interval is None or config is None or config.interval == interval:
            prefix = f"{name}-{number}" if number else name
            for group, suffix in zip(optimizer.param_groups, _suffixes(optimizer.param_groups), strict=True):
                yield prefix + suffix, float(group["lr"])


def _suffixes(groups: list[dict[str, Any]]) -> list[str]:
    names = [group.get("name") for group in groups]
    if len(names) > 1:
        names = [name or f"pg{number}" for number, name in enumerate(names, start=1)]
    return [f"/{name}" if name else "" for name in names]
