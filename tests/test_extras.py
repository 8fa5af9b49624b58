"""What is said where a package of an extra is not installed."""

import builtins
from typing import Any

import pytest
import sigopt
from sigopt.exception import SigOptException

from sigtune.errors import MissingExtraError, needing_extra
from tests.fixture_types import Connect


@pytest.mark.parametrize("package", ["scipy", "torch"])
def test_a_suggestion_without_the_optimizers_packages_names_the_extra(
    connect: Connect, store: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection: sigopt.Connection = connect(store)
    parameters = [{"name": "x", "type": "double", "bounds": {"min": 0, "max": 1}}]
    created = connection.experiments().create(name="a", parameters=parameters, metrics=[{"name": "m"}])

    def missing(*_: Any) -> Any:
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)

    monkeypatch.setattr("sigtune.optimizer.suggest.next_task", missing)
    with pytest.raises(SigOptException, match=rf"needs {package}.*pip install 'sigtune\[local\]'") as raised:
        connection.experiments(created.id).suggestions().create()
    assert isinstance(raised.value.__cause__, MissingExtraError)


def test_a_module_of_our_own_that_is_missing_is_a_mistake_of_ours() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"sigtune\.nowhere"), needing_extra("local", "it"):
        builtins.__import__("sigtune.nowhere")
