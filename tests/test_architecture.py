"""Imports point one way only: which package may know of which."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "src"
SIGTUNE = "sigtune"
PLUGIN = "hydra_plugins/hydra_sigopt_sweeper"


def sources(package):
    files = sorted((SRC / package).rglob("*.py"))
    assert files, f"no module in {package}"
    return files


def module_name(file):
    parts = file.relative_to(SRC).with_suffix("").parts
    return list(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(file, *, module_level_only=False):
    """Return the dotted names that a module imports, relative ones resolved."""
    names = set()
    package = module_name(file) if file.name == "__init__.py" else module_name(file)[:-1]
    for node in nodes(ast.parse(file.read_text(encoding="utf-8")), module_level_only):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            names |= {f"{source}.{alias.name}" for alias in node.names}
    return names


def nodes(tree, module_level_only):
    """Yield the nodes of the tree; on request without what runs only when a function is called."""
    for node in ast.iter_child_nodes(tree):
        if module_level_only and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        yield node
        yield from nodes(node, module_level_only)


def imports_of(package, forbidden, *, module_level_only=False):
    """Return the imports of `forbidden` modules, or of anything below them, by module of the package."""
    return {
        str(file.relative_to(SRC)): found
        for file in sources(package)
        if (
            found := {
                name
                for name in imported(file, module_level_only=module_level_only)
                if any(name == module or name.startswith(f"{module}.") for module in forbidden)
            }
        )
    }


SEARCH = ["hydra", "hydra_plugins", "sigopt", "sigtune.tuning", "sigtune.backend"]
TRAINING = ["sigtune.training", "sigtune.models", "sigtune.data"]
TORCH = ["torch", "torchvision", "torchaudio", "pytorch_lightning", "lightning"]


@pytest.mark.parametrize("package", ["sigtune/models", "sigtune/data"])
def test_models_and_data_know_of_no_search_and_no_training(package):
    assert imports_of(package, [*SEARCH, "sigtune.training", "sigtune.application", "sigtune.config"]) == {}


def test_models_know_nothing_of_lightning_nor_of_the_data():
    assert imports_of("sigtune/models", ["pytorch_lightning", "lightning", "sigtune.data"]) == {}


def test_training_knows_of_no_search():
    assert (
        imports_of("sigtune/training", ["sigopt", "hydra_plugins", "sigtune.tuning", "sigtune.backend"]) == {}
    )


def test_the_backend_is_a_sigopt_that_knows_of_no_config_and_no_training():
    others = ["hydra", "hydra_plugins", "omegaconf", "sigtune.tuning", "sigtune.config", *TRAINING]
    assert imports_of("sigtune/backend", others) == {}


@pytest.mark.parametrize("package", ["sigtune/tuning", "hydra_plugins", "sigtune/report"])
def test_what_creates_an_experiment_imports_no_torch_at_module_level(package):
    assert imports_of(package, [*TORCH, *TRAINING], module_level_only=True) == {}


def test_the_backend_has_torch_in_one_module_that_none_imports_before_it_is_needed():
    gaussian_process = "sigtune.backend.gaussian_process"
    assert set(imports_of("sigtune/backend", TORCH)) <= {"sigtune/backend/gaussian_process.py"}
    assert imports_of("sigtune", [gaussian_process], module_level_only=True) == {}
    assert imports_of("sigtune/backend", [gaussian_process]) != {}


@pytest.mark.parametrize("package", ["sigtune/tuning", "sigtune/report", "hydra_plugins"])
def test_the_search_reaches_training_only_through_the_task_it_is_given(package):
    assert imports_of(package, [*TRAINING, "sigtune.application"]) == {}


def test_tuning_knows_nothing_of_the_plugin_nor_of_the_report():
    assert imports_of("sigtune/tuning", ["hydra_plugins", "sigtune.report"]) == {}


def test_the_scan_sees_imports_of_every_form(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "SRC", tmp_path)
    (tmp_path / "one" / "two").mkdir(parents=True)
    (tmp_path / "one" / "two" / "module.py").write_text(
        "import a.b as c\nfrom d import e\nfrom . import f\nfrom ..g import h\n"
        "if True:\n    import i\nclass C:\n    import j\ndef function():\n    import k\n"
    )
    everything = {"a.b", "d.e", "one.two.f", "one.g.h", "i", "j", "k"}
    file = tmp_path / "one" / "two" / "module.py"
    assert imported(file) == everything
    assert imported(file, module_level_only=True) == everything - {"k"}
    assert imports_of("one", ["one.g", "k"]) == {"one/two/module.py": {"one.g.h", "k"}}


@pytest.mark.parametrize(
    "modules",
    [
        "sigtune.tuning.experiment, sigtune.application, sigtune.command_line, sigtune.config",
        "sigtune.tuning.creation, sigtune.tuning.common_experiments, sigtune.backend.driver",
        "hydra_plugins.hydra_sigopt_sweeper.sweeper, hydra_plugins.hydra_sigopt_sweeper._sweep",
    ],
)
def test_creating_an_experiment_loads_no_torch_and_no_lightning(modules):
    script = f"import sys, {modules}\nprint([name for name in {TORCH} if name in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60
    )
    assert result.stdout.strip() == "[]"
