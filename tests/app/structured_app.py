"""An app whose primary config is a dataclass, as Hydra's documentation has it for structured configs."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

from sigtune import hydra_app


class Kind(Enum):
    PLAIN = 1
    FANCY = 2


@dataclass
class Net:
    width: int = MISSING
    kind: Kind = Kind.PLAIN
    layers: list[int] = field(default_factory=lambda: [2, 2])


@dataclass
class Config:
    defaults: list[Any] = field(
        default_factory=lambda: [
            {"sigopt": "schema"},
            {"net": "small"},
            "_self_",
            "search",
            {"override hydra/sweeper": "sigopt"},
        ]
    )
    net: Net = MISSING
    sigopt: Any = MISSING


SEARCH = {
    "name": "structured",
    "observation_budget": 2,
    "metrics": [{"name": "score"}],
    "parameters": [{"name": "net.width", "type": "int", "bounds": {"min": 1, "max": 9}, "default_value": 3}],
}
store = ConfigStore.instance()
store.store(name="structured", node=Config)
store.store(group="net", name="small", node=Net)
store.store(name="search", node={"sigopt": SEARCH})


@hydra_app(config_name="structured")
def main(config: Config) -> float:
    return config.net.width + config.net.kind.value / 10


if __name__ == "__main__":
    main()
