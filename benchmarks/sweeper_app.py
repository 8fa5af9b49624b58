"""The jobs of sweeper_speed.py: they sleep, every fourth one ten times as long, and write down when."""

import time
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig


@hydra.main(version_base="1.3", config_path="sweeper_conf", config_name=None)
def main(cfg: DictConfig) -> float:
    begun = time.time()
    number = HydraConfig.get().job.num - cfg.first_number
    time.sleep(cfg.seconds * (10 if number % 4 == 0 else 1))
    folder = Path(HydraConfig.get().runtime.output_dir)
    (folder / "times").write_text(f"{begun} {time.time()}")
    return -abs(float(cfg.x) - 3)


if __name__ == "__main__":
    main()
