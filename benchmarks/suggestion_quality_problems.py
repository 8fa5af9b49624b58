"""The problems of suggestion_quality.py: each an experiment, what it reports, and what its best is worth."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import OmegaConf

from sigtune.definition.experiment import ExperimentDefinition
from sigtune.definition.metrics import Metric
from sigtune.definition.parameters import Assignments, Parameter, parameter_from_json
from sigtune.definition.ranking import is_feasible
from suggestion_quality_estimators import (
    boosting,
    logistic_regression,
    perceptron,
    perceptron_weights,
    support_vectors,
)
from suggestion_quality_training import adamw_cosine, one_cycle

Values = dict[str, float]
LOSS = Metric("loss", "minimize")
LONGEST = 60
"""The most observations of a search: a budget, which constraints and a second metric need."""

SEARCHES = Path(__file__).resolve().parent.parent / "conf" / "sigopt"

SMOOTH, NOISE, MIXED_TYPES, SLOTS = "exact, continuous", "noise", "mixed types", "four slots"
FAILURES, CONSTRAINT, TWO_METRICS, REAL = (
    "failures, outliers",
    "a constraint",
    "two metrics",
    "real trainings",
)


@dataclass(frozen=True)
class Problem:
    """An experiment; `exact` gives its values, None where the job fails, `noise` is added to the loss.

    The value of evaluation `outlier_at` is replaced by 1e6, and a share of `flaky` of all jobs fail wherever
    they are. Several `slots` ask while others are being evaluated. `reference` bounds the hypervolume of two
    metrics. Problems of a `kind` are reported together.
    """

    name: str
    kind: str
    definition: ExperimentDefinition
    exact: Callable[[dict[str, Any]], Values | None]
    noise: float = 0.0
    outlier_at: int | None = None
    flaky: float = 0.0
    slots: int = 1
    reference: tuple[float, float] | None = None

    def observe(self, assignments: Assignments, count: int, seed: int) -> Values | None:
        """Return what the evaluation number `count` reports, the same for every optimizer."""
        values = self.exact(assignments)
        if values is None or np.random.default_rng([seed, count]).random() < self.flaky:
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
    name: str, kind: str, parameters: Sequence[Parameter], function: Callable[..., float], **fields: Any
) -> Problem:
    """Return a problem whose loss is a function of the parameters' values in their order."""
    definition = ExperimentDefinition(tuple(parameters), (LOSS,))
    names = [parameter.name for parameter in parameters]
    return Problem(
        name, kind, definition, lambda at: {"loss": float(function(*(at[n] for n in names)))}, **fields
    )


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


BRANIN_SPACE = (Parameter("x", "double", bounds=(-5, 10)), Parameter("y", "double", bounds=(0, 15)))
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

    return Problem("crash region", FAILURES, ExperimentDefinition(doubles(3, 0, 1), (LOSS,)), exact)


def constrained(
    name: str,
    parameters: Sequence[Parameter],
    loss: Callable[..., float],
    limited: Callable[..., float],
    limit: float,
) -> Problem:
    """Return a problem whose loss is to be lowest where a second function is no higher than `limit`."""
    names = [parameter.name for parameter in parameters]
    metrics = (LOSS, Metric("limit", "minimize", "constraint", limit))

    def exact(at: dict[str, Any]) -> Values:
        values = [at[name] for name in names]
        return {"loss": float(loss(*values)), "limit": float(limited(*values))}

    definition = ExperimentDefinition(tuple(parameters), metrics, observation_budget=LONGEST)
    return Problem(name, CONSTRAINT, definition, exact)


def constrained_problems() -> list[Problem]:
    """Return Gardner's, Gelbart's and Townsend's problems, and Hartmann's function of a limited norm."""
    return [
        constrained(
            "constraint",
            doubles(2, 0, 6),
            lambda x, y: math.cos(2 * x) * math.cos(y) + math.sin(x),
            lambda x, y: math.cos(x) * math.cos(y) - math.sin(x) * math.sin(y),
            0.5,
        ),
        constrained(
            "branin in a disk", BRANIN_SPACE, branin, lambda x, y: (x - 2.5) ** 2 + (y - 7.5) ** 2, 50.0
        ),
        constrained(
            "townsend",
            (Parameter("x", "double", bounds=(-2.25, 2.5)), Parameter("y", "double", bounds=(-2.5, 1.75))),
            lambda x, y: -(math.cos((x - 0.1) * y) ** 2) - x * math.sin(3 * x + y),
            outside_of_the_heart,
            0.0,
        ),
        constrained("hartmann6, norm", doubles(6, 0, 1), hartmann6, math.hypot, 1.25),
    ]


def outside_of_the_heart(x: float, y: float) -> float:
    """Return what Townsend's problem limits to 0: the squared distance beyond a heart-shaped curve."""
    t = math.atan2(x, y)
    across = 2 * math.cos(t) - math.cos(2 * t) / 2 - math.cos(3 * t) / 4 - math.cos(4 * t) / 8
    return x**2 + y**2 - across**2 - (2 * math.sin(t)) ** 2


def two_metrics(
    name: str, parameters: Sequence[Parameter], exact: Callable[..., Values], reference: tuple[float, float]
) -> Problem:
    metrics = (LOSS, Metric("cost", "minimize"))
    return Problem(
        name,
        TWO_METRICS,
        ExperimentDefinition(tuple(parameters), metrics, observation_budget=LONGEST),
        exact,
        reference=reference,
    )


def branin_currin(at: dict[str, Any]) -> Values:
    x, y = at["x0"], at["x1"]
    currin = (1 - math.exp(-1 / (2 * max(y, 1e-9)))) * (2300 * x**3 + 1900 * x**2 + 2092 * x + 60)
    return {"loss": branin(15 * x - 5, 15 * y), "cost": -currin / (100 * x**3 + 500 * x**2 + 4 * x + 20)}


def zdt(name: str, shape: Callable[[float, float], float]) -> Problem:
    """Return one of the problems of Zitzler, Deb and Thiele (2000), of four parameters.

    `shape` is the front's, of the first parameter and of that divided by how far the others are from it.
    """

    def exact(at: dict[str, Any]) -> Values:
        first, *others = (at[f"x{i}"] for i in range(4))
        g = 1 + 9 * sum(others) / 3
        return {"loss": first, "cost": g * shape(first, first / g)}

    return two_metrics(name, doubles(4, 0, 1), exact, (1.1, 10.0))


def dtlz2(at: dict[str, Any]) -> Values:
    x = [at[f"x{i}"] for i in range(4)]
    g = 1 + sum((each - 0.35) ** 2 for each in x[1:])  # not best in the middle
    return {"loss": g * math.cos(x[0] * math.pi / 2), "cost": g * math.sin(x[0] * math.pi / 2)}


def loss_and_size() -> Problem:
    """Return a network whose loss and number of weights are both to be low, whatever its training takes."""
    parameters = (
        log("rate", 1e-4, 1e-1),
        Parameter("units", "int", grid=(4.0, 8.0, 16.0, 32.0, 64.0, 128.0)),
        log("alpha", 1e-6, 1e-1),
        Parameter("activation", "categorical", categories=("relu", "tanh", "logistic")),
    )

    trained = cache(perceptron)

    def exact(at: dict[str, Any]) -> Values:
        loss = trained(*(at[parameter.name] for parameter in parameters))
        return {"loss": loss, "cost": perceptron_weights(at["units"])}

    return two_metrics("network, loss and size", parameters, exact, (1.0, 10_000.0))


def real(name: str, parameters: Sequence[Parameter], loss: Callable[..., float]) -> Problem:
    """Return a problem of which each loss takes a moment: kept, for the regret asks for it again."""
    return synthetic(name, REAL, parameters, cache(loss))


def log(name: str, low: float, high: float) -> Parameter:
    return Parameter(name, "double", bounds=(low, high), log=True)


def published(block: str) -> tuple[Parameter, ...]:
    """Return the parameters of a search that sigtune brings, conf/sigopt/BLOCK.yaml."""
    search: Any = OmegaConf.to_container(OmegaConf.load(SEARCHES / f"{block}.yaml"))
    return tuple(parameter_from_json(each) for each in search["parameters"])


def all_problems() -> list[Problem]:
    """Return every problem, those of development and of the final runs alike."""
    return [*synthetic_problems(), *awkward_problems(), *real_problems()]


def synthetic_problems() -> list[Problem]:
    """Return functions whose best is known."""
    return [
        synthetic("branin", SMOOTH, BRANIN_SPACE, branin),
        synthetic("hartmann6", SMOOTH, doubles(6, 0, 1), hartmann6),
        synthetic("ackley5", SMOOTH, doubles(5, -10, 15), ackley),
        synthetic("levy8", SMOOTH, doubles(8, -10, 10), levy),
        synthetic("rosenbrock4", SMOOTH, doubles(4, -1.5, 2.5), rosenbrock),
        synthetic("learning rates", SMOOTH, RATES, learning_curve),
        synthetic("mixed", MIXED_TYPES, MIXED, mixed),
        two_metrics("branin-currin", doubles(2, 0, 1), branin_currin, (310.0, 0.0)),
        zdt("zdt1", lambda _, share: 1 - math.sqrt(share)),
        zdt("zdt2", lambda _, share: 1 - share**2),
        zdt("zdt3", lambda x, share: 1 - math.sqrt(share) - share * math.sin(10 * math.pi * x)),
        two_metrics("dtlz2", doubles(4, 0, 1), dtlz2, (1.8, 1.8)),
    ]


def awkward_problems() -> list[Problem]:
    """Return problems with noise, failures, an outlier, a constraint, or four searches at once."""
    return [
        synthetic("hartmann6, noise", NOISE, doubles(6, 0, 1), hartmann6, noise=0.3),
        synthetic("learning rates, noise", NOISE, RATES, learning_curve, noise=0.1),
        synthetic("branin, noise", NOISE, BRANIN_SPACE, branin, noise=5.0),
        synthetic("ackley5, noise", NOISE, doubles(5, -10, 15), ackley, noise=1.0),
        synthetic("mixed, noise", NOISE, MIXED, mixed, noise=0.15),
        synthetic("hartmann6, outlier", FAILURES, doubles(6, 0, 1), hartmann6, outlier_at=3),
        synthetic("hartmann6, flaky", FAILURES, doubles(6, 0, 1), hartmann6, flaky=0.15),
        crashing(),
        *constrained_problems(),
        synthetic("hartmann6, 4 slots", SLOTS, doubles(6, 0, 1), hartmann6, slots=4),
        synthetic("mixed, 4 slots", SLOTS, MIXED, mixed, slots=4),
    ]


def real_problems() -> list[Problem]:
    """Return trainings on small real data, and sigtune's own searches on a small network's first epochs."""
    share = Parameter("ratio", "double", bounds=(0, 1))
    return [
        real("svm", (log("c", 1e-3, 1e3), log("gamma", 1e-5, 10)), support_vectors),
        real("logistic", (log("alpha", 1e-7, 1), share, log("eta", 1e-5, 1)), logistic_regression),
        real(
            "boosting",
            (
                log("rate", 1e-3, 1),
                Parameter("trees", "int", bounds=(5, 60)),
                Parameter("depth", "int", bounds=(1, 5)),
                Parameter("share", "double", bounds=(0.2, 1)),
            ),
            boosting,
        ),
        real(
            "network",
            (
                log("rate", 1e-4, 1e-1),
                Parameter("units", "int", grid=(8.0, 16.0, 32.0, 64.0, 128.0)),
                log("alpha", 1e-6, 1e-1),
                Parameter("activation", "categorical", categories=("relu", "tanh", "logistic")),
            ),
            perceptron,
        ),
        loss_and_size(),
        real("sgd_onecyclelr", published("sgd_onecyclelr"), one_cycle),
        real("adamw_cosine", published("adamw_cosine"), adamw_cosine),
    ]
