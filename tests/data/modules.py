"""Data modules as a config without further values makes them."""

from pathlib import Path
from typing import Any

from hydra.utils import instantiate

from sigtune.config.schema import SpeechCommandsConfig, SyntheticCommandsConfig
from sigtune.data.datamodule import SpeechCommandsDataModule, SyntheticCommandsDataModule

SMALL = {"train_size": 60, "validation_size": 24, "test_size": 24}


def synthetic_module(data_dir: Path, **changes: Any) -> SyntheticCommandsDataModule:
    """Return small synthetic data in batches of 16, with changed settings."""
    settings = {"data_dir": str(data_dir), "batch_size": 16, "seed": 0, **SMALL, **changes}
    data = instantiate(SyntheticCommandsConfig(**settings))
    assert isinstance(data, SyntheticCommandsDataModule)
    return data


def speech_commands_module(data_dir: Path, root: Path, batch_size: int) -> SpeechCommandsDataModule:
    """Return Speech Commands from a folder."""
    config = SpeechCommandsConfig(data_dir=str(data_dir), root=str(root), batch_size=batch_size, seed=0)
    data = instantiate(config)
    assert isinstance(data, SpeechCommandsDataModule)
    return data
