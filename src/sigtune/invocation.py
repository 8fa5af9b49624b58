"""How the program was started, and the commands to type next."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Container, Iterable, Sequence
from pathlib import Path
from typing import NoReturn

from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from sigtune.errors import UsageError, format_problems
from sigtune.terminal import print_with_command, print_wrapped

_CONFIG_OPTIONS = ("config-path", "config-name", "config-dir")
# Overrides that are said once: the next command has others in their place.
_BUDGET = "sigopt.observation_budget="
_CREATE = "sigopt.create="
_EXPERIMENT = "sigopt.experiment_id="
_MODE = "hydra.mode="


def config_options() -> list[str]:
    """Return the options on the command line that say where the configs are."""
    options, _ = get_args_parser().parse_known_args(sys.argv[1:])  # an app may have flags of its own
    given = {f"--{name}": getattr(options, name.replace("-", "_")) for name in _CONFIG_OPTIONS}
    return [f"{option}={value}" for option, value in given.items() if value]


def program() -> list[str]:
    """Return how this program is started: `python train.py`, `python -m package.app`, or a command's name."""
    script = Path(sys.argv[0])
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    if spec is not None and spec.origin == str(script):
        return ["python", "-m", spec.name.removesuffix(".__main__")]
    if script.suffix == ".py" or not script.is_absolute():
        return ["python", sys.argv[0]]
    found = shutil.which(script.name)
    is_on_path = found is not None and Path(found).samefile(script)
    return [script.name if is_on_path else str(typed_path(script))]


def typed_overrides(config: DictConfig) -> list[str]:
    """Return the overrides of a config, those of `hydra.…` first, as they were typed: not resolved."""
    overrides = OmegaConf.to_container(config.hydra.overrides, resolve=False)
    assert isinstance(overrides, dict)
    return [str(override) for name in ("hydra", "task") for override in overrides[name]]


def overridden_keys(overrides: Iterable[str]) -> set[str]:
    """Return the config keys that the overrides of a command line give."""
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    return {override.key_or_group for override in parsed}


def exit_with(error: UsageError) -> NoReturn:
    """Print the problems as one list and end the process with exit code 2."""
    count = len(error.problems)
    print(f"error: {count} problem{'s' if count > 1 else ''} in the configuration", file=sys.stderr)
    for line in format_problems(error.problems):
        print_wrapped(f"  {line}", 6, sys.stderr)
    show = shlex.join([*program(), "--cfg", "job"])
    print_with_command("nothing was run. Show the full config:", show, sys.stderr)
    sys.exit(2)


def search_command(experiment_id: str, overrides: Sequence[str]) -> str:
    """Return the command that runs the whole search of an experiment that was created with `overrides`."""
    return _command([*config_options(), "-m", "hydra/sweeper=sigopt", *_for(experiment_id, overrides)])


def job_command(experiment_id: str, overrides: Sequence[str]) -> str:
    """Return the command that trains one suggestion of an experiment that was created with `overrides`."""
    return _command([*config_options(), *_for(experiment_id, overrides)])


def resume_command(experiment_id: str, overrides: Sequence[str], block_keys: Container[str]) -> str:
    """Return the command that resumes a search; `overrides` are the sweep's, those of `hydra.…` included.

    `block_keys` are those that the config's `sigopt` block has: an override of another one adds it.
    """
    return _command([*config_options(), "-m", *_for(experiment_id, overrides, block_keys)])


def extend_command(
    experiment_id: str, overrides: Sequence[str], block_keys: Container[str], budget: int
) -> str:
    """Return the command that lets a search go on to another budget, in all; the rest as for resuming."""
    others, added = _without((_BUDGET,), overrides)
    new = _typed(f"{_BUDGET}{budget}", added or "observation_budget" not in block_keys)
    return resume_command(experiment_id, [*others, new], block_keys)


def training_command(overrides: Sequence[str]) -> str:
    """Return the command that trains a job again by its overrides."""
    return _command([*config_options(), *overrides])


def config_file_command(file: Path) -> str:
    """Return the command that trains a job again by a config file, which must lie in a folder of configs."""
    return _command(["--config-dir", str(typed_path(file.parent)), "--config-name", file.stem])


def typed_path(path: Path) -> Path:
    """Return the path as one would type it here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _for(
    experiment_id: str, overrides: Sequence[str], block_keys: Container[str] = ("experiment_id",)
) -> list[str]:
    lasting, added = _without((_MODE, _EXPERIMENT, _CREATE), overrides)
    return [*lasting, _typed(f"{_EXPERIMENT}{experiment_id}", added or "experiment_id" not in block_keys)]


def _without(once: tuple[str, ...], overrides: Sequence[str]) -> tuple[list[str], bool]:
    """Return the overrides but for those that are said once, and whether one of these added its key."""
    lasting = [override for override in overrides if not override.lstrip("+").startswith(once)]
    return lasting, any(override.startswith("+") for override in set(overrides) - set(lasting))


def _typed(override: str, adds: bool) -> str:
    return f"++{override}" if adds else override


def _command(arguments: Sequence[str]) -> str:
    return shlex.join([*program(), *arguments])
