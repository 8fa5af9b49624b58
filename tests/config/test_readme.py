"""Every option that the README names exists, in the schema or among the config groups."""

import re
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from sigtune.config.keys import known_keys
from sigtune.config.schema import GROUP_SCHEMAS, Config

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()

GROUPS = {path.name for path in (ROOT / "conf").iterdir() if path.is_dir()}
_KEY = r"[a-z_]+(?:\.[a-z_]+)+"
_IN_BACKTICKS = re.compile(rf"`({_KEY})(?:[=:][^`]*)?`")
_IN_COMMAND = re.compile(rf"['\s+]({_KEY})=")
_COMMAND = re.compile(r"^ {4}(?:python|sigtune) .*$", re.MULTILINE)
_CHOICE = re.compile(r"\s'?([a-z_]+)=([a-z_0-9]+)")


def known_options() -> set[str]:
    sections = [("", Config), *((f"{group}.", node) for group, _, node in GROUP_SCHEMAS)]
    return {f"{place}{key}" for place, node in sections for key in known_keys(OmegaConf.structured(node))}


def commands() -> list[str]:
    return _COMMAND.findall(README)


def named_options() -> list[str]:
    in_commands = [key for line in commands() for key in _IN_COMMAND.findall(line)]
    named = {*_IN_BACKTICKS.findall(README), *in_commands}
    return sorted(name for name in named if name.partition(".")[0] in GROUPS)


@pytest.mark.parametrize("option", named_options())
def test_an_option_of_the_readme_is_in_the_schema(option: str) -> None:
    assert option in known_options()


def test_the_options_of_the_readme_are_found() -> None:
    assert {"trainer.resume", "sigopt.repeats", "data.batch_size"} <= set(named_options())


def named_choices() -> list[tuple[str, str]]:
    found = {choice for line in commands() for choice in _CHOICE.findall(line)}
    return sorted((group, name) for group, name in found if group in GROUPS and name != "choice")


@pytest.mark.parametrize(("group", "name"), named_choices())
def test_a_choice_of_the_readme_is_a_config_of_its_group(group: str, name: str) -> None:
    assert (ROOT / "conf" / group / f"{name}.yaml").exists()
