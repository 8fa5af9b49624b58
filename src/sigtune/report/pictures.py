"""Figures as PNG files, for papers and slides; matplotlib draws them, without a display."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sigtune.definition.metrics import Metric
from sigtune.definition.parameters import Parameter
from sigtune.definition.ranking import best_so_far
from sigtune.definition.unit_cube import fraction, from_unit, to_unit
from sigtune.report.results import NumberedObservation, Results
from sigtune.report.series.axes import metric_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HISTORY_NAME = "history.png"
PARALLEL_NAME = "parallel_coordinates.png"

_POINT, _BEST, _FAILED = "#2f6db3", "#c2410c", "#b42318"
_DOTS_PER_INCH = 150
_MOST_LINES = 1000
_LONGEST_NAME = 18


def write_pictures(folder: Path, results: Results, metric: Metric) -> list[Path]:
    """Write history.png and parallel_coordinates.png into the folder, and return their paths.

    Raises ImportError where matplotlib is not installed; there are none where nothing has succeeded.
    """
    if not results.succeeded:
        return []
    paths = [folder / HISTORY_NAME, folder / PARALLEL_NAME]
    for path, figure in zip(paths, (_history(results, metric), _parallel(results, metric)), strict=True):
        figure.savefig(path, dpi=_DOTS_PER_INCH)
    return paths


def _history(results: Results, metric: Metric) -> Figure:
    from matplotlib.ticker import MaxNLocator

    figure, axes = _figure(6.4)
    values = {each.number: _value(each, metric) for each in results.succeeded}
    axes.scatter(list(values), list(values.values()), s=12, color=_POINT, label="observed")
    trace = best_so_far(results.observations, results.definition, metric)
    numbers = [each.number for each in results.observations]
    axes.step(numbers, [_or_nan(value) for value in trace], where="post", color=_BEST, label="best so far")
    failed = [each.number for each in results.observations if each.values is None]
    if failed:
        foot = axes.get_xaxis_transform()
        axes.plot(failed, [0.02] * len(failed), "x", transform=foot, color=_FAILED, ms=5, label="failed")
    best = [each.number for each in results.best]
    axes.plot(best, [values[number] for number in best], "D", color=_BEST, ms=6, label="best")
    axes.set_xlabel("observation")
    axes.set_ylabel(_plain(metric_label(metric)))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(fontsize="small", frameon=False, ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1))
    return figure


def _parallel(results: Results, metric: Metric) -> Figure:
    from matplotlib import colormaps
    from matplotlib.collections import LineCollection

    parameters = results.definition.parameters
    figure, axes = _figure(max(6.4, 1.3 * (len(parameters) + 1)))
    values = [_value(each, metric) for each in results.succeeded]
    low, high = min(values), max(values)
    best = {each.number for each in results.best}

    def lines(observations: Sequence[NumberedObservation]) -> list[list[tuple[int, float]]]:
        rows = (
            [
                *(_position(parameter, each) for parameter in parameters),
                _share(_value(each, metric), low, high),
            ]
            for each in observations
        )
        return [list(enumerate(row)) for row in rows]

    # What is drawn last is on top: the better ones, and above them the best.
    others = sorted(
        (each for each in results.succeeded[-_MOST_LINES:] if each.number not in best),
        key=lambda each: metric.score(_value(each, metric)),
    )
    shares = [_share(_value(each, metric), low, high) for each in others]
    axes.add_collection(LineCollection(lines(others), colors=colormaps["viridis"](shares), lw=0.9, alpha=0.6))
    axes.add_collection(LineCollection(lines(results.best), colors=_BEST, lw=2.5))
    for place, parameter in enumerate(parameters):
        _ticks(axes, place, [(to_unit(parameter, value), _text(value)) for value in _marks(parameter)])
    _ticks(axes, len(parameters), [(share, _text(low + share * (high - low))) for share in (0.0, 0.5, 1.0)])
    names = [*(parameter.name for parameter in parameters), metric_label(metric)]
    axes.set_xticks(range(len(names)), [_plain(name) for name in names], fontsize="small")
    axes.set_yticks([])
    axes.set_ylim(-0.05, 1.05)
    axes.set_xlim(-0.1, len(parameters) + 0.3)
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
    return figure


def _figure(width: float) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure  # not pyplot, which looks for a display and keeps what it draws

    figure = Figure(figsize=(width, 3.8), layout="constrained")
    axes = figure.subplots()
    axes.spines["top"].set_visible(False)
    axes.spines["right"].set_visible(False)
    return figure, axes


def _ticks(axes: Axes, place: int, marks: Sequence[tuple[float, str]]) -> None:
    axes.axvline(place, color="#7b8794", lw=0.8, zorder=0)
    for position, text in marks:
        box = {"facecolor": "white", "alpha": 0.7, "edgecolor": "none", "pad": 0.5}
        axes.text(place + 0.02, position, text, fontsize="x-small", va="center", bbox=box)


def _marks(parameter: Parameter) -> list[Any]:
    """Return the values that an axis names: every category, or the ends of a number and what is between."""
    if parameter.categories is not None:
        return list(parameter.categories)
    return list(dict.fromkeys(from_unit(parameter, position) for position in (0.0, 0.5, 1.0)))


def _position(parameter: Parameter, observation: NumberedObservation) -> float:
    value = observation.assignments.get(parameter.name)
    return float("nan") if value is None else to_unit(parameter, value)


def _share(value: float, low: float, high: float) -> float:
    return fraction(value, low, high) if low < high else 0.5


def _value(observation: NumberedObservation, metric: Metric) -> float:
    assert observation.values is not None
    return observation.values[metric.name]


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value


def _text(value: Any) -> str:
    return _plain(f"{value:.3g}" if isinstance(value, float) else str(value))


def _plain(text: str) -> str:
    """Return a name as matplotlib shows it unchanged, cut where it is long: a $ would begin a formula.

    A control character is a dot: no font has it, and matplotlib warns of that.
    """
    text = "".join(character if character.isprintable() else "·" for character in text)
    cut = text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 1]}…"
    return cut.replace("$", r"\$")
