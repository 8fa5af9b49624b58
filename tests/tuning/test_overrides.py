"""Values as Hydra overrides, and back."""

import math
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from sigtune.tuning.overrides import as_overrides


class Side(Enum):
    LEFT = 1


AWKWARD: list[Any] = [
    0,
    -3,
    7,
    10**18,
    1e-05,
    0.1 + 0.2,
    2.0,
    -1.5e300,
    math.inf,
    -math.inf,
    True,
    False,
    None,
    "",
    " ",
    " leading and trailing ",
    "word",
    "true",
    "null",
    "None",
    "1",
    "1e-05",
    "nan",
    "it's",
    'say "so"',
    "'quoted'",
    "both ' and \"",
    "a,b",
    "a:b",
    "a=b",
    "{a: 1}",
    "[1,2]",
    "choice(1,2)",
    "${not.an.interpolation",
    "back\\slash",
    "ends with \\",
    "two \\\\ at once",
    "\\'",
    "naïve ½ 速",
    "~/data",
    "#comment",
    "100 %",
    [],
    [1, 2.5, "three", None, True],
    [[1], ["a,b"]],
    ["it's", "\\"],
    {},
    {"a": 1, "b": "x:y"},
    {"nested": {"list": [1, {"deep": "it's"}]}},
]


@pytest.mark.parametrize("value", AWKWARD, ids=repr)
def test_hydra_reads_an_override_back_as_the_same_value(value: Any) -> None:
    (text,) = as_overrides({"section.key": value})
    override = OverridesParser.create().parse_override(text)
    assert override.key_or_group == "section.key"
    assert not override.is_sweep_override()
    read = override.value()
    assert read == value
    assert type(read) is type(value)


def test_not_a_number_survives_the_override() -> None:
    (text,) = as_overrides({"key": math.nan})
    read = OverridesParser.create().parse_override(text).value()
    assert isinstance(read, float)
    assert math.isnan(read)


def test_each_value_is_one_override_in_the_order_given() -> None:
    assert as_overrides({"b.x": 1, "a": 0.5}) == ["b.x=1", "a=0.5"]


def _is_same(one: Any, other: Any) -> bool:
    """Return whether two values are equal and of one type, at every level; NaN is itself."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_is_same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(_is_same(one[key], other[key]) for key in one)
    both_nan = one != one and other != other  # noqa: PLR0124 - only NaN differs from itself
    return bool(one == other) or both_nan


# Hydra's grammar has no control characters in a quoted string, and its keys are of plain characters.
TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs")))
KEYS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]*", fullmatch=True).filter(
    lambda key: key.lower() not in {"null", "true", "false", "nan", "inf"}
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_hydra_reads_any_value_of_its_grammar_back_from_an_override(value: Any) -> None:
    (text,) = as_overrides({"section.key": value})
    read = OverridesParser.create().parse_override(text)
    assert (read.key_or_group, read.is_sweep_override()) == ("section.key", False)
    assert _is_same(read.value(), value)


def test_a_member_of_an_enum_is_named_and_a_path_is_a_string() -> None:
    assert as_overrides({"kind": Side.LEFT, "data": [Path("a b")]}) == ["kind=LEFT", "data=['a b']"]
