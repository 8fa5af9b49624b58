"""The published networks, as conf/model/ has them."""

from functools import cache
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import DictConfig

from sigtune.config.hydra_version import VERSION_BASE
from sigtune.config.schema import register_schemas

CONF = Path(__file__).parents[2] / "conf"


@cache
def _model(name: str) -> DictConfig:
    register_schemas()
    with initialize_config_dir(str(CONF), **VERSION_BASE):
        model = compose("config", [f"model={name}"]).model
    assert isinstance(model, DictConfig)
    return model


def published(name: str, **changes: Any) -> Any:
    """Build a network of conf/model/, with changed arguments."""
    return instantiate(_model(name), _convert_="all", **changes)
