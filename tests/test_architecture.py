"""Imports point one way only, and in no circle: docs/architecture.md has the drawing of the rooms."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.patience import PATIENCE_SECONDS

SRC = Path(__file__).parents[1] / "src"

# Which rooms of sigtune a room may know of, besides itself; whatever stands in no row is a leaf's.
ALLOWED = {
    "errors": set(),
    "passwords": set(),
    "running_dashboards": set(),
    "terminal": set(),
    "definition": {"errors"},
    "job": {"errors", "passwords"},
    "invocation": {"errors", "terminal"},
    "kernels": {"errors"},
    "config": {"errors"},
    "optimizer": {"errors", "definition"},
    "backend": {"errors", "definition", "optimizer"},
    "server": {"errors", "backend"},
    "tuning": {"errors", "definition", "backend", "config"},
    "dashboard": {
        "errors",
        "passwords",
        "running_dashboards",
        "definition",
        "backend",
        "server",
        "report",
    },
    "cli": {"errors", "definition", "backend", "server", "tuning", "report", "dashboard"},
    "checks": {"errors", "passwords", "definition", "config", "tuning"},
    "report": {"errors", "definition", "optimizer"},
    "search": {
        "errors",
        "passwords",
        "running_dashboards",
        "definition",
        "config",
        "tuning",
        "checks",
        "job",
        "report",
        "invocation",
        "terminal",
    },
    "hydra_plugins": {"errors", "config", "search", "invocation"},
    "models": {"errors", "kernels"},
    "data": {"errors", "kernels"},
    "training": {"errors", "config", "job", "models", "data"},
    "sigtune": {"app"},  # its one name that stands for a part of it
    "app": {
        "errors",
        "definition",
        "config",
        "tuning",
        "checks",
        "job",
        "invocation",
        "terminal",
        "training",
    },
}

TORCH = {"torch", "torchvision", "torchaudio", "pytorch_lightning", "lightning"}
KNOWS_TORCH = {"optimizer", "models", "data", "kernels", "training"}
KNOWS_HYDRA = {
    "config",
    "tuning",
    "checks",
    "job",
    "invocation",
    "report",
    "search",
    "hydra_plugins",
    "app",
    "training",
}
KNOWS_SIGOPT = {"backend", "server", "dashboard", "cli", "tuning", "checks", "search", "app"}


def sources() -> list[Path]:
    return sorted(SRC.glob("*/**/*.py"))


def module_name(file: Path) -> str:
    parts = file.relative_to(SRC).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room(module: str) -> str:
    """Return the part of the drawing that a module belongs to: "search" for sigtune.search.loop."""
    top, *rest = module.split(".")
    return rest[0] if top == "sigtune" and rest else top


@cache
def imported(file: Path, *, module_level_only: bool = False) -> set[str]:
    """Return the dotted names that a module imports, relative ones resolved; those for typing too."""
    names = set()
    package = module_name(file).split(".")
    package = package if file.name == "__init__.py" else package[:-1]
    for node in nodes(ast.parse(file.read_text(encoding="utf-8")), module_level_only):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            names |= {f"{source}.{alias.name}" for alias in node.names}
    return names


def nodes(tree: ast.AST, module_level_only: bool) -> Iterator[ast.AST]:
    """Yield the nodes of the tree; on request without what runs only when a function is called."""
    for node in ast.iter_child_nodes(tree):
        if module_level_only and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        yield node
        yield from nodes(node, module_level_only)


def own_modules(names: AbstractSet[str], known: AbstractSet[str]) -> set[str]:
    """Return the modules of ours that the names are, or are in."""
    return {name if name in known else name.rpartition(".")[0] for name in names} & known


def import_graph() -> dict[str, set[str]]:
    files = {module_name(file): file for file in sources()}
    return {module: own_modules(imported(file), files.keys()) - {module} for module, file in files.items()}


def test_every_room_has_a_row() -> None:
    rooms = {room(module_name(file)) for file in sources()}
    assert rooms == ALLOWED.keys()


def test_imports_point_one_way() -> None:
    wrong = {
        f"{module} imports {other}"
        for module, others in import_graph().items()
        for other in others
        if room(other) not in {*ALLOWED.get(room(module), ()), room(module)}
    }
    assert wrong == set()


def test_there_is_no_circle() -> None:
    try:
        TopologicalSorter(import_graph()).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


@pytest.mark.parametrize(
    ("packages", "rooms"),
    [
        (TORCH, KNOWS_TORCH),
        ({"hydra", "omegaconf"}, KNOWS_HYDRA),
        ({"sigopt"}, KNOWS_SIGOPT),
        ({"sqlalchemy", "alembic"}, {"backend", "server", "tuning", "cli"}),
        ({"botorch", "gpytorch", "scipy"}, {"optimizer"}),
    ],
)
def test_a_library_is_known_in_its_rooms_only(packages: set[str], rooms: set[str]) -> None:
    found = {
        module_name(file)
        for file in sources()
        if {name.partition(".")[0] for name in imported(file)} & packages
    }
    assert {module for module in found if room(module) not in rooms} == set()


@pytest.mark.parametrize("rooms", [ALLOWED.keys() - KNOWS_TORCH])
def test_training_is_imported_inside_functions(rooms: set[str]) -> None:
    training = {"training", "models", "data", "kernels"}
    wrong = {
        f"{module_name(file)} imports {name}"
        for file in sources()
        if room(module_name(file)) in rooms
        for name in imported(file, module_level_only=True)
        if room(name) in training and name.startswith("sigtune.")
    }
    assert wrong == set()


def test_the_scan_sees_imports_of_every_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "SRC", tmp_path)
    (tmp_path / "one" / "two").mkdir(parents=True)
    file = tmp_path / "one" / "two" / "module.py"
    file.write_text(
        "import a.b as c\nfrom d import e\nfrom . import f\nfrom ..g import h\n"
        "if True:\n    import i\nclass C:\n    import j\ndef function():\n    import k\n"
    )
    everything = {"a.b", "d.e", "one.two.f", "one.g.h", "i", "j", "k"}
    assert imported(file) == everything
    assert imported(file, module_level_only=True) == everything - {"k"}
    assert own_modules({"a.b", "d.e", "x"}, {"a.b", "d"}) == {"a.b", "d"}


def test_the_scan_sees_a_circle_through_a_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "SRC", tmp_path)
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a.py").write_text("from one import b")
    (tmp_path / "one" / "b.py").write_text("def late():\n    import one.a")
    with pytest.raises(CycleError):
        TopologicalSorter(import_graph()).prepare()


@pytest.mark.parametrize(
    "modules",
    [
        "sigtune.tuning.experiment, sigtune.app.run, sigtune.app.main, sigtune.config.schema",
        "sigtune.tuning.opening, sigtune.tuning.common_experiments, sigtune.backend.driver",
        "hydra_plugins.hydra_sigopt_sweeper.sweeper, sigtune.search.setup",
    ],
)
def test_creating_an_experiment_loads_no_torch_and_no_lightning(modules: str) -> None:
    script = f"import sys, {modules}\nprint([name for name in {sorted(TORCH)} if name in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )
    assert result.stdout.strip() == "[]"


@pytest.mark.slow
def test_every_room_can_be_the_first_to_be_imported() -> None:
    # Alembic runs the migrations' modules itself; executors and kernels for a GPU need packages of their own.
    apart = {"executors", "gpu", "migrations"}
    rooms: dict[str, list[str]] = {}
    for file in sources():
        if not apart & set(file.parts):
            module = module_name(file)
            rooms.setdefault(".".join(module.split(".")[:2]), []).append(module)
    script = (
        "import importlib, os, sys, hydra, pytorch_lightning, sigopt, sqlalchemy.orm\n"
        f"for room, modules in {rooms}.items():\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        for module in modules:\n"
        "            importlib.import_module(module)\n"
        "        os._exit(0)\n"
        "    if os.waitpid(child, 0)[1]:\n"
        "        sys.exit(room)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )
    assert result.returncode == 0, result.stderr
