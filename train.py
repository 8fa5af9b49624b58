"""Train a model from the Hydra config in conf/, or tune it with SigOpt. README.md shows the ways."""

from pathlib import Path

import hydra
from omegaconf import DictConfig

from sigtune import application, command_line
from sigtune.config import register_schemas
from sigtune.tuning.preflight import preflight

register_schemas()


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
@preflight(application.check)
def train(cfg: DictConfig) -> dict[str, float] | None:
    """Run the composed config; Hydra calls this once per job."""
    return application.run(cfg)


if __name__ == "__main__":
    command_line.main(train, Path(__file__).parent / "conf")
