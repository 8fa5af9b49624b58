"""The next suggestion of an experiment, computed before anybody asks for it.

It is computed in a thread where a slot is free, and is given out only if it is what would be computed for
the one who asks: whatever was reported, suggested or changed meanwhile, the suggestion is the same as without
this module. What nobody can use any more is given up in the middle, so that no one waits for it.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

from sigtune.definition.experiment import ExperimentDefinition, Observation, Suggestion

FEWEST_ASKED = 2
"""From so many suggestions on this process is one that asks for more: a worker asks for one."""

PAUSE_SECONDS = 0.02
"""How long nothing changes before one is prepared: who reports often asks at once, or others report too."""


@dataclass(frozen=True)
class Question:
    """Everything that a suggestion is computed from."""

    definition: ExperimentDefinition
    outcomes: Sequence[Observation]
    open_suggestions: Sequence[Suggestion]
    number: int
    seed: int

    def answer(self) -> Suggestion:
        """Compute the suggestion."""
        from sigtune.optimizer.suggest import suggest  # numpy, that other requests do without

        return suggest(self.definition, self.outcomes, self.open_suggestions, self.number, self.seed)

    def free(self, suggestion: Suggestion) -> Suggestion:
        """Return the suggestion or, if its point was taken meanwhile, one at a free point near it."""
        from sigtune.optimizer.suggest import free

        return free(self.definition, self.outcomes, self.open_suggestions, self.number, self.seed, suggestion)

    @property
    def is_expected(self) -> bool:
        """Return whether a slot is free, so somebody may ask this soon, and a model answers it."""
        from sigtune.optimizer.suggest import is_modelled

        definition, running = self.definition, len(self.open_suggestions)
        budget, slots = definition.observation_budget, definition.parallel_bandwidth
        is_left = budget is None or definition.tasks or len(self.outcomes) + running < budget
        return bool(slots and running < slots and is_left and is_modelled(definition, self.outcomes))


Read = Callable[[], Question | None]


@dataclass
class _Prepared:
    """A question that is being answered, once it is read."""

    given_up: threading.Event = field(default_factory=threading.Event)
    question: Question | None = None
    result: Future[Suggestion | None] | None = None


class Ahead:
    """The suggestions that one process has ready, one for each experiment, named by a key."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._prepared: dict[str, _Prepared] = {}
        self._asked: Counter[str] = Counter()
        self._thread: ThreadPoolExecutor | None = None

    def answer(self, key: str, question: Question) -> Suggestion:
        """Return the suggestion: the one that is ready, or else computed now."""
        with self._lock:
            self._asked[key] += 1
            prepared = self._prepared.pop(key, None)
        found = None if prepared is None else _result(prepared, question)
        return question.answer() if found is None else found

    def changed(self, key: str, read: Read) -> None:
        """Prepare the next suggestion anew, if this process is asked for suggestions of the experiment.

        `read` returns the next question, None where nobody will ask it; what was being prepared is given up.
        """
        with self._lock:
            if self._asked[key] < FEWEST_ASKED:
                return
            earlier = self._prepared.get(key)
            if earlier is not None:
                earlier.given_up.set()
            if self._thread is None:
                self._thread = ThreadPoolExecutor(1, "suggestions-ahead")
            prepared = self._prepared[key] = _Prepared()
            prepared.result = self._thread.submit(_prepare, prepared, read)

    def close(self) -> None:
        """Give up what is being prepared, and wait for the thread to end."""
        with self._lock:
            for prepared in self._prepared.values():
                prepared.given_up.set()
            self._prepared.clear()
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.shutdown(cancel_futures=True)


def _prepare(prepared: _Prepared, read: Read) -> Suggestion | None:
    from sigtune.optimizer.libraries import until

    if prepared.given_up.wait(PAUSE_SECONDS):
        return None
    question = read()
    if question is None or not question.is_expected:
        return None
    prepared.question = question
    with until(prepared.given_up):
        return question.answer()


def _result(prepared: _Prepared, question: Question) -> Suggestion | None:
    """Return what was prepared if it answers the question; None, and give it up, if it does not."""
    if prepared.question == question:
        assert prepared.result is not None
        with suppress(Exception):  # whatever it is, computing now tells it
            return prepared.result.result()
    prepared.given_up.set()
    return None
