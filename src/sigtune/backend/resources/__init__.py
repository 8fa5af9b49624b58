"""The handlers of the embedded SigOpt, one file for each resource of its API."""
