"""The app of the sweeps, in a folder of its own."""

from pathlib import Path

import pytest

from .sweep_app import SweepApp, app_in


@pytest.fixture
def app(tmp_path: Path) -> SweepApp:
    return app_in(tmp_path)
