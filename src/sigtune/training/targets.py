"""The classes that the config names by `_target_`: of the type for their place, with arguments they know.

This module imports a framework only where a class is one that sigtune's schemas do not name.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, fields
from importlib.util import find_spec
from typing import Any

from hydra.utils import instantiate

from sigtune.config import signatures
from sigtune.config.hydra_version import CHECKED_TARGETS
from sigtune.config.schema import GROUP_SCHEMAS
from sigtune.config.signatures import (
    argument_problems,
    class_named,
    import_error,
    look_up,
    missing_arguments,
    return_type,
)
from sigtune.errors import Code, Problem, UsageError

# The type that each group's class must have, and how to say so.
_TYPES = {
    "module": ("pytorch_lightning.LightningModule", "a LightningModule"),
    "data": ("pytorch_lightning.LightningDataModule", "a LightningDataModule"),
    "model": ("torch.nn.Module", "an nn.Module"),
    "optimizer": ("torch.optim.Optimizer", "an optimizer"),
    "scheduler": ("torch.optim.lr_scheduler.LRScheduler", "a learning-rate scheduler"),
    "callbacks": ("pytorch_lightning.Callback", "a callback"),
    "logger": ("pytorch_lightning.loggers.Logger", "a logger"),
}
# What Lightning's loggers import only when they are made.
_PACKAGES = {"TensorBoardLogger": "tensorboard", "MLFlowLogger": "mlflow", "WandbLogger": "wandb"}
# What releases had and no longer need, and why a config is the same without it.
_REMOVED = {
    "sigtune.training.callbacks.rezero_weights.RezeroWeights": "the zero weights of sparse layers stay zero",
}
_OF_THE_MODULE = ("model", "optimizer", "scheduler")
_PARTIAL = ("optimizer", "scheduler")
# What Lightning is told of a scheduler: when to step it, and the metric that it is given.
LIGHTNINGS_OWN = frozenset({"interval", "frequency", "monitor"})


def build(group: str, section: Any) -> Any:
    """Return what the section of a config group describes; None for None.

    Lists and mappings reach the class as plain ones. Raises UsageError where the class, or what a function
    returns, is not of the type for the group.
    """
    if section is None:
        return None
    built = instantiate(section, _convert_="all", **CHECKED_TARGETS)
    if group not in _PARTIAL and not isinstance(built, _type_of(group)):
        what = f"makes {_article(type(built))}, not {_TYPES[group][1]}"
        raise UsageError([Problem(group, what, f"a _target_ that is {_TYPES[group][1]}")])
    return built


def target_problems(config: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with the classes that the config, as plain values, names; nothing is built.

    Interpolations are unresolved, and tuned keys `???`.
    """
    problems = (
        [] if config.get("module") else [Problem("module", "is none", "module=classifier, or your own")]
    )
    for key, section in _sections(config):
        problems += section_problems(key, section)
    return problems + _unused_sections(config)


def _sections(config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield (key, section) for every section that names a class; callbacks, and loggers, may be several."""
    for group in _TYPES:
        section = config.get(group)
        found = {group: section}
        if isinstance(section, dict) and "_target_" not in section and group in {"callbacks", "logger"}:
            found = {f"{group}.{name}": one for name, one in section.items()}
        yield from ((key, one) for key, one in found.items() if one is not None and not _is_reference(one))


def _is_reference(section: Any) -> bool:
    return isinstance(section, str) and "${" in section


def section_problems(key: str, section: Any) -> list[Problem]:
    """Return what is wrong with the class that the section of a config group, at `key`, names."""
    group = key.partition(".")[0]
    kind = _TYPES[group][1]
    target = section.get("_target_") if isinstance(section, dict) else None
    if not isinstance(target, str) or target == "???":
        return [Problem(key, "names no class", f"{key}._target_=…, {kind}", code=Code.NO_VALUE)]
    if target in _known_targets(group):
        return []  # its arguments are the schema's to check
    place = f"{key}._target_={target}"
    try:
        found = look_up(target)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - importing runs the module: it may raise anything
        return _import_problems(key, target, kind, error)
    if (package := _PACKAGES.get(target.rpartition(".")[2])) and find_spec(package) is None:
        return [
            Problem(
                place,
                f"needs {package}, which is not installed",
                f"pip install 'sigtune[{package}]'",
            )
        ]
    if isinstance(found, type) and not _is_right(found, group):
        return [Problem(place, f"is {_article(found)}, not {kind}", _remedy(group, target, found))]
    if not callable(found):
        return [Problem(place, "is not a class", f"the import path of {kind}")]
    made = None if isinstance(found, type) else return_type(found)
    if made is not None and not (_is_right(made, group) or issubclass(_type_of(group), made)):
        return [Problem(place, f"makes {_article(made)}, not {kind}", f"the import path of {kind}")]
    return _argument_problems(key, found, section)


def _argument_problems(key: str, found: Callable[..., Any], section: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with the arguments of what a section names, and of what they name in turn."""
    group, target = key.partition(".")[0], section["_target_"]
    ignored = LIGHTNINGS_OWN if key == "scheduler" else frozenset()
    problems = argument_problems(key, target, found, section, ignored)
    for name, value in section.items():
        problems += signatures.target_problems(value, f"{key}.{name}")
    if not (section.get("_partial_") or key in _PARTIAL):
        problems += missing_arguments(key, target, found, section)
    if group in _PARTIAL and section.get("_partial_") is not True:
        problems.append(Problem(f"{key}._partial_", "its parameters come later", f"{key}._partial_=true"))
    return problems


def _import_problems(key: str, target: str, kind: str, error: BaseException) -> list[Problem]:
    place = f"{key}._target_={target}"
    if isinstance(error.__cause__, UsageError):
        return list(error.__cause__.problems)
    if target in _REMOVED:
        return [Problem(place, f"is no longer needed: {_REMOVED[target]} without it", f"leave out {key}")]
    return [Problem(place, f"cannot be imported: {import_error(error)}", f"the import path of {kind}")]


def foreign_problems(group: str, section: Any) -> list[Problem]:
    """Return the `_target_`s of a section, nested ones too, that are not classes of the type for its group.

    A config of one's own may name any function. One that came in a file of somebody else's could have any
    command run by it, so there only the classes that the place is for will do.
    """
    if isinstance(section, list):
        return [problem for one in section for problem in foreign_problems(group, one)]
    if not isinstance(section, dict):
        return []
    inner = "model" if group == "module" else group  # what a module is made of, unless its key says otherwise
    problems = [
        problem
        for key, one in section.items()
        for problem in foreign_problems(str(key) if key in _TYPES else inner, one)
    ]
    if "_target_" in section:
        target = str(section["_target_"])
        found = class_named(target)
        if found is None or not _is_right(found, group):
            problems.append(Problem(f"{group}._target_={target}", f"is not {_TYPES[group][1]}"))
    return problems


def _unused_sections(config: Mapping[str, Any]) -> list[Problem]:
    """Return the model, optimizer and scheduler that the module does not take: they would change nothing."""
    read = {name: str(section) for name, section in config.items() if name not in {*_OF_THE_MODULE, "sigopt"}}
    return [
        Problem(group, f"is not used by module {_target_of(config.get('module'))}", f"{group}=none")
        for group in _OF_THE_MODULE
        if config.get(group) is not None
        and config.get("module")
        and not any(re.search(rf"\$\{{{group}[.}}]", text) for text in read.values())
    ]


def _target_of(section: Any) -> Any:
    return section.get("_target_") if isinstance(section, dict) else section


def _known_targets(group: str) -> set[str]:
    """Return the classes that the group's schemas name."""
    defaults = (
        field.default
        for name, _, schema in GROUP_SCHEMAS
        if name == group
        for field in fields(schema)
        if field.name == "_target_" and field.default is not MISSING
    )
    return {str(target) for target in defaults}


def _type_of(group: str) -> type:
    module, _, name = _TYPES[group][0].rpartition(".")
    found: type = getattr(importlib.import_module(module), name)
    return found


def _is_right(found: type, group: str) -> bool:
    # Every LightningModule is an nn.Module too, but not a model because of that.
    return issubclass(found, _type_of(group)) and not (
        group == "model" and issubclass(found, _type_of("module"))
    )


def _article(found: type) -> str:
    """Return what the class is, in words: one of the types that groups have, or its name."""
    return next((words for group, (_, words) in _TYPES.items() if _is_right(found, group)), found.__name__)


def _remedy(group: str, target: str, found: type) -> str:
    fitting = next((other for other in _TYPES if _is_right(found, other)), None)
    if fitting is None or fitting in {"callbacks", "logger"}:
        return f"the import path of {_TYPES[group][1]}"
    return f"{fitting}._target_={target}"
