"""What the results of suggestion_quality.py show: mean ranks with bootstrap intervals, and paired tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

OURS = "sigtune"
MISHAPS = ("hartmann6", "hartmann6, outlier", "hartmann6, flaky")
"""One function by itself, with an outlier, and with jobs that fail at random."""

CRASHES = "crash region"
COSTS_AT = 30
"""After how many observations what failures and an outlier cost is told."""

ROOT = Path(__file__).resolve().parent.parent
README, DETAILS = ROOT / "README.md", ROOT / "docs" / "suggestions.md"
PICTURE = ROOT / "docs" / "images" / "suggestion_quality.png"
BEGIN, END = "<!-- suggestion_quality.py --report -->", "<!-- end of suggestion_quality.py -->"

_RESAMPLES = 2000

Rows = Sequence[dict[str, Any]]


def print_report(rows: Rows, kinds: Mapping[str, str]) -> None:
    """Print the tables of mean ranks and of paired tests, and what crashes, an outlier and the CPU cost."""
    print(
        "\n" + "\n\n".join([rank_table(rows), pairs_table(rows), kinds_table(rows, kinds), costs_table(rows)])
    )


def write_documents(rows: Rows, kinds: Mapping[str, str]) -> None:
    """Put mean ranks into README.md and the other tables into docs/suggestions.md, and draw the picture."""
    names = optimizers_of(rows)
    ranks = {count: ranks_at(rows, names, count) for count in checkpoints_of(rows)}
    ranks = {count: of_cells for count, of_cells in ranks.items() if len(of_cells)}
    draw(names, ranks)
    counts = list(ranks)
    picture = f"![Mean ranks after {counts[0]} to {counts[-1]} observations]({PICTURE.relative_to(ROOT)})"
    _put_between_marks(README, [picture, rank_table(rows)])
    _put_between_marks(DETAILS, [pairs_table(rows), kinds_table(rows, kinds), costs_table(rows)])


def _put_between_marks(document: Path, parts: Sequence[str]) -> None:
    text = document.read_text()
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    document.write_text(before + BEGIN + "\n\n" + "\n\n".join(parts) + "\n\n" + END + after)


def rank_table(rows: Rows) -> str:
    """Return mean ranks over the searches that every optimizer has made, as a Markdown table."""
    names = optimizers_of(rows)
    return (
        "Mean rank among those of a row, lower is better, with 95 % bootstrap intervals over searches:\n\n"
        + table([["after", "searches", *names], *rank_lines(rows, names)])
    )


def rank_lines(rows: Rows, names: Sequence[str]) -> list[list[str]]:
    """Return a line for each number of observations: it, of how many searches, and each mean rank."""
    lines = []
    for count in checkpoints_of(rows):
        there = names_at(rows, count)
        ranks = ranks_at(rows, there, count)
        if len(ranks):
            shown = {name: interval_shown(column) for name, column in zip(there, ranks.T, strict=True)}
            lines.append([str(count), str(len(ranks)), *(shown.get(name, "–") for name in names)])
    return lines


def interval_shown(values: NDArray[np.float64]) -> str:
    mean, low, high = interval(values)
    return f"{mean:.2f} [{low:.2f}, {high:.2f}]"


def pairs_table(rows: Rows) -> str:
    """Return how often sigtune is ahead of each other optimizer, and Wilcoxon's p of the pairs' ranks."""
    lines = [["after", *(f"against {name}" for name in optimizers_of(rows) if name != OURS)]]
    for count in checkpoints_of(rows):
        cells = [pair_shown(rows, name, count) for name in optimizers_of(rows) if name != OURS]
        lines.append([str(count), *cells])
    return (
        f"How often {OURS} is ahead, equals counted half, in how many searches, and Wilcoxon's p:\n\n"
        + table(lines)
    )


def pair_shown(rows: Rows, other: str, count: int) -> str:
    """Return the share of pairs that sigtune wins, of how many, and p by problem: seeds are no problems."""
    regrets = cells_at(rows, count)
    shares: dict[str, list[float]] = {}
    for (problem, _), cell in regrets.items():
        if OURS in cell and other in cell:
            won = 0.5 if cell[OURS] == cell[other] else float(cell[OURS] < cell[other])
            shares.setdefault(problem, []).append(won)
    if not shares:
        return "–"
    pairs = [won for each in shares.values() for won in each]
    differences = np.array([np.mean(each) - 0.5 for each in shares.values()])
    p = float(stats.wilcoxon(differences).pvalue) if differences.any() else 1.0
    mean, low, high = interval(np.array(pairs))
    return f"{100 * mean:.0f} % [{100 * low:.0f}, {100 * high:.0f}] of {len(pairs)}, p = {p:.3f}"


def kinds_table(rows: Rows, kinds: Mapping[str, str]) -> str:
    """Return the mean ranks of each kind of problem, with their intervals."""
    names = optimizers_of(rows)
    lines = [["kind of problem", "after", "searches", *names]]
    for kind in dict.fromkeys(kinds.values()):
        of_kind = [row for row in rows if kinds.get(row["problem"]) == kind]
        lines += [[kind, *line] for line in rank_lines(of_kind, names)]
    return "Mean ranks by the kind of problem, with such intervals:\n\n" + table(lines)


def costs_table(rows: Rows) -> str:
    """Return what failures and an outlier cost each optimizer, and what a suggestion takes."""
    names, count = optimizers_of(rows), COSTS_AT
    own = {
        name: [row for row in rows if row["optimizer"] == name and length_of(row) <= count] for name in names
    }
    crashed = [[row["failures"] for row in own[name] if row["problem"] == CRASHES] for name in names]
    lines = [
        ["", *names],
        [
            "jobs that crashed, of a search in the crash region",
            *(shown_mean(each, "{:.1f}") for each in crashed),
        ],
    ]
    by_seed = {
        name: {problem: regrets_of(own[name], problem, count) for problem in MISHAPS} for name in names
    }
    for problem in MISHAPS:
        regrets = [list(by_seed[name][problem].values()) for name in names]
        medians = [f"{np.median(each):.2f}" if each else "–" for each in regrets]
        lines.append([f"regret after {count} on {problem}, median", *medians])
    for problem in MISHAPS[1:]:
        costs = [mishap_cost(by_seed[name][MISHAPS[0]], by_seed[name][problem]) for name in names]
        label = f"regret after {count} on {problem} above that on {MISHAPS[0]} of the same seed, mean"
        lines.append([label, *costs])
    seconds = [[row["cpu_seconds_per_suggestion"] for row in own[name]] for name in names]
    lines.append(["CPU seconds a suggestion, mean", *(shown_mean(each, "{:.2f}") for each in seconds)])
    return table(lines)


def regrets_of(rows: Rows, problem: str, count: int) -> dict[int, float]:
    """Return the regrets of the searches of a problem by their seeds."""
    regrets = {row["seed"]: regret(row, count) for row in rows if row["problem"] == problem}
    return {seed: value for seed, value in regrets.items() if value is not None}


def mishap_cost(without: Mapping[int, float], with_it: Mapping[int, float]) -> str:
    """Return by how much a mishap raised the regret of searches with equal seeds."""
    costs = np.array([with_it[seed] - without[seed] for seed in sorted(with_it.keys() & without.keys())])
    return interval_shown(costs) if len(costs) else "–"


def shown_mean(values: Sequence[float], form: str) -> str:
    return form.format(np.mean(values)) if values else "–"


def draw(names: Sequence[str], ranks: Mapping[int, NDArray[np.float64]]) -> None:
    """Draw the mean ranks (cells, names) with their intervals over the numbers of observations."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for index, name in enumerate(names):
        means, low, high = np.array([interval(each[:, index]) for each in ranks.values()]).T
        places = np.arange(len(ranks)) + 0.06 * (index - (len(names) - 1) / 2)
        axes.errorbar(places, means, [means - low, high - means], label=name, marker="o", capsize=3)
    axes.set_xticks(range(len(ranks)), [str(count) for count in ranks])
    axes.set_xlabel("observations")
    axes.set_ylabel("mean rank, lower is better")
    axes.legend(ncols=3, fontsize="small")
    figure.savefig(PICTURE, dpi=130)


def optimizers_of(rows: Rows) -> list[str]:
    return sorted({row["optimizer"] for row in rows}, key=lambda name: (name != OURS, name == "random", name))


def names_at(rows: Rows, count: int) -> list[str]:
    """Return the optimizers whose searches went on for so long."""
    return optimizers_of([row for row in rows if regret(row, count) is not None])


def checkpoints_of(rows: Rows) -> list[int]:
    return sorted({int(count) for row in rows for count in row["regrets"]})


def length_of(row: Mapping[str, Any]) -> int:
    """Return after how many observations a search ended."""
    return max(map(int, row["regrets"]))


def regret(row: Mapping[str, Any], count: int) -> float | None:
    value = row["regrets"].get(str(count))
    return None if value is None else float(value)


def cells_at(rows: Rows, count: int) -> dict[tuple[str, int], dict[str, float]]:
    """Return the regret of each optimizer in each cell: a problem and a seed.

    Of searches of different lengths the shortest that went on for so long counts.
    """
    cells: dict[tuple[str, int], dict[str, float]] = {}
    for row in sorted(rows, key=length_of, reverse=True):
        value = regret(row, count)
        if value is not None:
            cells.setdefault((row["problem"], row["seed"]), {})[row["optimizer"]] = value
    return cells


def ranks_at(rows: Rows, names: Sequence[str], count: int) -> NDArray[np.float64]:
    """Return the rank of each optimizer in each cell that all have, shape (cells, optimizers).

    Equals share a rank.
    """
    complete = [cell for cell in cells_at(rows, count).values() if len(cell) == len(names)]
    values = np.array([[cell[name] for name in names] for cell in complete])
    return np.asarray(stats.rankdata(values.reshape(-1, len(names)), axis=1))


def interval(values: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return the mean and the ends of its bootstrap interval."""
    drawn = np.random.default_rng(0).choice(values, (_RESAMPLES, len(values))).mean(1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(values.mean()), float(low), float(high)


def table(lines: Sequence[Sequence[str]]) -> str:
    """Return the lines, the first of which is the head, as a Markdown table."""
    rows = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join([rows[0], "|---" * len(lines[0]) + "|", *rows[1:]])
