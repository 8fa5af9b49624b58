import pytest


@pytest.fixture
def store(tmp_path):
    """The URL of a local backend's database that is not there yet."""
    return f"sqlite:///{tmp_path / 'sigopt.db'}"
