"""The clusters, each started once for all tests, and whole again for every one."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .postgres import Postgres, running_postgres
from .ray_nodes import RayNodes, running_ray
from .searches import ClusterSearch, clean_environment
from .slurm import Slurm, running_slurm

StartSearch = Callable[..., ClusterSearch]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("cluster")


@pytest.fixture(scope="session")
def slurm_cluster() -> Iterator[Slurm]:
    """A Slurm of three nodes, with accounting."""
    with running_slurm() as slurm:
        yield slurm


@pytest.fixture
def slurm(slurm_cluster: Slurm) -> Iterator[Slurm]:
    """The Slurm, and whole again after the test."""
    yield slurm_cluster
    slurm_cluster.recover()


@pytest.fixture(scope="session")
def slurm_without_accounting() -> Iterator[Slurm]:
    """A Slurm of three nodes with accounting_storage/none."""
    with running_slurm(has_accounting=False) as slurm:
        yield slurm


@pytest.fixture
def ray_nodes() -> Iterator[RayNodes]:
    """A Ray cluster of a head and two workers of two CPUs, for one test: it does not outlive a dead node."""
    with running_ray() as nodes:
        yield nodes


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server."""
    with running_postgres() as server:
        yield server


@pytest.fixture
def search(tmp_path: Path) -> Iterator[StartSearch]:
    """Return a function that prepares a search; what is left of it is ended after the test."""
    prepared: list[ClusterSearch] = []

    def prepare(*arguments: str, budget: int, environment: dict[str, str], store: str = "") -> ClusterSearch:
        folder = tmp_path / f"search{len(prepared) + 1}"
        prepared.append(ClusterSearch(folder, clean_environment(environment), arguments, budget, store))
        return prepared[-1]

    yield prepare
    for each in prepared:
        each.end()
