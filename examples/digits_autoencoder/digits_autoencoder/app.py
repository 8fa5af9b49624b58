"""The Hydra app: a decorator, and a function that returns the metrics.

digits-autoencoder                                         # one training
digits-autoencoder -m                                      # a search
digits-autoencoder sigopt.create=true                      # an experiment for many workers
python -m digits_autoencoder.app -m sigopt.experiment_id=1 # the same, started as a module
"""

import pytorch_lightning as pl
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import DictConfig

from sigtune import hydra_app
from sigtune.job.stop import asked_to_stop
from sigtune.training.callbacks.stop_when_asked import StopWhenAsked


@hydra_app(config_path="conf", config_name="config")
def main(cfg: DictConfig) -> dict[str, float]:
    """Train the autoencoder and return its error."""
    pl.seed_everything(cfg.seed, verbose=False)
    trainer = pl.Trainer(
        **cfg.trainer,
        default_root_dir=HydraConfig.get().runtime.output_dir,
        callbacks=[StopWhenAsked(asked_to_stop)],  # Ctrl-C ends a search after the batch, with a checkpoint
    )
    trainer.fit(instantiate(cfg.module), instantiate(cfg.data))
    return {"val_loss": float(trainer.callback_metrics["val_loss"])}


if __name__ == "__main__":
    main()
