"""One training run: the Lightning module, its callbacks, the trainer and `train`."""
