"""What the results of suggestion_quality.py show: mean ranks with bootstrap intervals, and paired tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

_RESAMPLES = 2000


def print_report(rows: Sequence[dict[str, Any]]) -> None:
    """Print mean ranks at each checkpoint over the cells that every optimizer has, lower is better."""
    optimizers = list(dict.fromkeys(row["optimizer"] for row in rows))
    checkpoints = sorted({int(count) for row in rows for count in row["regrets"]})
    print(f"\nmean rank of {len(optimizers)}, with 95 % bootstrap intervals over searches")
    print(f"{'after':>5s} {'cells':>5s}  " + "  ".join(f"{name:>18s}" for name in optimizers))
    for checkpoint in checkpoints:
        ranks = ranks_at(rows, optimizers, checkpoint)
        shown = "  ".join(
            f"{mean:4.2f} [{low:4.2f}, {high:4.2f}]" for mean, low, high in map(interval, ranks.T)
        )
        print(f"{checkpoint:5d} {len(ranks):5d}  {shown}")
        if len(optimizers) > 1 and len(ranks) > 1:
            print(f"{'':13s}" + paired(ranks, optimizers))
    for name in optimizers:
        seconds = [row["cpu_seconds_per_suggestion"] for row in rows if row["optimizer"] == name]
        print(f"{name:>18s}: {np.mean(seconds):.2f} s of CPU a suggestion")


def ranks_at(
    rows: Sequence[dict[str, Any]], optimizers: Sequence[str], checkpoint: int
) -> NDArray[np.float64]:
    """Return the rank of each optimizer in each cell, shape (cells, optimizers); equals share a rank."""
    cells: dict[tuple[str, int], dict[str, float]] = {}
    for row in rows:
        regret = row["regrets"].get(str(checkpoint), row["regrets"].get(checkpoint))
        if regret is not None:
            cells.setdefault((row["problem"], row["seed"]), {})[row["optimizer"]] = regret
    complete = [cell for cell in cells.values() if len(cell) == len(optimizers)]
    table = np.array([[cell[name] for name in optimizers] for cell in complete])
    return np.asarray(stats.rankdata(table.reshape(-1, len(optimizers)), axis=1))


def interval(ranks: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return the mean and the ends of its bootstrap interval."""
    if not len(ranks):
        return (np.nan, np.nan, np.nan)
    drawn = np.random.default_rng(0).choice(ranks, (_RESAMPLES, len(ranks))).mean(1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(ranks.mean()), float(low), float(high)


def paired(ranks: NDArray[np.float64], optimizers: Sequence[str]) -> str:
    """Return the Wilcoxon signed-rank p of the first optimizer against each other one."""
    shown = []
    for column, name in enumerate(optimizers[1:], start=1):
        differences = ranks[:, 0] - ranks[:, column]
        p = stats.wilcoxon(differences).pvalue if differences.any() else 1.0
        shown.append(f"against {name}: p = {p:.3f}")
    return f"{optimizers[0]} " + ", ".join(shown)
