"""sigtune: train PyTorch models from Hydra configs and tune them with SigOpt."""
