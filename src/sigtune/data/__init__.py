"""Spoken-command data sets and the log-mel front end; knows nothing of Hydra or SigOpt."""
