"""Train a model from the Hydra config in conf/, or tune it with SigOpt. README.md shows the ways."""

from omegaconf import DictConfig

from sigtune import hydra_app
from sigtune.app.training import train as train_config
from sigtune.app.training import training_problems
from sigtune.config.hydra_version import ANY_TARGET
from sigtune.config.schema import register_schemas

register_schemas()


@hydra_app(config_path="conf", config_name="config", check=training_problems, execution_whitelist=ANY_TARGET)
def train(cfg: DictConfig) -> dict[str, float]:
    """Train the composed config; Hydra calls this once per job."""
    return train_config(cfg)


if __name__ == "__main__":
    train()
