"""Functions in C++ that are called through ctypes.

They are compiled when sigtune is installed, where there is a C++ compiler; all of them have a counterpart in
torch that does the same, which is used elsewhere.
"""

from __future__ import annotations

import ctypes
import logging
from functools import cache
from importlib.util import find_spec

import torch  # noqa: F401 - its OpenMP library, when it is there first, runs these functions' threads too

log = logging.getLogger(__name__)


def compiled_functions(name: str) -> ctypes.CDLL | None:
    """Load the library compiled under a module's name; None, and once a line in the log, where it was not."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        _tell_once()
        return None
    return ctypes.CDLL(spec.origin)


@cache
def _tell_once() -> None:
    log.info("sigtune was installed without a C++ compiler: training on the CPU takes longer")
