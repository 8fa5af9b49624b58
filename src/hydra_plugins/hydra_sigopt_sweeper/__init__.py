"""Hydra Sweeper that takes its suggestions from SigOpt: `python train.py -m hydra/sweeper=sigopt`."""
