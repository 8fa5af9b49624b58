"""Incompatible choices of config groups: an experiment, and another scheduler than it is for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hydra import compose
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from sigtune.config.keys import is_key
from sigtune.errors import Code, Problem


def with_incompatible_choices(
    problems: Sequence[Problem],
    groups: Sequence[Override],
    experiments: Sequence[str],
    config_name: str | None,
) -> list[Problem]:
    """Return the problems, with one that names the right experiment for the unknown keys of a choice.

    `groups` are the choices on the command line, `experiments` those there are. Where an experiment sets keys
    of another scheduler than the one chosen, each of them is unknown, and what is wrong is the choice.
    """
    left = list(problems)
    for override in groups:
        group, choice = override.key_or_group, override.value()
        unknown = [p for p in left if p.code is Code.UNKNOWN_KEY and p.key.startswith(f"{group}.")]
        if group == "experiment" or not isinstance(choice, str) or not unknown:
            continue
        others = [str(other.input_line) for other in groups if other is not override]
        known = _compose(others, config_name)
        chosen = _choices(known)
        compatible = _nearest_experiment(chosen, group, choice, experiments, config_name)
        if compatible is None and not all(known is not None and is_key(known, p.key) for p in unknown):
            continue  # the choice has keys of its own that are wrong
        keys = ", ".join(p.key.removeprefix(f"{group}.") for p in unknown)
        what = f"experiment={chosen['experiment']} sets {keys}, unknown to it"
        own = f"an experiment of your own, with override /{group}: {choice}"
        left = [p for p in left if p not in unknown]
        left.insert(0, Problem(f"{group}={choice}", what, f"experiment={compatible}" if compatible else own))
    return left


def _nearest_experiment(
    chosen: Mapping[str, str], group: str, choice: str, experiments: Sequence[str], config_name: str | None
) -> str | None:
    """Return the experiment with `choice` for `group` that has the most other choices of `chosen`."""
    best, most = None, -1
    for experiment in experiments:
        choices = _choices(_compose([f"experiment={experiment}"], config_name))
        alike = sum(choices.get(name) == value for name, value in chosen.items())
        if choices.get(group) == choice and alike > most:
            best, most = experiment, alike
    return best


def _choices(config: DictConfig | None) -> dict[str, str]:
    choices = {} if config is None else config.hydra.runtime.choices
    return {str(group): str(choice) for group, choice in choices.items()}


def _compose(overrides: Sequence[str], config_name: str | None) -> DictConfig | None:
    """Return the config; None where another experiment's own mistakes, not asked about, are in the way."""
    try:
        return compose(config_name, list(overrides), return_hydra_config=True)
    except (HydraException, OmegaConfBaseException):
        return None
