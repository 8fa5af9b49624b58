"""Backward passes and gradients, with types, which torch's own lack."""

from torch import Tensor


def backward(y: Tensor, gradient: Tensor | None = None) -> None:
    """Run the backward pass from y, whose own gradient is 1 where none is given."""
    y.backward(gradient)  # type: ignore[no-untyped-call]


def gradient_of(leaf: Tensor) -> Tensor:
    """Return the gradient that a backward pass left in a leaf."""
    assert leaf.grad is not None
    return leaf.grad
