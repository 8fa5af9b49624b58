"""What is promised of `pip install sigtune` and of each extra, in an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MINUTES = 60
# Where this machine's packages come from.
PIPS = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}

pytestmark = pytest.mark.installs

Install = Callable[..., "Environment"]


def run(*command: str | Path, folder: Path, expected: int = 0, variables: Mapping[str, str] = {}) -> str:
    """Run a command to its end, with pip's settings and these variables alone; return all that it prints."""
    result = subprocess.run(
        command,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), **PIPS, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=30 * MINUTES,
        check=False,
    )
    assert result.returncode == expected, result.stdout[-4000:]
    return result.stdout


class Environment:
    """A virtual environment with sigtune's wheel or sdist, some extras, and nothing of the repository."""

    def __init__(self, folder: Path, distribution: Path, extras: str = "", **variables: str) -> None:
        self.folder = folder
        run(sys.executable, "-m", "venv", folder / "env", folder=folder)
        constraints = str(ROOT / "constraints.txt")
        self.pip("install", "--constraint", constraints, f"{distribution}{extras}", **variables)

    def pip(self, *arguments: str, **variables: str) -> str:
        command: list[str | Path] = [
            self.folder / "env/bin/python",
            "-m",
            "pip",
            "--disable-pip-version-check",
            *arguments,
        ]
        return run(*command, folder=self.folder, variables=variables)

    def python(self, *arguments: str | Path, expected: int = 0) -> str:
        return run(self.folder / "env/bin/python", *arguments, folder=self.folder, expected=expected)

    def has(self, package: str) -> bool:
        code = f"from importlib.util import find_spec; print(find_spec({package!r}) is not None)"
        return self.python("-c", code).strip() == "True"


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make wheel` leaves: the sdist, and the wheel built from it: nothing is missing."""
    folder = tmp_path_factory.mktemp("wheel")
    variables = [f"PYTHON={sys.executable}", f"WHEEL={folder / 'env'}", f"DIST={folder / 'dist'}"]
    run("make", "-C", ROOT, "wheel", *variables, folder=folder)
    return folder / "dist"


@pytest.fixture(scope="module")
def wheel(distributions: Path) -> Path:
    (wheel,) = distributions.glob("*.whl")
    return wheel


@pytest.fixture
def install(tmp_path: Path, wheel: Path) -> Install:
    """Return a function that installs sigtune, with extras like "[local,train]", into its own environment."""
    return lambda extras="": Environment(tmp_path, wheel, extras)


def test_the_wheel_has_licence_configs_kernels_and_python_versions(wheel: Path, distributions: Path) -> None:
    assert "-py3-none-manylinux_2_34_" in wheel.name
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (metadata,) = [name for name in names if name.endswith("METADATA")]
        fields = Parser().parsestr(archive.read(metadata).decode())
    assert {
        "sigtune/conf/__init__.py",
        "sigtune/conf/config.yaml",
        "sigtune/conf/optimizer/sgd.yaml",
        "sigtune/kernels/_compiled.abi3.so",
    } <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert fields["License-Expression"] == "MIT"
    classifiers = fields.get_all("Classifier")
    assert {f"Programming Language :: Python :: 3.{minor}" for minor in (10, 11, 12, 13)} <= set(
        classifiers or ()
    )
    with tarfile.open(next(distributions.glob("*.tar.gz"))) as archive:
        assert any(name.endswith("kernels/winners.h") for name in archive.getnames())


APP = """
import hydra

@hydra.main(version_base="1.3", config_path=".", config_name="app")
def main(cfg):
    return -(cfg.x - 1) ** 2

main()
"""
CONFIG = """
defaults: [{sigopt: schema}, _self_, {override hydra/sweeper: sigopt}]
x: ???
sigopt:
  name: app
  observation_budget: 3
  metrics: [{name: height}]
  parameters: [{name: x, type: double, bounds: {min: 0, max: 2}}]
"""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "app.yaml").write_text(CONFIG)
    return tmp_path / "app.py"


CREATE = """
import sigopt
from sigtune.backend.driver import LocalDriver
from sigopt.exception import SigOptException
connection = sigopt.Connection(driver=LocalDriver, url="sqlite:///store.db")
parameters = [{"name": "x", "type": "double", "bounds": {"min": 0, "max": 2}}]
experiment = connection.experiments().create(name="a", parameters=parameters, metrics=[{"name": "m"}])
search = connection.experiments(experiment.id)
search.observations().create(assignments={"x": 1.0}, values=[{"name": "m", "value": 2.0}])
print(search.fetch().progress.observation_count)
try:
    search.suggestions().create()
except SigOptException as error:
    print(error)
"""


def test_the_base_is_the_sweeper_the_client_and_the_store_without_torch(install: Install, app: Path) -> None:
    base = install()
    assert not base.has("torch")
    printed = base.python("-c", CREATE).splitlines()
    assert printed[0] == "1"
    assert "pip install 'sigtune[local]'" in printed[1]
    refused = base.python(app, "-m", expected=2)
    assert "pip install 'sigtune[local]'" in refused
    assert "Traceback" not in refused


def test_without_a_compiler_the_sources_install_without_kernels(
    tmp_path: Path, distributions: Path, app: Path
) -> None:
    (sources,) = distributions.glob("*.tar.gz")
    base = Environment(tmp_path, sources, CC="false", CXX="false")
    assert not base.has("sigtune.kernels._compiled")
    assert "pip install 'sigtune[local]'" in base.python(app, "-m", expected=2)


def test_local_computes_the_suggestions_of_a_search(install: Install, app: Path) -> None:
    local = install("[local]")
    assert not local.has("pytorch_lightning")
    printed = local.python(app, "-m", "hydra/launcher=joblib", "sigopt.parallel_bandwidth=2")
    assert "3 observed (0 failed)" in printed


OWN = """
from sigtune import hydra_app
from sigtune.app.training import train, training_problems
from sigtune.config.schema import register_schemas

register_schemas()
main = hydra_app(config_path="pkg://sigtune.conf", config_name="config", check=training_problems)(
    lambda cfg: train(cfg)
)
main()
"""
SMALL = (
    *("trainer.max_epochs=1", "model.linear_units=32"),
    *("data.train_size=48", "data.validation_size=24", "data.test_size=24"),
)


def test_train_trains_with_the_configs_of_the_wheel_and_its_compiled_functions(
    install: Install, tmp_path: Path
) -> None:
    train = install("[train,mlflow,wandb,tensorboard]")
    (tmp_path / "own.py").write_text(OWN)
    printed = train.python("own.py", *SMALL, "logger=[csv,mlflow,wandb,tensorboard]", "hydra.run.dir=run")
    assert "mean_accuracy" in printed
    assert "compiled" not in printed  # what is said where there are no compiled functions
    for trace in ("metrics/metrics.csv", "mlflow.db", "wandb", "tensorboard"):
        assert (tmp_path / "run" / trace).exists()


@pytest.mark.parametrize(
    ("extra", "code"),
    [
        ("server", "import sigtune.server.serve"),
        ("dashboard", "import sigtune.dashboard.serve"),
        ("report", "import sigtune.report.pictures"),
        ("postgres", "import psycopg"),
        ("slurm", "import sigtune.search.executors.submitit"),
        ("ray", "import sigtune.search.executors.ray"),
    ],
)
def test_an_extra_brings_what_its_part_imports_and_no_torch(install: Install, extra: str, code: str) -> None:
    environment = install(f"[{extra}]")
    environment.python("-c", code)
    assert not environment.has("torch")
