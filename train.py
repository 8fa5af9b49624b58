"""Train a model from the Hydra config in conf/, or tune it with SigOpt. README.md shows the ways."""

from pathlib import Path

import hydra
from omegaconf import DictConfig

from sigtune.app.main import main
from sigtune.app.run import run
from sigtune.app.training import training_problems
from sigtune.checks.preflight import preflight
from sigtune.config.schema import register_schemas

register_schemas()


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
@preflight(training_problems)
def train(cfg: DictConfig) -> dict[str, float] | None:
    """Run the composed config; Hydra calls this once per job."""
    return run(cfg)


if __name__ == "__main__":
    main(train, Path(__file__).parent / "conf")
