"""How a program was started, and the commands that start it so again."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest

from sigtune.invocation import extend_command, program, resume_command


def started(monkeypatch: pytest.MonkeyPatch, *argv: str, spec: ModuleSpec | None = None) -> None:
    main = ModuleType("__main__")
    main.__spec__ = spec
    monkeypatch.setitem(sys.modules, "__main__", main)
    monkeypatch.setattr("sys.argv", list(argv))


def test_a_script_is_started_by_python(monkeypatch: pytest.MonkeyPatch) -> None:
    started(monkeypatch, "examples/app.py")
    assert program() == ["python", "examples/app.py"]


@pytest.mark.parametrize(("name", "typed"), [("package.app", "package.app"), ("package.__main__", "package")])
def test_a_module_is_started_by_its_name(monkeypatch: pytest.MonkeyPatch, name: str, typed: str) -> None:
    started(monkeypatch, "/src/app.py", spec=ModuleSpec(name, None, origin="/src/app.py"))
    assert program() == ["python", "-m", typed]


def test_a_command_is_typed_by_its_name_where_it_is_on_the_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    command = tmp_path / "my-app"
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    started(monkeypatch, str(command))
    monkeypatch.setenv("PATH", "/nowhere")
    assert program() == [str(command)]
    monkeypatch.setenv("PATH", str(tmp_path))
    assert program() == ["my-app"]


def test_an_apps_own_flags_are_not_hydras(monkeypatch: pytest.MonkeyPatch) -> None:
    started(monkeypatch, "app.py", "--verbose", "-m", "--config-name", "other")
    typed = "python app.py --config-name=other -m x=1 sigopt.experiment_id=7"
    assert resume_command("7", ["x=1"], {"experiment_id"}) == typed


def test_a_key_that_the_block_does_not_have_is_added_and_again_in_the_command_after(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started(monkeypatch, "app.py", "-m")
    block = {"name", "metrics"}
    resumed = "python app.py -m x=1 ++sigopt.experiment_id=7"
    assert resume_command("7", ["x=1"], block) == resumed
    assert resume_command("7", resumed.split()[3:], {*block, "experiment_id"}) == resumed
    extended = "python app.py -m x=1 ++sigopt.observation_budget=8 ++sigopt.experiment_id=7"
    assert extend_command("7", ["x=1"], block, 8) == extended
    typed = ["x=1", "+sigopt.observation_budget=4"]
    assert extend_command("7", typed, {*block, "observation_budget"}, 8) == extended
