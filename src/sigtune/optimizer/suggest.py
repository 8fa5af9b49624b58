"""The next suggestion, as a pure function of the experiment, what was observed, what is open, and a seed.

The first suggestion is the point of the default values, the next ones fill the space (scrambled Sobol), and
when enough has succeeded, here or elsewhere, Gaussian processes are fitted to the observations. No state is
kept between calls, so any process can ask. torch and BoTorch are imported when a suggestion needs them.
"""

from __future__ import annotations

from collections.abc import Sequence

from sigtune.definition.experiment import ExperimentDefinition, Observation, Suggestion
from sigtune.definition.parameters import Assignments
from sigtune.optimizer.engines import grid_search, random_search
from sigtune.optimizer.engines.protocol import Engine
from sigtune.optimizer.libraries import alone, importing
from sigtune.optimizer.space_filling import default_assignments, nearest_free, sobol_assignments
from sigtune.optimizer.state import SearchState
from sigtune.optimizer.tasks import next_task
from sigtune.optimizer.training_data import TrainingData, training_data

FIRST_MODELLED, FIRST_MODELLED_OF_TWO = 3, 5
"""From so many successes on a model proposes the next point, with one metric and with two (docs/adr/0024)."""

_TELLING_FAILURES = 10
"""From so many observations on a model proposes it though most failed: where they did is worth knowing."""


def suggest(
    definition: ExperimentDefinition,
    outcomes: Sequence[Observation],
    open_suggestions: Sequence[Suggestion],
    index: int,
    seed: int,
) -> Suggestion:
    """Return suggestion number `index` (from 0).

    Equal input gives equal output. The point is not one observed or open, unless the space is exhausted.
    """
    state = SearchState(definition, outcomes, open_suggestions, index, seed)
    task = next_task(state)
    with alone():
        engine = _ENGINES[definition.type]
        return _free(state, Suggestion(engine(state, task), task))


def free(
    definition: ExperimentDefinition,
    outcomes: Sequence[Observation],
    open_suggestions: Sequence[Suggestion],
    index: int,
    seed: int,
    suggestion: Suggestion,
) -> Suggestion:
    """Return the suggestion or, where its point is observed or open by now, one at a free point near it.

    No other computation is waited for: whoever asks holds the store's lock.
    """
    return _free(SearchState(definition, outcomes, open_suggestions, index, seed), suggestion)


def _free(state: SearchState, suggestion: Suggestion) -> Suggestion:
    if state.definition.type == "grid":  # a point for each number
        return suggestion
    return Suggestion(nearest_free(state, suggestion.assignments, suggestion.task), suggestion.task)


def load_space_filling() -> None:
    """Import what the first suggestions are drawn with: half a second the first time."""
    with alone():
        import scipy.stats.qmc  # noqa: F401


def load_models(observations: int) -> None:
    """Import what a suggestion after so many observations may need: a second or more the first time."""
    if observations >= FIRST_MODELLED:
        with importing():
            import sigtune.optimizer.engines.model.propose  # noqa: F401


def is_modelled(definition: ExperimentDefinition, outcomes: Sequence[Observation]) -> bool:
    """Return whether a model, which takes a while, proposes the next point of such an experiment."""
    successes = sum(outcome.values is not None for outcome in outcomes)
    return definition.type == "offline" and _is_telling(definition, successes, len(outcomes))


def _is_telling(definition: ExperimentDefinition, successes: int, observations: int) -> bool:
    first = FIRST_MODELLED if len(definition.optimized_metrics) < 2 else FIRST_MODELLED_OF_TWO
    return successes >= first or (successes > 0 and observations >= _TELLING_FAILURES)


def _offline(state: SearchState, task: str | None) -> Assignments:
    if state.index == 0 and not state.outcomes:
        return default_assignments(state)
    data = _data_to_model(state, task)
    if data is None:
        return sobol_assignments(state)
    with importing():
        from sigtune.optimizer.engines.model.propose import propose

    return propose(state, data, task)


def _data_to_model(state: SearchState, task: str | None) -> TrainingData | None:
    """Return the observations, None where a model could learn nothing from them yet."""
    if not _is_telling(state.definition, len(state.successes), len(state.outcomes)):
        return None
    leaves_flat = state.index % 2 == 0  # the others look closer still (docs/adr/0026)
    data = training_data(state.definition, state.outcomes, task, state.own_seed, leaves_flat=leaves_flat)
    return data if data and any(target.is_informative for target in data.targets) else None


_ENGINES: dict[str, Engine] = {
    "offline": _offline,
    "random": random_search.propose,
    "grid": grid_search.propose,
}
