"""The app of the sweeps, in a folder of its own."""

import os
from pathlib import Path

import pytest

from .sweep_app import SweepApp


@pytest.fixture
def app(tmp_path: Path) -> SweepApp:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SIGOPT")}
    return SweepApp(tmp_path, environment)
