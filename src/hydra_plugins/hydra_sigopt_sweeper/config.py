"""The sweeper's place in Hydra's config: `hydra/sweeper=sigopt`, and `sigopt: schema` for an app's block."""

# No `from __future__ import annotations`: Hydra executes plugin modules before they are in sys.modules, where
# a dataclass would look its annotations up.
from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore

from sigtune.config.schema import SigOptConfig


@dataclass
class SigOptSweeperConf:
    """The experiment is the `sigopt` block of the application, whichever application that is.

    `params` are overrides as other sweepers have them: in Hydra's sweep syntax, `{x: interval(0, 1)}`, or
    as Ax has them, `{x: {type: range, bounds: [0, 1]}}`.
    """

    _target_: str = "hydra_plugins.hydra_sigopt_sweeper.sweeper.SigOptSweeper"
    _recursive_: bool = False
    experiment: Any = "${oc.select:sigopt,null}"
    params: Any = None


ConfigStore.instance().store(
    group="hydra/sweeper", name="sigopt", node=SigOptSweeperConf, provider="hydra_sigopt_sweeper"
)
ConfigStore.instance().store(
    group="sigopt", name="schema", node=SigOptConfig, provider="hydra_sigopt_sweeper"
)
