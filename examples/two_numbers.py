"""A function of two numbers: any Hydra application can be searched, and this one has no sigtune in it.

python examples/two_numbers.py -m
python examples/two_numbers.py -m hydra/launcher=joblib sigopt.parallel_bandwidth=4
python examples/two_numbers.py -m 'sharpness=choice(1,2,4)'
"""

import math
import time

import hydra
from omegaconf import DictConfig


@hydra.main(version_base="1.3", config_path="conf", config_name="two_numbers")
def main(cfg: DictConfig) -> dict[str, float]:
    """Return the metrics by name; here the height of a hill whose top is at (3, -1)."""
    time.sleep(cfg.seconds)
    distance = math.hypot(cfg.x - 3, cfg.y + 1)
    return {"height": math.exp(-cfg.sharpness * distance / 10)}


if __name__ == "__main__":
    main()
