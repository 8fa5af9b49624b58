"""docs/your_own_project.md, followed in a fresh folder: its files are written and its commands run."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from tests import app_process
from tests.patience import PATIENCE_SECONDS
from tests.search.sweep_app import labelled

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "your_own_project.md").read_text()

# A file begins with its name.
_FILE = re.compile(r"```(?:python|yaml)\n# ([\w/]+\.(?:py|yaml))\n(.*?)```", re.DOTALL)
_COMMANDS = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def routes() -> list[str]:
    """Return the sections of the page that each is a way to go."""
    return re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]


def write_files(folder: Path) -> None:
    for name, content in _FILE.findall(PAGE):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


def run(folder: Path, command: str) -> str:
    """Run a command of the page, or one that was printed; return what it prints."""
    program, *arguments = shlex.split(command.replace("$SIGTUNE", str(ROOT)))
    assert program == "python"
    result = app_process.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, timeout=PATIENCE_SECONDS
    )
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    return result.stdout


@pytest.mark.parametrize("route", routes(), ids=lambda route: route.partition("\n")[0])
def test_a_route_works_as_it_is_written_and_its_best_is_trained_again(tmp_path: Path, route: str) -> None:
    write_files(tmp_path)
    commands = [line for block in _COMMANDS.findall(route) for line in block.splitlines()]
    assert len(commands) >= 2
    for command in commands:
        printed = run(tmp_path, command)
        if " -m" in command:
            assert "3 observed (0 failed)" in printed
            (best,), (again,) = labelled(printed, "best"), labelled(printed, "again")
            metric = re.search(r"val_loss [\d.]+", best)
            assert metric is not None
            assert metric[0] in run(tmp_path, again)


@pytest.mark.parametrize(
    ("wrong", "problems"),
    [
        (
            ["module.learning_rat=1", "module.learning_rate=1", "trainer.max_epoch=1"],
            [
                "module.learning_rat  unknown key  → module.learning_rate",
                "trainer.max_epoch    unknown key  → trainer.max_epochs",
            ],
        ),
        (
            ["data.batch_size=3"],
            [
                "data.batch_size  is an argument of waves.Waves that the config does not have yet"
                "  → +data.batch_size=3"
            ],
        ),
        (
            ["module._target_=waves.Regresion"],
            [
                "module._target_=waves.Regresion  cannot be imported: No module named 'waves.Regresion'; "
                "'waves' is not a package  → the import path of a LightningModule"
            ],
        ),
    ],
)
def test_what_is_wrong_is_told_in_one_list(tmp_path: Path, wrong: list[str], problems: list[str]) -> None:
    write_files(tmp_path)
    (tmp_path / "configs/data/waves.yaml").write_text("_target_: waves.Waves\n")
    command = [sys.executable, str(ROOT / "train.py"), "--config-dir", "configs", "experiment=waves", *wrong]
    result = app_process.run(command, cwd=tmp_path, capture_output=True, timeout=PATIENCE_SECONDS)
    assert result.returncode == 2
    assert [line.strip() for line in result.stderr.splitlines()[1:-1]] == problems


def test_the_files_of_the_page_are_found() -> None:
    names = {name for name, _ in _FILE.findall(PAGE)}
    assert names >= {"waves.py", "app.py", "conf/config.yaml", "configs/experiment/waves.yaml"}
    assert len(routes()) == 2
