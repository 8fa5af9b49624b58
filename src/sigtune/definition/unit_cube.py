"""Values to and from the unit interval, how far points are apart, and all points of a finite space."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from sigtune.definition.parameters import Parameter, Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_Number = TypeVar("_Number", float, "NDArray[np.float64]")


def from_unit(parameter: Parameter, position: float) -> Value:
    """Return the value at a position in [0, 1]; 0.5 is the (geometric, if log) middle."""
    choices = parameter.choices
    if choices is not None:
        return choices[min(int(position * len(choices)), len(choices) - 1)]
    low, high = parameter.limits
    if parameter.log:
        value = math.exp(math.log(low) * (1 - position) + math.log(high) * position)
    else:
        # Not low + position * (high - low), for the width of the widest bounds is no longer a double.
        value = low * (1 - position) + high * position
    return min(max(value, low), high)


def to_unit(parameter: Parameter, value: Value) -> float:
    """Return the position of a value; a choice is at the centre of its share of the interval.

    Outside [0, 1] for a number outside the bounds. Raises ValueError for what is not one of the choices.
    """
    choices = parameter.choices
    if choices is not None and not (isinstance(choices, range) and value not in choices):
        return (choices.index(value) + 0.5) / len(choices)
    low, high = parameter.limits
    number = float(value)
    if parameter.log:
        low, high, number = math.log(low), math.log(high), math.log(number)
    return fraction(number, low, high)


def fraction(number: _Number, low: float, high: float) -> _Number:
    """Return where a number, or an array of them, is between two others: 0 at `low`, 1 at `high`."""
    if math.isinf(high - low):  # the widest bounds
        low, high, number = low / 2, high / 2, number / 2
    return (number - low) / (high - low)


def distance(parameters: Sequence[Parameter], one: Mapping[str, Value], other: Mapping[str, Value]) -> float:
    """Return the root mean square distance of two points, parameter by parameter in [0, 1].

    Two categories, and an active parameter and an inactive one, are at a distance of 1.
    """
    squares = []
    for parameter in parameters:
        ours, theirs = one.get(parameter.name), other.get(parameter.name)
        if ours is None or theirs is None or parameter.categories is not None:
            squares.append(float(ours != theirs))
        else:
            squares.append((to_unit(parameter, ours) - to_unit(parameter, theirs)) ** 2)
    return math.sqrt(math.fsum(squares) / max(len(squares), 1))


def every_point(parameters: Sequence[Parameter]) -> Iterator[tuple[Value, ...]] | None:
    """Iterate over the whole space, lazily; None where a double within bounds makes it infinite."""
    choices = [parameter.choices for parameter in parameters]
    finite = [choice for choice in choices if choice is not None]
    return _product(finite) if len(finite) == len(choices) else None


def _product(choices: Sequence[Sequence[Value]]) -> Iterator[tuple[Value, ...]]:
    # itertools.product would first copy every range into memory, and an int may have 2**53 values.
    if not choices:
        yield ()
        return
    for head in choices[0]:
        for tail in _product(choices[1:]):
            yield (head, *tail)
