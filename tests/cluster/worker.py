"""A worker that trains one suggestion after the other until the budget of experiment 1 is consumed.

Its arguments are the URL of the store and a folder, in which it touches a file for each training it begins.
"""

import os
import sys
import time
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from sigtune.app.worker import run_one_suggestion
from sigtune.tuning.connection import connect
from sigtune.tuning.experiment import SigOptExperiment

store, folder = sys.argv[1:]
experiment = SigOptExperiment(1, connect("local", store))
config = OmegaConf.create({"x": "???"})


def train(cfg: DictConfig) -> float:
    """Take a second, and return the height at x."""
    (Path(folder) / f"{os.getpid()}.{time.time()}").touch()
    time.sleep(1)
    return -abs(float(cfg.x) - 3)


while run_one_suggestion(config, experiment, experiment.get_experiment_details(), train, ["height"]):
    pass
