"""The class that `sigopt.experiment_class` names."""

from __future__ import annotations

import importlib

from sigtune.errors import Problem, UsageError
from sigtune.tuning.experiment import SigOptExperiment


def experiment_class(path: str) -> type[SigOptExperiment]:
    """Return the class that `sigopt.experiment_class` names. Raises UsageError where there is none."""
    module, _, name = path.rpartition(".")
    try:
        loaded = getattr(importlib.import_module(module), name)
    except Exception as error:  # whatever the import of the user's own module raises
        reason = str(error).splitlines()[0] if str(error) else ""
        what = f"cannot import {path}: {type(error).__name__}: {reason}".removesuffix(": ")
        raise UsageError([Problem("sigopt.experiment_class", what)]) from error
    if not (isinstance(loaded, type) and issubclass(loaded, SigOptExperiment)):
        raise UsageError([Problem("sigopt.experiment_class", f"{path} is not a SigOptExperiment")])
    return loaded
