"""An experiment as a study of Optuna."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sigtune.errors import Problem, UsageError

if TYPE_CHECKING:
    from optuna.storages import BaseStorage


def write_study(
    storage: str | BaseStorage, experiment: dict[str, Any], observations: list[dict[str, Any]]
) -> None:
    """Create a study named after the experiment, with a trial for each observation.

    Raises UsageError where Optuna is not installed, where the storage has a study of that name, and where
    no metric is optimized.
    """
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise UsageError([Problem("--format", "optuna is not installed", "pip install optuna")]) from error
    metrics = [metric for metric in experiment["metrics"] if metric["strategy"] == "optimize"]
    if not metrics:
        raise UsageError([Problem("--format", "a study of Optuna optimizes a metric, and this one none")])
    name = f"sigopt-{experiment['id']} {experiment['name']}"
    directions = [metric["objective"] for metric in metrics]
    with _opened(storage) as opened:
        try:
            study = optuna.create_study(storage=opened, study_name=name, directions=directions)
        except optuna.exceptions.DuplicatedStudyError as error:
            raise UsageError([Problem("--to", f"has a study named {name!r}", "another storage")]) from error
        study.set_user_attr("metrics", [metric["name"] for metric in metrics])
        distributions = _distributions(experiment)
        study.add_trials(
            [_trial(item, distributions, [metric["name"] for metric in metrics]) for item in observations]
        )


@contextmanager
def _opened(storage: str | BaseStorage) -> Iterator[str | BaseStorage]:
    """Enter the storage, and close the connections to a database of that URL, which Optuna leaves open."""
    from optuna.storages import RDBStorage

    if not isinstance(storage, str) or storage.startswith("redis"):
        yield storage
        return
    database = RDBStorage(storage)
    try:
        yield database
    finally:
        database.remove_session()
        database.engine.dispose()


def _distributions(experiment: dict[str, Any]) -> dict[str, Any]:
    """Return Optuna's form of what may be assigned to each parameter and conditional."""
    from optuna.distributions import CategoricalDistribution

    distributions = {parameter["name"]: _distribution(parameter) for parameter in experiment["parameters"]}
    for conditional in experiment["conditionals"]:
        distributions[conditional["name"]] = CategoricalDistribution(conditional["values"])
    return distributions


def _distribution(parameter: dict[str, Any]) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if parameter["type"] == "categorical":
        return CategoricalDistribution([value["name"] for value in parameter["categorical_values"]])
    if parameter.get("grid"):
        return CategoricalDistribution(parameter["grid"])
    low, high = parameter["bounds"]["min"], parameter["bounds"]["max"]
    if parameter["type"] == "int":
        return IntDistribution(int(low), int(high))
    return FloatDistribution(low, high, log=parameter["transformation"] == "log")


def _trial(observation: dict[str, Any], distributions: dict[str, Any], metrics: list[Any]) -> Any:
    import optuna

    values = {value["name"]: value["value"] for value in observation["values"]}
    assigned = observation["assignments"]
    # What lies outside the bounds Optuna does not take: it is among the attributes alone.
    inside = {name: value for name, value in assigned.items() if _takes(distributions[name], value)}
    failed = observation["failed"]
    return optuna.trial.create_trial(
        state=optuna.trial.TrialState.FAIL if failed else optuna.trial.TrialState.COMPLETE,
        values=None if failed else [values[name] for name in metrics],
        params=inside,
        distributions={name: distributions[name] for name in inside},
        user_attrs={"observation": observation["id"], "assignments": assigned},
    )


def _takes(distribution: Any, value: Any) -> bool:
    choices = getattr(distribution, "choices", None)
    if choices is not None:
        return value in choices
    return bool(distribution.low <= value <= distribution.high)
