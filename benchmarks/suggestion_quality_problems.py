"""The problems of suggestion_quality.py: each an experiment, what it reports, and what its best is worth."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from sigtune.definition.experiment import ExperimentDefinition
from sigtune.definition.metrics import Metric
from sigtune.definition.parameters import Assignments, Parameter
from sigtune.definition.ranking import is_feasible

Values = dict[str, float]
LOSS = Metric("loss", "minimize")


@dataclass(frozen=True)
class Problem:
    """An experiment; `exact` gives its values, None where the job fails, `noise` is added to the loss.

    Every `outlier_every`-th value is replaced by 1e6. Four `slots` ask while others are being evaluated.
    `reference` bounds the hypervolume of two metrics.
    """

    name: str
    definition: ExperimentDefinition
    exact: Callable[[dict[str, Any]], Values | None]
    noise: float = 0.0
    outlier_at: int | None = None
    slots: int = 1
    reference: tuple[float, float] | None = None

    def observe(self, assignments: Assignments, count: int, seed: int) -> Values | None:
        """Return what the evaluation number `count` reports, the same for every optimizer."""
        values = self.exact(assignments)
        if values is None:
            return None
        if self.outlier_at == count:
            return {**values, "loss": 1e6}
        drawn = np.random.default_rng([seed, count]).normal() if self.noise else 0.0
        return {**values, "loss": values["loss"] + self.noise * drawn} if self.noise else values

    def worth(self, points: Sequence[Assignments], reported: Sequence[Values | None]) -> float:
        """Return the regret of the search so far, lower is better; infinite before anything feasible.

        With noise it is the exact value of the point that was reported as the best.
        """
        metrics = self.definition.metrics
        feasible = [
            (values, exact)
            for point, values in zip(points, reported, strict=True)
            if values is not None and (exact := self.exact(point)) is not None and is_feasible(exact, metrics)
        ]
        if self.reference is not None:
            return -hypervolume([tuple(exact.values()) for _, exact in feasible], self.reference)
        if not feasible:
            return math.inf
        return min(feasible, key=lambda pair: pair[0]["loss"])[1]["loss"]


def hypervolume(front: Sequence[tuple[float, ...]], reference: tuple[float, float]) -> float:
    """Return the area that points of two minimized values dominate, up to the reference."""
    area, lowest = 0.0, reference[1]
    for first, second in sorted(front):
        if first < reference[0] and second < lowest:
            area += (reference[0] - first) * (lowest - second)
            lowest = second
    return area


def doubles(count: int, low: float, high: float, *, log: bool = False) -> tuple[Parameter, ...]:
    return tuple(Parameter(f"x{i}", "double", bounds=(low, high), log=log) for i in range(count))


def synthetic(
    name: str, parameters: Sequence[Parameter], function: Callable[..., float], **fields: Any
) -> Problem:
    """Return a problem whose loss is a function of the parameters' values in their order."""
    definition = ExperimentDefinition(tuple(parameters), (LOSS,))
    names = [parameter.name for parameter in parameters]
    return Problem(name, definition, lambda at: {"loss": float(function(*(at[n] for n in names)))}, **fields)


def branin(x: float, y: float) -> float:
    curve = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return curve**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def hartmann6(*x: float) -> float:
    """Return Hartmann's function of six variables in [0, 1]; its minimum is -3.32."""
    weights = np.array([1.0, 1.2, 3.0, 3.2])
    a = np.array(
        [
            [10, 3, 17, 3.5, 1.7, 8],
            [0.05, 10, 17, 0.1, 8, 14],
            [3, 3.5, 1.7, 10, 17, 8],
            [17, 8, 0.05, 10, 0.1, 14],
        ]
    )
    p = 1e-4 * np.array(
        [
            [1312, 1696, 5569, 124, 8283, 5886],
            [2329, 4135, 8307, 3736, 1004, 9991],
            [2348, 1451, 3522, 2883, 3047, 6650],
            [4047, 8828, 8732, 5743, 1091, 381],
        ]
    )
    return -float(weights @ np.exp(-(a * (np.array(x) - p) ** 2).sum(1)))


def ackley(*x: float) -> float:
    v = np.array(x)
    return float(
        20 - 20 * np.exp(-0.2 * np.sqrt((v**2).mean())) + math.e - np.exp(np.cos(2 * np.pi * v).mean())
    )


def rosenbrock(*x: float) -> float:
    v = np.array(x)
    return float((100 * (v[1:] - v[:-1] ** 2) ** 2 + (1 - v[:-1]) ** 2).sum())


def levy(*x: float) -> float:
    w = 1 + (np.array(x) - 1) / 4
    middle = ((w[:-1] - 1) ** 2 * (1 + 10 * np.sin(np.pi * w[:-1] + 1) ** 2)).sum()
    return float(np.sin(np.pi * w[0]) ** 2 + middle + (w[-1] - 1) ** 2 * (1 + np.sin(2 * np.pi * w[-1]) ** 2))


def learning_curve(lr: float, decay: float, momentum: float) -> float:
    """Return a loss like that of a training: best in a valley of two rates, flat where nothing is learned."""
    valley = (math.log10(lr / (1 - momentum)) + 1.3) ** 2 + 0.3 * (math.log10(decay) + 4) ** 2
    return 2.3 * (1 - math.exp(-valley / 2)) + 0.1


def mixed(lr: float, units: int, depth: int, kind: str) -> float:
    optimum = {"adam": -3.0, "sgd": -1.2, "lion": -3.8}[kind]
    offset = {"adam": 0.0, "sgd": 0.1, "lion": 0.25}[kind]
    return (math.log10(lr) - optimum) ** 2 + (math.log2(units) - 6) ** 2 / 9 + (depth - 4) ** 2 / 16 + offset


MIXED = (
    Parameter("lr", "double", bounds=(1e-5, 1.0), log=True),
    Parameter("units", "int", grid=(8.0, 16.0, 32.0, 64.0, 128.0, 256.0)),
    Parameter("depth", "int", bounds=(1.0, 8.0)),
    Parameter("kind", "categorical", categories=("adam", "sgd", "lion")),
)
RATES = (
    Parameter("lr", "double", bounds=(1e-5, 1.0), log=True),
    Parameter("decay", "double", bounds=(1e-7, 1e-1), log=True),
    Parameter("momentum", "double", bounds=(0.0, 0.99)),
)


def crashing() -> Problem:
    """Return a problem with its best near where jobs crash."""

    def exact(at: dict[str, Any]) -> Values | None:
        if at["x0"] + at["x1"] > 1.2:
            return None
        return {"loss": (at["x0"] - 0.6) ** 2 + (at["x1"] - 0.55) ** 2 + (at["x2"] - 0.3) ** 2 / 2}

    return Problem("crash region", ExperimentDefinition(doubles(3, 0, 1), (LOSS,)), exact)


def constrained() -> Problem:
    """Return Gardner's problem: two parameters, best where its constraint is active."""
    metrics = (LOSS, Metric("limit", "minimize", "constraint", 0.5))

    def exact(at: dict[str, Any]) -> Values:
        x, y = at["x0"], at["x1"]
        loss = math.cos(2 * x) * math.cos(y) + math.sin(x)
        return {"loss": loss, "limit": math.cos(x) * math.cos(y) - math.sin(x) * math.sin(y)}

    return Problem("constraint", ExperimentDefinition(doubles(2, 0, 6), metrics), exact)


def two_metrics(
    name: str, parameters: Sequence[Parameter], exact: Callable[..., Values], reference: tuple[float, float]
) -> Problem:
    metrics = (LOSS, Metric("cost", "minimize"))
    return Problem(
        name,
        ExperimentDefinition(tuple(parameters), metrics, observation_budget=60),
        exact,
        reference=reference,
    )


def branin_currin(at: dict[str, Any]) -> Values:
    x, y = at["x0"], at["x1"]
    currin = (1 - math.exp(-1 / (2 * max(y, 1e-9)))) * (2300 * x**3 + 1900 * x**2 + 2092 * x + 60)
    return {"loss": branin(15 * x - 5, 15 * y), "cost": -currin / (100 * x**3 + 500 * x**2 + 4 * x + 20)}


def zdt1(at: dict[str, Any]) -> Values:
    x = [at[f"x{i}"] for i in range(4)]
    g = 1 + 9 * sum(x[1:]) / 3
    return {"loss": x[0], "cost": g * (1 - math.sqrt(x[0] / g))}


def dtlz2(at: dict[str, Any]) -> Values:
    x = [at[f"x{i}"] for i in range(4)]
    g = 1 + sum((each - 0.35) ** 2 for each in x[1:])  # not best in the middle
    return {"loss": g * math.cos(x[0] * math.pi / 2), "cost": g * math.sin(x[0] * math.pi / 2)}


@cache
def digits() -> tuple[Any, Any]:
    from sklearn import datasets

    rows, labels = datasets.load_digits(return_X_y=True)
    return rows[:600] / 16, labels[:600]


@cache
def cancer() -> tuple[Any, Any]:
    from sklearn import datasets, preprocessing

    rows, labels = datasets.load_breast_cancer(return_X_y=True)
    return preprocessing.scale(rows), labels


def cross_validated(estimator: Any, data: tuple[Any, Any]) -> Values:
    import warnings

    from sklearn.model_selection import cross_val_score

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of fits that do not converge, which is for the search to find out
        return {"loss": 1 - float(cross_val_score(estimator, *data, cv=3).mean())}


@cache
def _fitted(name: str, values: tuple[Any, ...]) -> Values:
    """Return the loss of an estimator; kept, because the regret asks again."""
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.linear_model import SGDClassifier
    from sklearn.neural_network import MLPClassifier
    from sklearn.svm import SVC

    if name == "svm":
        return cross_validated(SVC(C=values[0], gamma=values[1]), digits())
    if name == "logistic":
        alpha, ratio, eta = values
        return cross_validated(
            SGDClassifier(
                "log_loss",
                penalty="elasticnet",
                alpha=alpha,
                l1_ratio=ratio,
                learning_rate="constant",
                eta0=eta,
                random_state=0,
            ),
            cancer(),
        )
    if name == "boosting":
        rate, trees, depth, share = values
        return cross_validated(
            GradientBoostingClassifier(
                learning_rate=rate, n_estimators=trees, max_depth=depth, subsample=share, random_state=0
            ),
            cancer(),
        )
    rate, units, alpha, activation = values
    network = MLPClassifier(
        (units,), learning_rate_init=rate, alpha=alpha, activation=activation, max_iter=15, random_state=0
    )
    return cross_validated(network, digits())


def real(name: str, parameters: Sequence[Parameter]) -> Problem:
    names = [parameter.name for parameter in parameters]
    definition = ExperimentDefinition(tuple(parameters), (LOSS,))
    return Problem(name, definition, lambda at: _fitted(name, tuple(at[n] for n in names)))


def log(name: str, low: float, high: float) -> Parameter:
    return Parameter(name, "double", bounds=(low, high), log=True)


def all_problems() -> list[Problem]:
    """Return every problem, those of development and of the final runs alike."""
    return [
        synthetic(
            "branin",
            (Parameter("x", "double", bounds=(-5, 10)), Parameter("y", "double", bounds=(0, 15))),
            branin,
        ),
        synthetic("hartmann6", doubles(6, 0, 1), hartmann6),
        synthetic("hartmann6, noise", doubles(6, 0, 1), hartmann6, noise=0.3),
        synthetic("hartmann6, 4 slots", doubles(6, 0, 1), hartmann6, slots=4),
        synthetic("ackley5", doubles(5, -10, 15), ackley),
        synthetic("levy8", doubles(8, -10, 10), levy),
        synthetic("rosenbrock4", doubles(4, -1.5, 2.5), rosenbrock),
        synthetic("learning rates", RATES, learning_curve),
        synthetic("learning rates, noise", RATES, learning_curve, noise=0.1),
        synthetic("mixed", MIXED, mixed),
        synthetic("mixed, 4 slots", MIXED, mixed, slots=4),
        synthetic("hartmann6, outlier", doubles(6, 0, 1), hartmann6, outlier_at=3),
        crashing(),
        constrained(),
        two_metrics("branin-currin", doubles(2, 0, 1), branin_currin, (310.0, 0.0)),
        two_metrics("zdt1", doubles(4, 0, 1), zdt1, (1.1, 10.0)),
        two_metrics("dtlz2", doubles(4, 0, 1), dtlz2, (1.8, 1.8)),
        real("svm", (log("c", 1e-3, 1e3), log("gamma", 1e-5, 10))),
        real(
            "logistic",
            (log("alpha", 1e-7, 1), Parameter("ratio", "double", bounds=(0, 1)), log("eta", 1e-5, 1)),
        ),
        real(
            "boosting",
            (
                log("rate", 1e-3, 1),
                Parameter("trees", "int", bounds=(5, 60)),
                Parameter("depth", "int", bounds=(1, 5)),
                Parameter("share", "double", bounds=(0.2, 1)),
            ),
        ),
        real(
            "network",
            (
                log("rate", 1e-4, 1e-1),
                Parameter("units", "int", grid=(8.0, 16.0, 32.0, 64.0, 128.0)),
                log("alpha", 1e-6, 1e-1),
                Parameter("activation", "categorical", categories=("relu", "tanh", "logistic")),
            ),
        ),
    ]
