"""Connections to real stores, through the official client."""

import pytest
from sigopt import Connection

from sigtune.backend.driver import LocalDriver


@pytest.fixture
def connect():
    """Return a function that opens a store by its URL; every store is closed at the end."""
    drivers = []

    def open_store(url, seed=0):
        drivers.append(LocalDriver(url, seed=seed))
        return Connection(driver=lambda: drivers[-1])

    yield open_store
    for driver in drivers:
        driver.close()


@pytest.fixture
def store(tmp_path):
    """The URL of a local backend's database that is not there yet."""
    return f"sqlite:///{tmp_path / 'sigopt.db'}"


@pytest.fixture(params=["sqlite"])
def store_url(request, tmp_path):
    """The URL of an empty store of each kind that the backend must behave alike on."""
    return {"sqlite": f"sqlite:///{tmp_path / 'sigopt.db'}"}[request.param]


@pytest.fixture
def connection(connect, store_url):
    """A connection to an empty store, with seed 0."""
    return connect(store_url)


@pytest.fixture
def define():
    """Return a function that gives a valid definition of an experiment, with changes."""

    def definition(**changes):
        return {
            "name": "search",
            "parameters": [
                {"name": "x", "type": "double", "bounds": {"min": 0, "max": 1}},
                {"name": "y", "type": "double", "bounds": {"min": 0, "max": 1}},
            ],
            "metrics": [{"name": "score", "objective": "maximize"}],
            "observation_budget": 20,
            **changes,
        }

    return definition


@pytest.fixture
def start(connection, define):
    """Return a function that creates an experiment and gives its endpoint in the client."""

    def create(**changes):
        return connection.experiments(connection.experiments().create(**define(**changes)).id)

    return create


@pytest.fixture
def report():
    """Return a function that reports metric values on a suggestion."""

    def create(search, suggestion, **values):
        listed = [{"name": name, "value": value} for name, value in values.items()]
        return search.observations().create(suggestion=suggestion.id, values=listed)

    return create
