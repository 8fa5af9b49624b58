"""The data of each figure, as values that JSON can hold; static/figures.js draws them.

A page needs one table and any number of figures over it::

    results = results_from_json(experiment, observations)  # the client's to_json(), oldest first
    table = table_of(results)
    figures = [history(results, metric), scatter(results, x, y, colour), parallel(results, metric), ...]

A **table** has a row for each observation and a column for each parameter, conditional and metric::

    {"number": [1, 2],            from 1, the oldest first: figures name observations by it
     "id": ["17", "18"],          SigOpt's id, or null
     "job": [1, null],            the number of the search's job, or null
     "failed": [false, true], "reason": ["", "out of memory"],
     "feasible": [true, false],   whether every threshold is met
     "task": ["full", null],      the task's name, in an experiment that has tasks
     "total": 2,                  of how many observations the rows are a sample, where it is thinned
     "columns": [{"key": "parameter:lr", "label": "lr", "role": "parameter", "type": "number",
                  "log": true, "integer": false, "low": 1e-5, "high": 1.0, "values": [0.01, null]},
                 {"key": "parameter:kind", "type": "category", "categories": ["a", "b"], "values": [0], ...},
                 {"key": "metric:accuracy", "role": "metric", "objective": "maximize", "strategy": "optimize",
                  "threshold": null, "values": [0.9, null], "stddevs": [null, null], ...}]}

A **figure** has a `kind`, a `title`, and what that kind needs. Columns are meant by their keys (`key_of`),
observations by their numbers. Where a figure cannot be drawn it has a `reason` instead, a sentence to show.

- history: `metric`, `best_so_far` as [number, value] where it changes, `best` as numbers, `threshold`
- importance: `metric` (a name), `bars` as {"parameter", "share"}, the largest first
- scatter: `x`, `y`, `colour` (a key or null), `best`; metric against parameter is one of these
- parallel: `dimensions` as keys, `colour`, `best`
- contour: `x`, `y` (keys), `metric`, `xs`, `ys` (values along the axes), `medians[row of y][column of x]`,
  `through` (what the other parameters are held at), `best`
- slice: `x`, `metric` (keys), `xs`, at each `medians`, `lows` and `highs` of the model, `through`, `best`,
  `expected`: the observation that it expects to be the best, as {"number", "median", "low", "high"}
- pareto: `x`, `y` (keys of the two metrics), `front` (numbers, sorted along x), `thresholds` as [x's, y's]
- curves: `metric`, `along` ("epoch" or "step"), `lines` as {"label", "number", "x", "y"}
- confusion: `classes`, `counts[true][predicted]`
"""

from sigtune.report.series.axes import Json, key_of, metric_label
from sigtune.report.series.curves import curve_names, learning_curves
from sigtune.report.series.history import history
from sigtune.report.series.importance import importance
from sigtune.report.series.model import contour, model_slice
from sigtune.report.series.pareto import pareto
from sigtune.report.series.points import parallel, scatter
from sigtune.report.series.table import table_of

__all__ = [
    "Json",
    "contour",
    "curve_names",
    "history",
    "importance",
    "key_of",
    "learning_curves",
    "metric_label",
    "model_slice",
    "parallel",
    "pareto",
    "scatter",
    "table_of",
]
