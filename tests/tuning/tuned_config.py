"""A config whose tuned keys have no value yet, as the tests of tuning share it."""

from typing import Any

from omegaconf import DictConfig, OmegaConf


def config(**changes: Any) -> DictConfig:
    return OmegaConf.create(
        {
            "optimizer": {
                "_target_": "torch.optim.SGD",
                "lr": "${scheduler.max_lr}",
                "momentum": 0.0,
                "weight_decay": "???",
            },
            "scheduler": {
                "_target_": "torch.optim.lr_scheduler.OneCycleLR",
                "max_lr": "???",
                "pct_start": "???",
            },
            "trainer": {"max_epochs": 30},
            **changes,
        }
    )
