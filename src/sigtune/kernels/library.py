"""The compiled kernels: all .cpp files of this folder, as one library that is called through ctypes.

setuptools compiles it when sigtune is installed, where there is a C++ compiler (`ext-modules` of
pyproject.toml). Each .cpp file but processor.cpp, which finds the widths of the registers, has a .py file of
its name, which binds its functions to tensors, registers them with torch where they have a gradient, and
returns whether they take an input. What they do not take, and everything where they were not compiled, is
computed by torch.
"""

from __future__ import annotations

import ctypes
import logging
import os
from importlib.util import find_spec

import torch
from torch import Tensor

from sigtune.errors import Problem, UsageError

log = logging.getLogger(__name__)

NAME = "sigtune.kernels._compiled"

_POINTER, _INT, _SIZE = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64
LANES = "SIGTUNE_LANES"
"""An environment variable: how many floats the kernels' registers are to hold, for measuring (4, 8 or 16)."""

_PARAMETERS: dict[str, list[type]] = {
    # kth_highest.cpp
    "kth_highest": [_POINTER, *[_SIZE] * 3, _INT, _POINTER],
    # norm_pool_winners.cpp
    "channel_statistics": [_POINTER, _INT, *[_SIZE] * 4, _INT, *[_POINTER] * 2],
    "pooled_norm_winners": [
        *[_POINTER, _INT, *[_SIZE] * 5, _INT, _INT],
        *[*[_POINTER] * 3, _SIZE, *[_POINTER] * 3],
    ],
    "norm_pool_winners_gradient": [*[_POINTER] * 4, _INT, *[_SIZE] * 5, _INT, *[_POINTER] * 3],
    # image_winners.cpp
    "tap_sums": [_POINTER, *[_SIZE] * 5, _INT, *[_POINTER] * 2],
    "pooled_image_winners": [_POINTER, *[_SIZE] * 6, _INT, _INT, *[_POINTER] * 4, _SIZE, *[_POINTER] * 3],
    "image_winners_gradient_sums": [*[_POINTER] * 4, *[_SIZE] * 6, _INT, *[_POINTER] * 3],
    # winners_convolution.cpp
    "winners_convolution": [*[_POINTER] * 2, *[_SIZE] * 6, _INT, *[_POINTER] * 3],
    "winners_convolution_gradient": [*[_POINTER] * 3, *[_SIZE] * 6, _INT, *[_POINTER] * 3],
    # sparse_convolution.cpp
    "convolution_of_kept": [_POINTER, *[_SIZE] * 7, *[_POINTER] * 3, _INT, *[_POINTER] * 3],
    "convolution_of_kept_gradient": [*[_POINTER] * 2, *[_SIZE] * 7, *[_POINTER] * 5, _INT, *[_POINTER] * 3],
    # sparse_linear.cpp
    "linear_of_kept": [_POINTER, *[_SIZE] * 4, _POINTER, _INT, *[_POINTER] * 3],
    "linear_of_kept_gradient": [*[_POINTER] * 2, *[_SIZE] * 4, *[_POINTER] * 4, _INT, *[_POINTER] * 4],
    # augmented_frames.cpp
    "augmented_frames": [*[_POINTER] * 6, ctypes.c_float, _POINTER, *[_SIZE] * 6, _INT, _INT, _POINTER],
    # band_powers.cpp
    "band_powers": [_POINTER, _POINTER, *[_SIZE] * 3, _POINTER, _SIZE, _INT, _POINTER],
}


def load(name: str = NAME) -> ctypes.CDLL | None:
    """Return the library compiled under a module's name.

    None, and a line in the log, where it was not compiled, or from sources that had other functions. Raises
    UsageError where SIGTUNE_LANES, which the library reads itself, is not a width that this processor has.
    torch is imported before: its OpenMP library then runs the threads of these functions too.
    """
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        log.info("sigtune was installed without a C++ compiler: training on the CPU takes longer")
        return None
    library = ctypes.CDLL(spec.origin)
    if not all(
        hasattr(library, function_name) for function_name in ("lanes_of_this_processor", *_PARAMETERS)
    ):
        log.warning("%s is not of these sources: install sigtune again, or it trains slowly", spec.origin)
        return None
    widths = [str(lanes) for lanes in (4, 8, 16) if lanes <= library.lanes_of_this_processor()]
    if (forced := os.environ.get(LANES)) is not None and forced not in widths:
        what = "is not a width of this processor's registers, in floats"
        raise UsageError([Problem(f"{LANES}={forced}", what, "one of " + ", ".join(widths))])
    for function_name, parameters in _PARAMETERS.items():
        function = getattr(library, function_name)
        function.argtypes = parameters
        function.restype = None
    return library


LIBRARY = load()
"""None where it was not compiled."""


def is_compiled() -> bool:
    """Return whether the functions are there."""
    return LIBRARY is not None


def compiled() -> ctypes.CDLL:
    """Return the functions, for those who know that they are there."""
    assert LIBRARY is not None
    return LIBRARY


def takes_float32(*tensors: Tensor) -> bool:
    """Return whether the functions for float32 alone take these tensors.

    Under autocast they do not: what it asks for is bfloat16, for which some CPUs have units that are faster.
    """
    return (
        is_compiled()
        and not torch.is_autocast_enabled("cpu")
        and all(tensor.device.type == "cpu" and tensor.dtype == torch.float32 for tensor in tensors)
    )
