"""The time as the store keeps it."""

from __future__ import annotations

import time


def seconds() -> int:
    """Return the seconds since 1970."""
    return int(time.time())


def microseconds() -> int:
    """Return the microseconds since 1970, which give two updates in a second an order."""
    return time.time_ns() // 1000


def whole_seconds(moment: int) -> int:
    """Return a moment in microseconds as whole seconds, as answers have it."""
    return moment // 1_000_000
