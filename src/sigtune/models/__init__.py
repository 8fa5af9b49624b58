"""Sparse and dense networks as plain torch modules; knows nothing of Hydra, Lightning or SigOpt."""
