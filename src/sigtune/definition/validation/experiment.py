"""Checks of a whole definition: each field, and what goes together with what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sigtune.definition.experiment import definition_from_json, grid_size
from sigtune.definition.parameters import is_whole
from sigtune.definition.validation.conditionals import conditionals_problems
from sigtune.definition.validation.constraints import linear_constraints_problems
from sigtune.definition.validation.fields import (
    choice_problems,
    count_problems,
    name_problems,
    unknown_field_problems,
)
from sigtune.definition.validation.metadata import metadata_problems
from sigtune.definition.validation.metrics import metrics_problems, of_strategy
from sigtune.definition.validation.parameters import parameters_problems
from sigtune.definition.validation.tasks import tasks_problems
from sigtune.errors import Problem

EXPERIMENT_TYPES = ("offline", "random", "grid")
FIELDS = (
    "name",
    "parameters",
    "metrics",
    "observation_budget",
    "parallel_bandwidth",
    "project",
    "metadata",
    "type",
    "num_solutions",
    "conditionals",
    "linear_constraints",
    "tasks",
)


def experiment_problems(definition: Mapping[str, Any]) -> list[Problem]:
    """Return everything that is wrong with an experiment's definition, in the order of its fields.

    `definition` has the shape of the body that creates an experiment in SigOpt's API; a field that is None
    counts as absent. An empty list means that suggestions can be made for it.
    """
    parameters = definition.get("parameters")
    problems = [
        *unknown_field_problems("", definition, FIELDS),
        *name_problems("name", definition),
        *parameters_problems(parameters, definition.get("type")),
        *conditionals_problems(definition.get("conditionals"), parameters),
        *linear_constraints_problems(definition.get("linear_constraints"), parameters),
        *metrics_problems(definition.get("metrics")),
        *tasks_problems(definition.get("tasks")),
        *count_problems("observation_budget", definition.get("observation_budget")),
        *count_problems("parallel_bandwidth", definition.get("parallel_bandwidth")),
        *count_problems("num_solutions", definition.get("num_solutions")),
        *choice_problems("type", definition.get("type"), EXPERIMENT_TYPES, "type"),
        *_project_problems(definition.get("project")),
        *metadata_problems(definition.get("metadata")),
    ]
    return [
        *problems,
        *_budget_problems(definition),
        *_solutions_problems(definition),
        *_task_combination_problems(definition),
        *(_grid_problems(definition) if not problems else ()),
    ]


def _project_problems(project: Any) -> list[Problem]:
    if project is None or (isinstance(project, str) and project):
        return []
    return [Problem("project", f"expected the id of a project, got {project!r}")]


def _budget_problems(definition: Mapping[str, Any]) -> list[Problem]:
    if definition.get("observation_budget") is not None or definition.get("type") == "grid":
        return []
    reasons = [
        *(["two optimized metrics"] if len(_optimized(definition)) > 1 else []),
        *(["a constraint metric"] if _constraints(definition) else []),
        *(["tasks"] if definition.get("tasks") else []),
        *(["several solutions"] if _solutions(definition) > 1 else []),
    ]
    return [
        Problem("observation_budget", f"missing; an experiment with {reason} needs it", "20")
        for reason in reasons[:1]
    ]


def _solutions_problems(definition: Mapping[str, Any]) -> Iterator[Problem]:
    solutions, budget = _solutions(definition), definition.get("observation_budget")
    if solutions == 1:
        return
    if definition.get("conditionals"):
        yield Problem("num_solutions", "cannot be combined with conditionals", "1")
    if len(_optimized(definition)) != 1:
        yield Problem("num_solutions", "needs exactly one optimized metric", "1")
    if is_whole(budget) and solutions > budget:  # type: ignore[operator]
        yield Problem("num_solutions", f"{solutions} is more than observation_budget", f"{budget} at most")


def _task_combination_problems(definition: Mapping[str, Any]) -> Iterator[Problem]:
    if not definition.get("tasks"):
        return
    if len(_optimized(definition)) > 1:
        yield Problem("tasks", "cannot be combined with two optimized metrics", "one optimized metric")
    if _constraints(definition):
        yield Problem("tasks", "cannot be combined with constraint metrics", "one optimized metric")
    if _solutions(definition) > 1:
        yield Problem("tasks", "cannot be combined with num_solutions", "num_solutions: 1")


def _grid_problems(definition: Mapping[str, Any]) -> Iterator[Problem]:
    if definition.get("type") != "grid":
        return
    if definition.get("conditionals"):
        yield Problem("type", "grid cannot be combined with conditionals", "random")
    size, budget = (
        grid_size(definition_from_json(definition).parameters),
        definition.get("observation_budget"),
    )
    if budget not in (None, size):
        what = f"{budget} is not the number of points of the grid"
        yield Problem("observation_budget", what, str(size))


def _optimized(definition: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return of_strategy("optimize", definition.get("metrics"))


def _constraints(definition: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return of_strategy("constraint", definition.get("metrics"))


def _solutions(definition: Mapping[str, Any]) -> int:
    solutions = definition.get("num_solutions")
    return int(solutions) if is_whole(solutions) else 1  # type: ignore[arg-type]
