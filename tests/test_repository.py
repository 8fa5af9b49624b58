"""What the repository says of itself in several files agrees."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from omegaconf import OmegaConf

ROOT = Path(__file__).parents[1]


def text_of(name: str) -> str:
    return (ROOT / name).read_text()


def recipe(target: str) -> list[str]:
    """Return the command lines of one of the Makefile's targets, with the folder of tools put in."""
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)*)", text_of("Makefile"), re.MULTILINE)
    assert found is not None, target
    return [line.replace("$(BIN)", ".venv/bin") for line in found[1].replace("\t", "").splitlines()]


def requirements(text: str) -> set[str]:
    """Return the names of the distributions that quoted requirements are for."""
    return {name.lower() for name in re.findall(r'"([A-Za-z0-9_-]+)(?:>=|==)', text)}


def test_the_changelog_and_the_package_have_one_version() -> None:
    released = re.findall(
        r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d{2}-\d{2}$", text_of("CHANGELOG.md"), re.MULTILINE
    )
    package = re.search(r'^version = "(.+)"$', text_of("pyproject.toml"), re.MULTILINE)
    assert package is not None
    assert released[0] == package[1]


def test_the_changelog_has_the_newest_version_first() -> None:
    versions = re.findall(r"^## \[(.+?)\]", text_of("CHANGELOG.md"), re.MULTILINE)
    assert versions[0] == "Unreleased"
    numbers = [tuple(map(int, version.split("."))) for version in versions[1:]]
    assert numbers == sorted(set(numbers), reverse=True)


def test_the_license_file_is_the_license_that_the_package_names() -> None:
    assert 'license = "MIT"' in text_of("pyproject.toml")
    assert text_of("LICENSE").startswith("MIT License\n")


def test_the_commit_hooks_run_what_make_lint_runs() -> None:
    [repository] = OmegaConf.load(ROOT / ".pre-commit-config.yaml").repos
    assert [hook.entry for hook in repository.hooks] == recipe("lint")


def test_every_requirement_has_the_version_that_was_tested() -> None:
    pinned = re.findall(r"^([\w.-]+)==", text_of("constraints.txt"), re.MULTILINE)
    assert requirements(text_of("pyproject.toml")) - {"setuptools"} <= {
        name.lower().replace("_", "-") for name in pinned
    }


def test_every_benchmark_has_a_quick_variant_that_make_bench_runs() -> None:
    texts = {path.stem: path.read_text() for path in ROOT.glob("benchmarks/*.py")}
    programs = {name for name, text in texts.items() if '__name__ == "__main__"' in text} - {"sweeper_app"}
    quick = {
        name
        for name, text in texts.items()
        if "read_options(__doc__" in text or "option_parser(__doc__" in text
    }
    named = re.findall(r"^(?:GPU_)?BENCHMARKS := (.+)$", text_of("Makefile"), re.MULTILINE)
    assert programs == quick == set(" ".join(named).split())


def test_a_python_of_pyenv_is_tested_though_its_shim_on_the_path_does_not_start(
    tmp_path: Path,
) -> None:
    shims, made = tmp_path / "shims", tmp_path / "pyenv/versions/3.12.1/bin"
    for minor in (10, 11, 12, 13):
        write_program(shims / f"python3.{minor}", "exit 127")
    write_program(shims / "python3.13", "echo /usr/bin/python3.13")
    write_program(made / "python3.12", f"echo {made}/python3.12")
    environment = {"PATH": f"{shims}:/usr/bin:/bin", "PYENV_ROOT": str(tmp_path / "pyenv")}
    command = ["make", "--dry-run", "test-pythons"]
    printed = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout
    found = dict(re.findall(r'"Python (3\.\d+): (.+?)"', printed))
    assert found == {
        "3.10": "not found",
        "3.11": "not found",
        "3.12": f"{made}/python3.12",
        "3.13": "/usr/bin/python3.13",
    }
    assert f"make test PYTHON={made}/python3.12 VENV=.venv-3.12" in printed


def write_program(path: Path, line: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)
