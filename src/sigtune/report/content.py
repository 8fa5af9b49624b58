"""What a report shows of an experiment: facts, best assignments, figures, failures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sigtune.definition.metrics import Metric
from sigtune.report.confusion import read_confusions
from sigtune.report.logged_curves import read_runs
from sigtune.report.results import NumberedObservation, Results
from sigtune.report.series.axes import Json, key_of, metric_label
from sigtune.report.series.curves import Run, curve_names, learning_curves
from sigtune.report.series.history import history
from sigtune.report.series.importance import importance, most_important
from sigtune.report.series.model import contour, model_slice
from sigtune.report.series.pareto import pareto
from sigtune.report.series.points import parallel, scatter
from sigtune.report.series.table import table_of

MOST_CELLS = 60_000
"""Of more cells the table holds a sample, so that the file stays below 2 MB."""

MOST_BEST = 50
MOST_FAILURES = 50
MOST_JOBS_WITH_CURVES = 10
MOST_CURVES = 12
_LONGEST_REASON = 300
_NO_MODEL = "This search had not loaded the model when it ended; `sigtune report` loads it and draws this."


@dataclass(frozen=True)
class Background:
    """What is known besides the results: `facts` to show, and jobs' `folders` and `commands` by observation.

    A command trains the observation's assignments again. With `draws_model` the model is fitted, which
    imports torch where it is not loaded yet.
    """

    facts: Sequence[tuple[str, str]] = ()
    folders: Mapping[int, Path] = field(default_factory=dict)
    commands: Mapping[int, str] = field(default_factory=dict)
    draws_model: bool = False


def report_content(results: Results, background: Background) -> Json:
    """Return the content of the report as values that JSON can hold; static/report.js shows it."""
    failures = [observation for observation in results.observations if observation.values is None]
    sections = [
        {"title": "Analysis", "figures": _analysis(results, background.draws_model)},
        {"title": "Learning curves", "figures": _curves(results, background)},
        {"title": "Best job", "figures": _confusions(results, background)},
    ]
    return {
        "title": results.name,
        "facts": [*background.facts, ("observations", _count(results, len(failures)))],
        "table": table_of(results, MOST_CELLS),
        "best": [
            {"number": each.number, "command": background.commands.get(each.number)}
            for each in results.best[:MOST_BEST]
        ],
        "explorer": _explorer(results) if results.succeeded else None,
        "sections": [section for section in sections if section["figures"]],
        "failures": [
            {"number": each.number, "job": each.job, "reason": each.reason[:_LONGEST_REASON]}
            for each in failures[-MOST_FAILURES:]
        ],
        "failed": len(failures),
    }


def _count(results: Results, failed: int) -> str:
    budget = results.definition.observation_budget
    of = f" of {budget}" if budget else ""
    return f"{len(results.observations)}{of}" + (f", {failed} failed" if failed else "")


def shown_metrics(results: Results) -> Sequence[Metric]:
    """Return the metrics that are optimized, or what there is where none is."""
    return results.definition.optimized_metrics or results.definition.metrics[:1]


def _analysis(results: Results, draws_model: bool) -> list[Json]:
    if not results.observations:
        return []
    metrics = shown_metrics(results)
    figures = [history(results, metric) for metric in metrics]
    front = pareto(results)
    if front is not None:
        figures.append(front)
    figures += [importance(results, metric) for metric in metrics]
    figures += [parallel(results, metric) for metric in metrics[:1]]
    return figures + [figure for metric in metrics for figure in _by_the_model(results, metric, draws_model)]


def _by_the_model(results: Results, metric: Metric, draws_model: bool) -> list[Json]:
    """Return contour and slices of the two parameters that matter most, of those that the best has."""
    by_name = {parameter.name: parameter for parameter in results.definition.parameters}
    active = results.best[0].assignments if results.best else by_name
    shown = [by_name[name] for name in most_important(results, metric) if name in active][:2]
    if not shown or metric.strategy != "optimize":
        return []
    if not draws_model:
        names = " and ".join(parameter.name for parameter in shown)
        title = f"{metric_label(metric)} over {names}, by the model"
        return [{"kind": "slice", "title": title, "reason": _NO_MODEL}]
    contours = [contour(results, metric, shown[0], shown[1])] if len(shown) == 2 else []
    return contours + [model_slice(results, metric, parameter) for parameter in shown]


def _explorer(results: Results) -> Json:
    """Return the scatter that the reader chooses the axes of, as it begins."""
    metric = shown_metrics(results)[0]
    first, *others = [f"parameter:{name}" for name in most_important(results, metric)]
    return scatter(results, first, key_of(metric), others[0] if others else None)


def _curves(results: Results, background: Background) -> list[Json]:
    runs = [
        Run(f"job {each.job}" + (f", run {name}" if name else ""), curves, each.number)
        for each in _best_first(results)[:MOST_JOBS_WITH_CURVES]
        if each.number in background.folders
        for name, curves in read_runs(background.folders[each.number])
    ]
    names = curve_names(runs)
    first = [metric_label(metric) for metric in results.definition.metrics]
    ordered = sorted(names, key=lambda name: first.index(name) if name in first else len(first))
    return [learning_curves(runs, name) for name in ordered[:MOST_CURVES]]


def _best_first(results: Results) -> list[NumberedObservation]:
    metric = shown_metrics(results)[0]
    best = {each.number for each in results.best}

    def rank(observation: NumberedObservation) -> tuple[bool, float]:
        value = (observation.values or {}).get(metric.name)
        return observation.number not in best, -metric.score(value) if value is not None else 0.0

    return sorted(results.succeeded, key=rank)


def _confusions(results: Results, background: Background) -> list[Json]:
    folders = [background.folders.get(best.number) for best in results.best[:1]]
    return [figure for folder in folders if folder is not None for figure in read_confusions(folder)]
