"""Losses of scikit-learn's estimators on its data: one minus the accuracy under cross-validation."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any


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


def cross_validated(estimator: Any, data: tuple[Any, Any]) -> float:
    from sklearn.model_selection import cross_val_score

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of fits that do not converge, which is for the search to find out
        return 1 - float(cross_val_score(estimator, *data, cv=3).mean())


def support_vectors(c: float, gamma: float) -> float:
    from sklearn.svm import SVC

    return cross_validated(SVC(C=c, gamma=gamma), digits())


def logistic_regression(alpha: float, ratio: float, eta: float) -> float:
    from sklearn.linear_model import SGDClassifier

    estimator = SGDClassifier(
        "log_loss",
        penalty="elasticnet",
        alpha=alpha,
        l1_ratio=ratio,
        learning_rate="constant",
        eta0=eta,
        random_state=0,
    )
    return cross_validated(estimator, cancer())


def boosting(rate: float, trees: int, depth: int, share: float) -> float:
    from sklearn.ensemble import GradientBoostingClassifier

    estimator = GradientBoostingClassifier(
        learning_rate=rate, n_estimators=trees, max_depth=depth, subsample=share, random_state=0
    )
    return cross_validated(estimator, cancer())


def perceptron(rate: float, units: int, alpha: float, activation: str) -> float:
    from sklearn.neural_network import MLPClassifier

    network = MLPClassifier(
        (units,), learning_rate_init=rate, alpha=alpha, activation=activation, max_iter=15, random_state=0
    )
    return cross_validated(network, digits())


def perceptron_weights(units: int) -> int:
    """Return how many weights and biases the perceptron has: 64 pixels, one hidden layer, 10 digits."""
    return (64 + 1) * units + (units + 1) * 10
