"""The networks and the default data of conf/, for benchmarks that use them without the trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import DictConfig

from sigtune.config.schema import register_schemas
from sigtune.data.datamodule import SyntheticCommandsDataModule

CONF = Path(__file__).resolve().parent.parent / "conf"


def network(name: str, **changes: Any) -> Any:
    """Build the network conf/model/NAME.yaml, with changed arguments."""
    return instantiate(_composed(f"model={name}").model, _convert_="all", **changes)


def default_data(data_dir: str, batch_size: int, device: str = "cpu") -> SyntheticCommandsDataModule:
    """Return the data that `train.py` trains on by default, with their augmentation and front end."""
    config = _composed(f"data_dir={data_dir}", f"data.batch_size={batch_size}")
    data = instantiate(config.data, device=device)
    assert isinstance(data, SyntheticCommandsDataModule)
    return data


def _composed(*overrides: str) -> DictConfig:
    register_schemas()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", [*overrides, "seed=0"])
