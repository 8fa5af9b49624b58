"""Checks of an experiment's definition: what SigOpt refuses, found all at once, a module a field.

For the embedded backend only: what another SigOpt accepts is for that one to say. The keys of the problems
are relative to the definition, with a parameter's or metric's name where it has one:
`parameters.max_lr.bounds`, `metrics[0].name`.
"""

from sigtune.definition.validation.experiment import experiment_problems

__all__ = ["experiment_problems"]
