"""The folders of the jobs in that of their sweep: what `hydra.sweep.subdir` makes of each."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, flag_override, open_dict
from omegaconf.errors import OmegaConfBaseException

from sigtune.errors import Problem, UsageError
from sigtune.job.attempt import read_attempt
from sigtune.search.job_configs import JobConfigs
from sigtune.search.jobs import Job
from sigtune.tuning.experiment import SigOptExperiment
from sigtune.tuning.suggested_values import bounding_points

KEY = "hydra.sweep.subdir"
_NUMBER = "${hydra.job.num}"
_REMEDY = f"{KEY}={_NUMBER}, or a name with that in it"
_LONGEST_NAME = 255
"""Bytes that the name of a folder has at most on Linux."""


def job_subdir(configs: JobConfigs, number: int, overrides: Sequence[str]) -> str | None:
    """Return the folder of the job with the number and these overrides, as its config names it.

    None is Hydra's own, the number. Raises UsageError where it is not below the folder of the sweep.
    """
    if _is_number(configs.master):
        return None
    return _subdir(configs.compose_with_hydra(overrides), number)


def subdir_problems(
    configs: JobConfigs, experiment: SigOptExperiment, parameters: Sequence[Mapping[str, Any]]
) -> list[Problem]:
    """Return what is wrong with the folders of two jobs that differ in their numbers and parameters."""
    if _is_number(configs.master):
        return []
    try:
        first, second = (
            job_subdir(configs, number, configs.overrides_for(experiment, point))
            for number, point in enumerate(bounding_points(parameters), start=1)
        )
    except UsageError as error:
        return list(error.problems)
    if first != second:
        return []
    return [Problem(KEY, f"gives every job the folder {first}", _REMEDY)]


def is_below(folder: str) -> bool:
    """Return whether a path leads to a folder below that which it begins in."""
    path = PurePosixPath(folder)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\0" not in folder


def clash(job: Job, others: Iterable[Job]) -> Problem | None:
    """Return that the folder of a job is in use: it is another job's, or one is inside the other."""
    folder = PurePosixPath(job.folder)
    for other in others:
        if other.number == job.number or (job.subdir is None and other.subdir is None):
            continue
        taken = PurePosixPath(other.folder)
        if folder.is_relative_to(taken) or taken.is_relative_to(folder):
            what = f"gives job {job.number} the folder {folder}, and job {other.number} has {taken}"
            return Problem(KEY, what, _REMEDY)
    return None


def left_by_another(job: Job, sweep: Path) -> Problem | None:
    """Return that a folder of a new job has the files of an earlier one, whose outcome it would find."""
    for run in job.runs():
        if read_attempt(sweep / run.subdir) > 0:
            what = f"gives job {job.number} the folder {run.subdir}, in which a job ran that is in no journal"
            return Problem(KEY, what, "another hydra.sweep.dir, or remove the folder")
    return None


def last_number(sweep: Path) -> int:
    """Return the highest number that names a folder in that of the sweep, 0 where there is none."""
    if not sweep.is_dir():
        return 0
    return max((int(path.name) for path in sweep.iterdir() if path.name.isdecimal()), default=0)


def _is_number(master: DictConfig) -> bool:
    sweep = OmegaConf.to_container(master.hydra.sweep, resolve=False)
    assert isinstance(sweep, dict)
    return bool(sweep["subdir"] == _NUMBER)


def _subdir(config: DictConfig, number: int) -> str:
    with flag_override(config.hydra.job, "readonly", False), open_dict(config.hydra.job):
        config.hydra.job.num, config.hydra.job.id = number, str(number)
    try:
        with _hydra_config(config):
            name = str(OmegaConf.select(config, KEY, throw_on_missing=True))
    except OmegaConfBaseException as error:
        raise UsageError([Problem(KEY, str(error).splitlines()[0], _REMEDY)]) from error
    if not is_below(name):
        raise UsageError(
            [Problem(KEY, f"leads to {name or '.'}, not below the folder of the search", _REMEDY)]
        )
    path = PurePosixPath(name)
    if any(len(os.fsencode(part)) > _LONGEST_NAME for part in path.parts):
        remedy = "fewer keys: hydra.job.config.override_dirname.exclude_keys=[…]"
        raise UsageError([Problem(KEY, f"is longer than {_LONGEST_NAME} bytes: {name}", remedy)])
    return str(path)


@contextmanager
def _hydra_config(config: DictConfig) -> Iterator[None]:
    """Have Hydra's resolver, as in `${hydra:job.num}`, look into the config meanwhile."""
    holder = HydraConfig.instance()
    earlier = holder.cfg
    holder.set_config(config)
    try:
        yield
    finally:
        holder.cfg = earlier
