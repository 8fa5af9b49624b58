"""What a job returned, as the metric values of an observation."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from sigtune.errors import UsageError
from sigtune.job.metric_values import UnusableResultError, failure_reason, metric_values


def test_a_mapping_gives_each_metric_by_name_and_leaves_out_the_others() -> None:
    result = {"loss": 0.5, "accuracy": 0.9, "epochs": 30}
    assert metric_values(result, ["accuracy", "loss"]) == {"accuracy": 0.9, "loss": 0.5}


def test_a_number_is_the_only_metric() -> None:
    assert metric_values(0.25, ["accuracy"]) == {"accuracy": 0.25}


@pytest.mark.parametrize("sequence", [[0.9, 0.5], (0.9, 0.5)])
def test_a_sequence_gives_the_metrics_in_their_order(sequence: Any) -> None:
    assert metric_values(sequence, ["accuracy", "loss"]) == {"accuracy": 0.9, "loss": 0.5}


def test_a_sequence_is_refused_where_the_order_is_not_known_and_a_single_value_is_not() -> None:
    with pytest.raises(UsageError, match=r"return a mapping, {accuracy: …, loss: …}"):
        metric_values([0.9, 0.5], ["accuracy", "loss"], are_ordered=False)
    assert metric_values([0.9], ["accuracy"], are_ordered=False) == {"accuracy": 0.9}
    assert metric_values({"loss": 0.5, "accuracy": 0.9}, ["accuracy", "loss"], False)["loss"] == 0.5


def test_every_value_becomes_a_float() -> None:
    value = metric_values({"accuracy": 1}, ["accuracy"])["accuracy"]
    assert value == 1.0
    assert type(value) is float


def test_a_missing_metric_is_unusable_and_the_message_tells_what_came_instead() -> None:
    with pytest.raises(
        UnusableResultError, match=r"^metric accuracy is missing; the job returned loss, mean$"
    ):
        metric_values({"loss": 0.5, "mean": 0.9}, ["loss", "accuracy"])


def test_an_empty_mapping_is_unusable() -> None:
    with pytest.raises(UnusableResultError, match="accuracy is missing; the job returned nothing"):
        metric_values({}, ["accuracy"])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("shape", [lambda v: {"accuracy": v}, lambda v: v, lambda v: [v]])
def test_a_metric_that_is_not_finite_is_unusable_in_any_shape_of_result(
    value: Any, shape: Callable[[Any], Any]
) -> None:
    with pytest.raises(UnusableResultError, match=f"^metric accuracy is {value}$"):
        metric_values(shape(value), ["accuracy"])


@pytest.mark.parametrize("value", [None, "high", [0.5], {}])
def test_a_metric_that_is_no_number_is_unusable(value: Any) -> None:
    with pytest.raises(UnusableResultError, match=r"^metric accuracy is .*, not a number$"):
        metric_values({"accuracy": value}, ["accuracy"])


@pytest.mark.parametrize("result", [None, [], [0.9], [0.9, 0.5, 0.1], 0.9, "ab"])
def test_a_result_without_a_value_for_each_metric_is_unusable(result: Any) -> None:
    with pytest.raises(UnusableResultError, match="not a value for accuracy, loss"):
        metric_values(result, ["accuracy", "loss"])


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("no good\nat all"), "ValueError: no good"),
        (KeyError(), "KeyError"),
        (UnusableResultError("metric accuracy is nan"), "metric accuracy is nan"),
    ],
)
def test_a_failure_is_told_by_the_class_and_the_first_line_of_its_error(
    error: Exception, reason: str
) -> None:
    assert failure_reason(error) == reason
