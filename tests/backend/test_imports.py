"""What is loaded when: creating an experiment must be quick."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.patience import PATIENCE_SECONDS

HEAVY = ["torch", "botorch", "scipy", "hydra", "pytorch_lightning"]


def loaded_after(statements: str) -> list[str]:
    script = f"import sys\n{statements}\nprint(' '.join(name for name in {HEAVY} if name in sys.modules))"
    command = [sys.executable, "-c", script]
    return subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=PATIENCE_SECONDS
    ).stdout.split()


def test_the_driver_loads_nothing_heavy_for_a_first_suggestion(tmp_path: Path) -> None:
    statements = (
        "import sigopt\n"
        "from sigtune.backend.driver import LocalDriver\n"
        f"connection = sigopt.Connection(driver=LocalDriver, url='sqlite:///{tmp_path / 'a.db'}')\n"
        "bounds = {'min': 0, 'max': 1}\n"
        "experiment = connection.experiments().create(\n"
        "    name='a', parameters=[{'name': 'x', 'type': 'double', 'bounds': bounds}], metrics=['m'])\n"
        "connection.experiments(experiment.id).suggestions().create()\n"
    )
    assert loaded_after(statements) == []


@pytest.mark.parametrize("module", ["numpy", "sqlalchemy", "sigopt"])
def test_checking_a_definition_loads_no_library(module: str) -> None:
    statements = "from sigtune.definition.validation import experiment_problems; experiment_problems({})"
    script = f"import sys\n{statements}\nprint({module!r} in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )
    assert result.stdout.strip() == "False"
