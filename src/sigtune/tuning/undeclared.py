"""Mixins of a user's own that implement `update_config_with_suggestion` and declare nothing.

What such a method sets can only be found out by calling it: at two points that differ in every parameter,
with assignments that remember which of them were read. Mixins that declare what they set (`sets`) need none
of this.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from omegaconf import DictConfig

from sigtune.tuning.experiment import SigOptExperiment
from sigtune.tuning.suggested_values import Point, bounding_points, changed_values


def has_undeclared_mixin(klass: type[SigOptExperiment]) -> bool:
    """Return whether a class among the bases of `klass` writes into the config and declares no keys."""
    return any(
        "update_config_with_suggestion" in vars(mixin) and "sets" not in vars(mixin)
        for mixin in klass.__mro__
        if mixin is not SigOptExperiment
    )


def observed_keys(
    config: DictConfig, klass: type[SigOptExperiment], parameters: Sequence[Mapping[str, Any]]
) -> tuple[set[str], set[str]]:
    """Return the config keys that change with the parameters, and the names of the parameters that were read.

    A key that keeps its value at one of the points, being equal to what is suggested, changes at the other.
    Raises UsageError where a mixin refuses a value.
    """
    changed: set[str] = set()
    read: set[str] = set()
    for point in bounding_points(parameters):
        recorded = _RecordedReads(point.assignments)
        changed |= changed_values(config, klass(), Point(recorded)).keys()
        read |= recorded.read
    return changed, read


@dataclass
class _RecordedReads(Mapping[str, Any]):
    """Assignments that remember which of them were read by name."""

    values_by_name: Mapping[str, Any]
    read: set[str] = field(default_factory=set)

    def __getitem__(self, name: str) -> Any:
        self.read.add(name)
        return self.values_by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_by_name)

    def __len__(self) -> int:
        return len(self.values_by_name)

    def __contains__(self, name: object) -> bool:
        return name in self.values_by_name

    def items(self) -> Any:
        """Return the pairs without counting them as read: the base class looks through all of them."""
        return self.values_by_name.items()
