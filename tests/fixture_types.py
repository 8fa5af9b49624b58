"""Types of the fixtures in conftest.py that return functions."""

from typing import Any, Protocol

from sigopt import Connection
from sigopt.objects import Observation, Suggestion
from sigopt.resource import BoundApiResource


class Connect(Protocol):
    """Opens a store by its URL."""

    def __call__(self, url: str, seed: int = 0) -> Connection: ...


class Define(Protocol):
    """Gives a valid definition of an experiment, with changes."""

    def __call__(self, **changes: Any) -> dict[str, Any]: ...


class Start(Protocol):
    """Creates an experiment, defined with changes, and gives its endpoint: `search.suggestions()`."""

    def __call__(self, **changes: Any) -> BoundApiResource: ...


class Report(Protocol):
    """Reports metric values on a suggestion."""

    def __call__(self, search: BoundApiResource, suggestion: Suggestion, **values: float) -> Observation: ...
