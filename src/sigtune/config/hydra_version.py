"""The behaviour asked of Hydra: that of 1.3, which 1.4 has by itself, and warns where it is asked for."""

from typing import Any

import hydra

VERSION_BASE: dict[str, Any] = {"version_base": "1.3"} if hydra.__version__.startswith("1.3") else {}
"""Keyword arguments of `hydra.main` and its kin."""
