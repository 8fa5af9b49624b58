"""The checks of the constructors' arguments."""

from __future__ import annotations


def require(holds: bool, name: str, value: object, rule: str) -> None:
    """Raise ValueError, naming the argument, its value and the rule, where the rule does not hold."""
    if not holds:
        raise ValueError(f"{name} is {value}; it must be {rule}")


def require_percent_on(value: float, name: str = "percent_on") -> None:
    """Raise ValueError where `value` is not a share of units to turn on."""
    require(0 < value <= 1, name, value, "in (0, 1]")


def require_sparsity(value: float, name: str = "sparsity") -> None:
    """Raise ValueError where `value` is not a share of weights to hold at zero."""
    require(0 <= value < 1, name, value, "in [0, 1)")
