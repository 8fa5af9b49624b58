"""The cluster that Ray is asked to join, known without importing Ray."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any


def ray_address(init: Mapping[str, Any]) -> str | None:
    """Return the address in the launcher's `ray.init` or in the environment; None where Ray starts here."""
    address = init.get("address") or os.environ.get("RAY_ADDRESS")
    return None if address in (None, "", "local") else str(address)
