"""What the C++ files of this folder have for training on the CPU."""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from sigtune.kernels.loader import compiled_functions


def _load() -> ctypes.CDLL | None:
    library = compiled_functions("sigtune.kernels._training")
    if library is None:
        return None
    pointer, integer, size = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64
    parameters: dict[str, list[type]] = {
        "kth_highest": [pointer, *[size] * 3, integer, pointer],
        "statistics": [pointer, integer, *[size] * 4, integer, *[pointer] * 2],
        "winners": [pointer, integer, *[size] * 5, integer, *[pointer] * 3, size, *[pointer] * 3],
        "gradient": [*[pointer] * 4, integer, *[size] * 5, integer, *[pointer] * 3],
        "image_moments": [pointer, *[size] * 5, integer, *[pointer] * 2],
        "image_winners": [pointer, *[size] * 6, integer, *[pointer] * 4, size, *[pointer] * 3],
        "image_gradient": [*[pointer] * 4, *[size] * 6, integer, *[pointer] * 3],
        "winners_convolution": [*[pointer] * 2, *[size] * 6, integer, *[pointer] * 3],
        "winners_convolution_gradient": [*[pointer] * 3, *[size] * 6, integer, *[pointer] * 3],
        "sparse_linear": [pointer, *[size] * 3, *[pointer] * 2, integer, *[pointer] * 4],
        "sparse_linear_gradient": [*[pointer] * 2, *[size] * 3, *[pointer] * 5, integer, *[pointer] * 4],
    }
    for name, types in parameters.items():
        function = getattr(library, name)
        function.argtypes = types
        function.restype = None
    return library


LIBRARY = _load()
"""None where it was not compiled."""


def takes_float32(*tensors: Tensor) -> bool:
    """Say whether the functions for float32 alone are there for these tensors.

    Under autocast they are not: what it asks for is bfloat16, for which some CPUs have units that are faster.
    """
    return (
        LIBRARY is not None
        and not torch.is_autocast_enabled("cpu")
        and all(tensor.device.type == "cpu" and tensor.dtype == torch.float32 for tensor in tensors)
    )
