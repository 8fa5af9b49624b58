"""All observations of an experiment, kept while they do not change: a figure needs each of them."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property

from sigtune.dashboard.source import Json, Source
from sigtune.report.results import Results, results_from_json

MOST_EXPERIMENTS = 16
_PAGE = 1000
_CORRECTION_SECONDS = 60.0
"""After so long with changes everything is read again: a correction may have come with an addition."""


@dataclass(frozen=True)
class Observations:
    """The observations, the oldest first, of the experiment as it was in `version`.

    Those of one `reading` differ only in what was added at the end.
    """

    experiment: Json
    version: str
    reading: str
    items: tuple[Json, ...]
    read_at: float
    figures: dict[str, bytes] = field(default_factory=dict, compare=False)
    """The JSON of figures that somebody has asked for; an experiment that changes has others."""

    @cached_property
    def results(self) -> Results:
        """What figures are drawn of."""
        return results_from_json(self.experiment, self.items)


class ObservationCache:
    """The observations of the experiments that were looked at last, by the driver that reads them."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, str], Observations] = OrderedDict()
        self._locks: dict[tuple[int, str], threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, source: Source, experiment: Json) -> Observations:
        """Return the observations of an experiment that has just been read."""
        key = (id(source.driver), str(experiment["id"]))
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            kept = self._kept.get(key)
            version = version_of(experiment)
            if kept is None or kept.version != version or not _is_settled(kept, experiment):
                kept = _read(source, experiment, version, kept)
                self._keep(key, kept)
            return kept

    def _keep(self, key: tuple[int, str], observations: Observations) -> None:
        with self._lock:
            self._kept[key] = observations
            self._kept.move_to_end(key)
            while len(self._kept) > MOST_EXPERIMENTS:
                oldest, _ = self._kept.popitem(last=False)
                self._locks.pop(oldest, None)


def version_of(experiment: Json) -> str:
    """Return a short text that is another one once the experiment or its observations have changed."""
    return digest(experiment["updated"], experiment["name"], experiment["metadata"], experiment["progress"])


def digest(*values: object) -> str:
    """Return a short text that stands for the values."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _is_settled(kept: Observations, experiment: Json) -> bool:
    """Return whether no change can have come since: `updated` counts whole seconds."""
    return kept.read_at > float(experiment["updated"]) + 2


def _read(source: Source, experiment: Json, version: str, kept: Observations | None) -> Observations:
    now = time.time()
    count = experiment["progress"].get("observation_count", 0)
    if kept is not None and now - kept.read_at < _CORRECTION_SECONDS and count > len(kept.items):
        added = _added(source, experiment["id"], kept, count - len(kept.items))
        if added is not None:
            return Observations(experiment, version, kept.reading, (*kept.items, *added), kept.read_at)
    items = tuple(reversed(source.all("experiments", str(experiment["id"]), "observations", limit=_PAGE)))
    if kept is not None and kept.items == items:
        return Observations(experiment, version, kept.reading, items, now)
    return Observations(experiment, version, digest(now, experiment["id"]), items, now)


def _added(source: Source, experiment_id: str, kept: Observations, count: int) -> list[Json] | None:
    """Return the observations that came after those that are kept; None where more than that has changed."""
    if count > _PAGE:
        return None
    page = source.get("experiments", str(experiment_id), "observations", limit=count + 1)["data"]
    before = page[count:] if len(page) > count else []
    if before != list(kept.items[-1:]):
        return None
    return page[count - 1 :: -1] if count else []
