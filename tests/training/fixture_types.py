"""Types of the fixtures in conftest.py that return functions."""

from typing import Protocol

from sigtune.config.schema import Config


class Compose(Protocol):
    """Composes the config of a small training, with overrides."""

    def __call__(self, *overrides: str) -> Config: ...
