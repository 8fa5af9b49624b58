"""What `winners.cpp` has for the k-winner layers on the CPU."""

from __future__ import annotations

import ctypes

from sigtune.compiled import compiled_functions


def _load() -> ctypes.CDLL | None:
    library = compiled_functions("sigtune.models._winners")
    if library is None:
        return None
    pointer, integer, size = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64
    library.kth_highest.argtypes = [pointer, *[size] * 3, integer, pointer]
    library.statistics.argtypes = [pointer, integer, *[size] * 4, integer, *[pointer] * 2]
    library.winners.argtypes = [pointer, integer, *[size] * 5, integer, *[pointer] * 3, size, *[pointer] * 3]
    library.gradient.argtypes = [*[pointer] * 4, integer, *[size] * 5, integer, *[pointer] * 3]
    for function in (library.kth_highest, library.statistics, library.winners, library.gradient):
        function.restype = None
    return library


LIBRARY = _load()
"""None where it was not compiled."""
