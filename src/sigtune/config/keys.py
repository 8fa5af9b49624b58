"""Looking keys of a config up: dotted names, values, the nearest right one."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator
from typing import Any

from omegaconf import DictConfig, ListConfig, Node, OmegaConf
from omegaconf.errors import InterpolationToMissingValueError

RENAMED = {"trainer.compile": "trainer.step=compile"}
"""What keys of earlier releases are now."""


def nearest_key(key: str, config: DictConfig, prefix: str = "") -> str:
    """Return the key of `config` that `key` was probably meant to be, or all the keys of its section."""
    section, _, leaf = key.rpartition(".")
    known = known_keys(config)
    siblings = [name.rpartition(".")[2] for name in known if name.rpartition(".")[0] == section]
    # Within a section that exists the last part decides; a section that does not is looked for as a whole.
    matches = difflib.get_close_matches(leaf, siblings, n=1) if siblings else []
    elsewhere = [] if siblings else difflib.get_close_matches(key, known, n=1, cutoff=0.75)
    outer = ".".join(part for part in (prefix, section) if part)
    if matches:
        return f"{outer}.{matches[0]}" if outer else matches[0]
    if elsewhere:
        return f"{prefix}.{elsewhere[0]}" if prefix else elsewhere[0]
    tops = [name for name in known if "." not in name]
    top = [] if siblings else difflib.get_close_matches(key.split(".", maxsplit=1)[0], tops, n=1)
    if top:
        return f"{prefix}.{top[0]}" if prefix else top[0]
    choices = siblings or tops
    # Hydra's own _target_ and _partial_ are known, but never what was meant.
    names = sorted(name for name in choices if not name.startswith("_"))
    return "one of " + ", ".join(names) if names else f"+{'.'.join(filter(None, (prefix, key)))}=…"


def leaves(values: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted key, value) for every leaf of nested dicts; a list is a leaf."""
    if isinstance(values, dict) and values:
        for key, value in values.items():
            yield from leaves(value, f"{prefix}.{key!s}" if prefix else str(key))
    else:
        yield prefix, values


def missing_keys(config: DictConfig) -> set[str]:
    """Return the dotted keys that are `???`. Unlike OmegaConf's own, this resolves no interpolation."""
    return {key for key, value in leaves(OmegaConf.to_container(config)) if value == "???"}


def value_at(config: DictConfig, key: str) -> Any:
    """Return the value at the key; None where there is no such key, or it has no value yet."""
    try:
        return OmegaConf.select(config, key)
    except InterpolationToMissingValueError:
        return None


def node_at(config: DictConfig, key: str) -> Node | None:
    """Return the node at the key, which has its declared type; None where there is no such key."""
    parent, _, leaf = key.rpartition(".")
    section = OmegaConf.select(config, parent) if parent else config
    node: Any = None
    if isinstance(section, DictConfig):
        node = section._get_node(leaf, validate_access=False)  # a new key, too, or one that is misspelt
    elif isinstance(section, ListConfig) and leaf.isdecimal() and int(leaf) < len(section):
        node = section._get_node(int(leaf))
    return node if isinstance(node, Node) else None


def refers_to(config: DictConfig, key: str, others: Collection[str]) -> bool:
    """Return whether the value at `key` is an interpolation that names one of the `others`."""
    node = node_at(config, key)
    text = "" if node is None else str(node._value())
    return "${" in text and any(other in text for other in others)


def is_key(config: DictConfig, name: str) -> bool:
    """Return whether `name` (dots for levels) is a key of `config`, with a value or without."""
    parent, _, leaf = name.rpartition(".")
    node = OmegaConf.select(config, parent) if parent else config
    return isinstance(node, DictConfig) and leaf in node.keys()  # noqa: SIM118 - `in` skips missing values


def known_keys(config: DictConfig, prefix: str = "") -> set[str]:
    """Return every dotted key of `config`, sections and leaves, with or without a value."""
    keys: set[str] = set()
    for name in config:
        key = f"{prefix}.{name!s}" if prefix else str(name)
        keys.add(key)
        node = config._get_node(name)
        if isinstance(node, DictConfig) and not (node._is_none() or node._is_missing()):
            keys |= known_keys(node, key)
    return keys
