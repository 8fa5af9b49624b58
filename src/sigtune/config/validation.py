"""What is wrong with a config, in words: unknown keys, with the nearest right one, and wrong types."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from sigtune.config.keys import RENAMED, is_key, leaves, nearest_key
from sigtune.errors import Code, Problem

EXPECTED = {
    int: "expected an integer, e.g. {key}=1",
    float: "expected a number, e.g. {key}=0.1",
    bool: "expected true or false, e.g. {key}=true",
    str: "expected a string",
    list: "expected a list, e.g. {key}=[1,2]",
    dict: "expected a mapping, e.g. {key}={{a:1}}",
}


def value_problems(schema: DictConfig, values: Any, prefix: str) -> list[Problem]:
    """Set each leaf of `values` in `schema`, in place; return a problem for each that does not fit.

    The keys in the problems begin with `prefix`, the place of `schema` in the whole config.
    """
    found: list[Problem] = []
    for key, value in leaves(values):
        in_elements = _element_problems(schema, key, value, f"{prefix}.{key}" if prefix else key)
        problem = None if in_elements or not key else assign(schema, key, value, prefix)
        found += in_elements + ([problem] if problem else [])
    return found


def _element_problems(schema: DictConfig, key: str, value: Any, place: str) -> list[Problem]:
    """Return what is wrong inside a list of dataclasses, element by element; nothing for any other value."""
    node = _node(schema, key)
    element_type = node._metadata.element_type if isinstance(node, ListConfig) else None
    if not isinstance(value, list) or not is_dataclass(element_type):
        return []
    found: list[Problem] = []
    for index, element in enumerate(value):
        # A person knows a parameter by its name; its number in the list is for one that has none.
        name = element.get("name", index) if isinstance(element, dict) else index
        if isinstance(element, dict):
            found += value_problems(OmegaConf.structured(element_type), element, f"{place}.{name}")
        else:
            found.append(Problem(f"{place}.{name}", "expected a mapping"))
    return found


def assign(config: DictConfig, key: str, value: Any, prefix: str = "", typed: str = "") -> Problem | None:
    """Set `key` in `config`; return what is wrong where that cannot be.

    `typed` is what the person typed, shown in place of the key.
    """
    full_key = f"{prefix}.{key}" if prefix else key
    parent = _open_ancestor(config, key)
    if parent is None:
        return unknown_key(key, config, prefix)
    if value == "???":
        if not is_key(config, key):  # in a section without a schema
            OmegaConf.update(config, key, value)
        return None
    try:
        OmegaConf.update(config, key, value, merge=True)
    except OmegaConfBaseException as error:
        what = _expectation(config, key, full_key, error)
        return Problem(typed or f"{full_key}={_short(value)}", what, code=Code.WRONG_TYPE)
    return None


def unknown_key(key: str, config: DictConfig, prefix: str = "") -> Problem:
    """Return the problem that `config`, which stands at `prefix`, has no such key."""
    full_key = f"{prefix}.{key}" if prefix else key
    if full_key in RENAMED:
        return Problem(full_key, "has another name now", RENAMED[full_key], code=Code.UNKNOWN_KEY)
    return Problem(full_key, "unknown key", nearest_key(key, config, prefix), code=Code.UNKNOWN_KEY)


def added_key_problems(config: DictConfig, prefix: str = "") -> list[Problem]:
    """Return the keys that `+KEY=VALUE` added to sections with a schema, which nothing there reads."""
    found: list[Problem] = []
    schema = OmegaConf.get_type(config)
    if is_dataclass(schema):
        known = {field.name for field in fields(schema)}
        unknown = [str(key) for key in config if key not in known]
        found += [unknown_key(key, OmegaConf.structured(schema), prefix) for key in unknown]
    for name in map(str, config):
        key = f"{prefix}.{name}" if prefix else str(name)
        node = config._get_node(name)
        if (
            not isinstance(node, DictConfig)
            or node._is_none()
            or node._is_missing()
            or node._is_interpolation()
        ):
            continue
        found += added_key_problems(node, key)
    return found


def _node(config: DictConfig, key: str) -> Any:
    """Return the node, with its type, that stands at `key`; None where there is none."""
    parent, _, leaf = key.rpartition(".")
    section = OmegaConf.select(config, parent) if parent else config
    return section._get_node(leaf, validate_access=False) if isinstance(section, DictConfig) else None


def _open_ancestor(config: DictConfig, key: str) -> DictConfig | None:
    """Return the section that `key` may be set in, or None where a section on the way has no such key."""
    section: DictConfig = config
    *sections, leaf = key.split(".")
    for name in sections:
        if name not in section.keys():  # noqa: SIM118 - `in` skips missing values
            return None if _is_closed(section) else section
        node = section._get_node(name)
        if isinstance(node, DictConfig) and node._is_none() and is_dataclass(node._metadata.ref_type):
            section[name] = node._metadata.ref_type()  # an optional section, begun by its first value
            node = section._get_node(name)
        if not isinstance(node, DictConfig) or node._is_none() or node._is_missing():
            return section
        section = node
    if leaf in section.keys() or not _is_closed(section):  # noqa: SIM118
        return section
    return None


def _is_closed(section: DictConfig) -> bool:
    return bool(OmegaConf.is_struct(section)) or OmegaConf.get_type(section) not in (dict, None)


def _short(value: Any) -> str:
    if isinstance(value, DictConfig | ListConfig | dict | list):
        return "…"
    return str(value)


def _expectation(config: DictConfig, key: str, full_key: str, error: OmegaConfBaseException) -> str:
    node = _node(config, key)
    expected = EXPECTED.get(node._metadata.ref_type) if node is not None else None
    # OmegaConf appends lines of context to its message; the first says what is wrong.
    return expected.format(key=full_key) if expected else str(error).splitlines()[0]
