"""docs/your_own_project.md, followed in a fresh folder: its files are written and its commands run."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from tests import app_process

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "your_own_project.md").read_text()

# A file begins with its name.
_FILE = re.compile(r"```(?:python|yaml)\n# ([\w/]+\.(?:py|yaml))\n(.*?)```", re.DOTALL)
_COMMANDS = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def routes() -> list[str]:
    """Return the sections of the page that each is a way to go."""
    return re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]


@pytest.mark.parametrize("route", routes(), ids=lambda route: route.partition("\n")[0])
def test_a_route_works_as_it_is_written(tmp_path: Path, route: str) -> None:
    for name, content in _FILE.findall(PAGE):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    commands = [line for block in _COMMANDS.findall(route) for line in block.splitlines()]
    assert len(commands) >= 2
    for command in commands:
        program, *arguments = shlex.split(command.replace("$SIGTUNE", str(ROOT)))
        assert program == "python"
        result = app_process.run([sys.executable, *arguments], cwd=tmp_path, capture_output=True, timeout=600)
        assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
        if "-m" in arguments:
            assert "3 observed (0 failed)" in result.stdout


def test_the_files_of_the_page_are_found() -> None:
    names = {name for name, _ in _FILE.findall(PAGE)}
    assert names >= {"waves.py", "app.py", "conf/config.yaml", "configs/experiment/waves.yaml"}
    assert len(routes()) == 2
