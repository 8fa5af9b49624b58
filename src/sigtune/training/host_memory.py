"""How the memory of activations, tens of megabytes each, is reused from one training step to the next."""

from __future__ import annotations

import ctypes
import sys

# From glibc's malloc.h; `man 3 mallopt` says what they do.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_MIB = 1 << 20


def reuse_freed_memory() -> None:
    """Have glibc keep what is freed, up to 512 MiB, where it would give large blocks back to the system.

    Else each step asks for its activations anew, and the system clears each of their pages as they are
    first written, which takes as long as several layers. Blocks above 32 MiB, glibc's limit, still go back.
    Does nothing under another C library.
    """
    if sys.platform == "linux" and hasattr(ctypes.CDLL(None), "mallopt"):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, 32 * _MIB)
        mallopt(_M_TRIM_THRESHOLD, 512 * _MIB)
