"""Find every problem of a config that Hydra refused to compose, where Hydra tells of the first alone."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, is_dataclass
from pathlib import Path
from typing import Any

from hydra import compose, initialize, initialize_config_dir
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path, get_args_parser
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_store import ConfigNode, ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.errors import ConfigCompositionException, HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from sigtune.checks.config_source import ConfigSource
from sigtune.checks.groups import with_incompatible_choices
from sigtune.checks.preflight import Check
from sigtune.checks.search import mapping_problems, open_search
from sigtune.config.hydra_version import VERSION_BASE
from sigtune.config.keys import is_key, known_keys, value_at
from sigtune.config.signatures import takes
from sigtune.config.validation import added_key_problems, assign, unknown_key, value_problems
from sigtune.errors import Code, Problem, UsageError, nearest, with_those_of_other_keys
from sigtune.tuning.block import read_block

# A key that stands in for the schema of its section.
_SCHEMA = "schema_"


@dataclass
class _TypedOverrides:
    """The overrides of a command line, sorted by what they are: choices of config groups, or values."""

    groups: list[Override] = field(default_factory=list)
    values: list[Override] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def _first_line(error: BaseException) -> str:
    """Return what the error says, or its cause: of a syntax error in a config Hydra says nothing itself."""
    text = str(error) or str(error.__cause__ or type(error).__name__)
    return text.partition("\n")[0]


def composition_problem(error: Exception) -> Problem | None:
    """Return what Hydra says that no value alone is to blame for; None where it composed the config."""
    if not isinstance(error, ConfigCompositionException):
        return None
    _, *advice = str(error).splitlines() or [""]
    line = _first_line(error)
    reason = "" if error.__cause__ is None else _first_line(error.__cause__)
    override = line.removeprefix("Error merging override ")
    return (
        Problem(override, reason)
        if override != line and reason
        else Problem("config", line, " ".join(advice).strip())
    )


def diagnose(arguments: Sequence[str], source: ConfigSource, check: Check) -> list[Problem]:
    """Return every problem of the config that `arguments`, a command line, asks for.

    The config is composed once more with the schemas left out, which accepts anything, and then checked
    against the schemas value by value. An empty list means that the problem is of another kind. `check` is
    the app's own, and is asked about a config in which no more is wrong than single values.
    """
    options, _ = get_args_parser().parse_known_args(list(arguments))
    config_dir = source.folder(options.config_path)
    config_name = options.config_name or source.config_name
    GlobalHydra.instance().clear()
    for option, folder in (("config-path", config_dir), ("config-dir", options.config_dir)):
        if folder and not Path(folder).is_dir():
            return [Problem(f"--{option}={getattr(options, option.replace('-', '_'))}", "no such folder")]
    folder = None if config_dir is None else str(config_dir.resolve())
    try:
        with (
            initialize(None, **VERSION_BASE)
            if folder is None
            else initialize_config_dir(folder, **VERSION_BASE)
        ):
            if options.config_dir:
                _look_also_in(Path(options.config_dir), folder)
            return _config_problems(config_name, options.overrides, check, is_sweep=options.multirun)
    except (HydraException, OmegaConfBaseException) as error:
        return [Problem("config", _first_line(error))]


def _config_problems(
    config_name: str | None, overrides: Sequence[str], check: Check, *, is_sweep: bool
) -> list[Problem]:
    loader = GlobalHydra.instance().config_loader()
    configs = loader.get_group_options("", ObjectType.CONFIG)
    if config_name is not None and config_name.removesuffix(".yaml") not in configs:
        own = [name for name in configs if not name.endswith("_schema") and not name.startswith("_")]
        return [Problem(f"--config-name={config_name}", "no such config", nearest(config_name, own))]
    typed = _sorted(overrides, loader)
    with _schemas_left_out() as schemas:
        loose = compose(config_name, [str(override.input_line) for override in typed.groups])
        config, problems = _checked(loose, schemas)
        experiments = loader.get_group_options("experiment", ObjectType.CONFIG)
        problems = with_incompatible_choices(problems, typed.groups, experiments, config_name)
    problems = typed.problems + problems
    is_whole = not problems
    problems += _value_override_problems(config, typed.values)
    creates = "sigopt" in config and bool(config.sigopt.get("create"))
    if is_whole and problems:
        # Whoever creates an experiment may not be on the machine that trains, nor may who starts a search.
        found = _found_by(added_key_problems if creates else check, config)
        here = [one for one in found if not (is_sweep and one.code is Code.THIS_MACHINE)]
        problems = with_those_of_other_keys(problems, here)
    # Of another experiment than the one meant, the search is not worth a look.
    is_meant = not any(problem.code is Code.NO_SUCH_CHOICE for problem in typed.problems)
    if is_meant and (creates or (is_sweep and "sigopt" in config)):
        searched = _search_problems(config, {override.key_or_group for override in typed.values})
        problems += [one for one in searched if one not in problems]
    may_tune = typed.problems or any(one.is_sweep_override() for one in (*typed.groups, *typed.values))
    # A parameter on the command line is one too, or would be if it were written as it should.
    return [one for one in problems if not (may_tune and one.key == "sigopt.parameters")]


def _found_by(check: Check, config: DictConfig) -> list[Problem]:
    """Return what the app's check finds in the config without the wrong values."""
    try:
        return check(config)
    except Exception:  # noqa: BLE001 - it may be written for configs in which nothing is wrong
        return []


def _search_problems(config: DictConfig, overridden: Collection[str]) -> list[Problem]:
    try:
        block = read_block(config.sigopt)
    except UsageError as error:
        return list(error.problems)
    search = open_search(block, overridden)
    return search.problems + mapping_problems(config, search.klass, search.parameters, overridden)


def _look_also_in(further: Path, config_dir: str | None) -> None:
    """Begin Hydra anew with the folder of `--config-dir` behind the app's own, as `hydra.main` does."""
    search_path = create_config_search_path(config_dir)
    search_path.prepend("command-line", f"file://{further.resolve()}", anchor="schema")
    GlobalHydra.instance().clear()
    Hydra.create_main_hydra2("app", search_path)


def _sorted(overrides: Sequence[str], loader: ConfigLoader) -> _TypedOverrides:
    typed = _TypedOverrides()
    for text in overrides:
        try:
            override = OverridesParser.create(loader).parse_override(text)
        except HydraException as error:
            what = f"is not an override: {_first_line(error)}"
            typed.problems.append(Problem(text, what, "key=value, quoted where it has special characters"))
            continue
        if loader.list_groups("") and _is_group(override.key_or_group, loader):
            problem = _group_problem(override, loader)
            if problem is None:
                typed.groups.append(override)
            else:
                typed.problems.append(problem)
        elif not override.key_or_group.startswith("hydra"):
            typed.values.append(override)
    return typed


def _is_group(key: str, loader: ConfigLoader) -> bool:
    parent, _, name = key.rpartition("/")
    return name in loader.list_groups(parent)


def _group_problem(override: Override, loader: ConfigLoader) -> Problem | None:
    """Return what is wrong with a choice of a config group; a sweep over choices is checked by each."""
    group = override.key_or_group
    options = [
        option
        for option in loader.get_group_options(group, ObjectType.CONFIG)
        if not option.endswith("_schema")
    ]
    chosen = list(override.sweep_string_iterator()) if override.is_choice_sweep() else [override.value()]
    for choice in chosen:
        if isinstance(choice, str) and choice not in options:
            what = f"no such {group.rpartition('/')[2]}"
            return Problem(f"{group}={choice}", what, nearest(choice, options), code=Code.NO_SUCH_CHOICE)
    return None


@contextmanager
def _schemas_left_out() -> Iterator[dict[str, DictConfig]]:
    """Put a marker in the place of every schema of the ConfigStore; yield the schemas by their marker.

    A schema is what has a dataclass, in whatever group, but for Hydra's own configs.
    """
    schemas: dict[str, DictConfig] = {}
    replaced: list[tuple[dict[str, Any], str, ConfigNode]] = []
    for folder, name, entry in _stored(ConfigStore.instance().repo, is_root=True):
        if is_dataclass(OmegaConf.get_type(entry.node)):
            marker = f"{entry.group or ''}/{entry.name}"
            schemas[marker] = entry.node
            replaced.append((folder, name, entry))
            node = OmegaConf.create({_SCHEMA: marker})
            if "defaults" in entry.node:  # a primary config in Python
                node.defaults = entry.node.defaults
            folder[name] = ConfigNode(entry.name, node, entry.group, entry.package, entry.provider)
    try:
        yield schemas
    finally:
        for folder, name, entry in replaced:
            folder[name] = entry


def _stored(
    folder: dict[str, Any], is_root: bool = False
) -> Iterator[tuple[dict[str, Any], str, ConfigNode]]:
    """Yield (folder, name, entry) for every config of the ConfigStore that is not Hydra's own."""
    for name, entry in list(folder.items()):
        if isinstance(entry, ConfigNode):
            yield folder, name, entry
        elif not (is_root and name == "hydra"):
            yield from _stored(entry)


def _checked(loose: DictConfig, schemas: dict[str, DictConfig]) -> tuple[DictConfig, list[Problem]]:
    """Return the config typed by the schemas, as far as it fits them, and what does not fit."""
    values = OmegaConf.to_container(loose)
    assert isinstance(values, dict)
    root, *markers = _pop_markers(values)
    config = schemas[root[1]] if root[1] is not None else OmegaConf.create(values)
    for key, marker in markers:
        if marker is not None:
            OmegaConf.update(config, key, schemas[marker], merge=False)
    problems = value_problems(config, values, "")
    if root[1] is None:
        OmegaConf.set_struct(config, True)  # as Hydra does, so that a misspelt override is seen
    return config, problems


def _pop_markers(values: dict[Any, Any], key: str = "") -> Iterator[tuple[str, str | None]]:
    """Take the markers out of nested sections; yield (key, marker or None) of each, the outer first."""
    yield key, values.pop(_SCHEMA, None)
    for name, section in values.items():
        if isinstance(section, dict):
            yield from _pop_markers(section, f"{key}.{name}" if key else str(name))


def _value_override_problems(config: DictConfig, overrides: Sequence[Override]) -> list[Problem]:
    problems = []
    for override in overrides:
        key = override.key_or_group
        if override.type == OverrideType.DEL:
            problem = None  # it may name a key that is not there
        elif override.is_add() or override.is_force_add():
            problem = _added(config, key, override)
        elif override.is_sweep_override():
            problem = None if key in known_keys(config) else unknown_key(key, config)
        elif _is_new_key(config, key):
            problem = _new_argument(config, override) or unknown_key(key, config)
        else:
            problem = assign(config, key, override.value(), typed=str(override.input_line))
        if problem is not None:
            problems.append(problem)
    return problems


def _added(config: DictConfig, key: str, override: Override) -> Problem | None:
    """Add the value to the config; return why it cannot be there."""
    if override.is_sweep_override():
        return None
    try:
        OmegaConf.update(config, key, override.value(), force_add=True)
    except OmegaConfBaseException as error:
        return Problem(str(override.input_line), _first_line(error))
    return None


def _new_argument(config: DictConfig, override: Override) -> Problem | None:
    """Return how to add an argument that the class of its section takes, and the config does not have."""
    section, _, name = override.key_or_group.rpartition(".")
    target = value_at(config, f"{section}._target_") if section else None
    if not isinstance(target, str) or not takes(target, name):
        return None
    what = f"is an argument of {target} that the config does not have yet"
    return Problem(override.key_or_group, what, f"+{override.input_line}", code=Code.UNKNOWN_KEY)


def _is_new_key(config: DictConfig, key: str) -> bool:
    """Return whether the section is there and has no such key, which Hydra refuses without a `+`."""
    section = OmegaConf.select(config, key.rpartition(".")[0]) if "." in key else config
    return isinstance(section, DictConfig) and not is_key(config, key)
