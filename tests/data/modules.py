"""Data modules as a config without further values makes them."""

from pathlib import Path
from typing import Any

from hydra.utils import instantiate

from sigtune.config.schema import SpeechCommandsConfig, SyntheticCommandsConfig
from sigtune.data.commands import COMMANDS
from sigtune.data.datamodule import SpeechCommandsDataModule, SyntheticCommandsDataModule

SMALL = {"train_size": 60, "validation_size": 24, "test_size": 24}
HARD = {"words": list(COMMANDS), "train_voices": 0.25, "snr_db": 10.0, "max_shift_ms": 100.0}


def synthetic_module(data_dir: Path, **changes: Any) -> SyntheticCommandsDataModule:
    """Return small synthetic data, as noisy as data=synthetic_commands, in batches of 16."""
    settings = {"data_dir": str(data_dir), "batch_size": 16, "seed": 0, **SMALL, **HARD, **changes}
    data = instantiate(SyntheticCommandsConfig(**settings))
    assert isinstance(data, SyntheticCommandsDataModule)
    return data


def speech_commands_module(data_dir: Path, root: Path, **settings: Any) -> SpeechCommandsDataModule:
    """Return Speech Commands from a folder, in batches of 100."""
    config = SpeechCommandsConfig(
        data_dir=str(data_dir), root=str(root), words=list(COMMANDS), batch_size=100, seed=0, **settings
    )
    data = instantiate(config)
    assert isinstance(data, SpeechCommandsDataModule)
    return data
