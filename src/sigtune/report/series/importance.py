"""Importance: how much each parameter matters to a metric."""

from __future__ import annotations

from sigtune.definition.metrics import Metric
from sigtune.optimizer.importance import FEWEST_OBSERVATIONS, metric_importances
from sigtune.report.results import Results
from sigtune.report.series.axes import Json, metric_label, rounded

MOST_BARS = 15


def importance(results: Results, metric: Metric) -> Json:
    """Return the parameters by their importance to a metric, the one that matters most first."""
    figure: Json = {
        "kind": "importance",
        "title": f"Parameter importance for {metric_label(metric)}",
        "metric": metric_label(metric),
        "bars": [],
    }
    if len(results.succeeded) < FEWEST_OBSERVATIONS:
        return {**figure, "reason": f"Importances need {FEWEST_OBSERVATIONS} successful observations."}
    shares = metric_importances(results.definition, results.succeeded)[metric.name]
    if not any(shares.values()):
        return {**figure, "reason": "No parameter explains the metric by itself so far."}
    ranked = sorted(shares.items(), key=lambda item: item[1], reverse=True)
    if len(ranked) > MOST_BARS:
        figure["title"] += f": {MOST_BARS} of {len(ranked)}"
    bars = [{"parameter": name, "share": rounded(share)} for name, share in ranked[:MOST_BARS]]
    return {**figure, "bars": bars}


def most_important(results: Results, metric: Metric) -> list[str]:
    """Return the names of all parameters, the most important first; as they were defined where unknown."""
    first = [str(bar["parameter"]) for bar in importance(results, metric)["bars"]]
    return list(dict.fromkeys([*first, *(parameter.name for parameter in results.definition.parameters)]))
