"""The next suggestion of an experiment: reserved, computed and stored without anybody waiting for it.

A short transaction reserves the suggestion's number. Everything that the point depends on is read in another,
the point is computed outside any, and a last one stores it. In one process the points of an experiment are
computed one after the other, so that each knows of the one before. Where another process has opened a
suggestion meanwhile, the point is computed again with that in view, and after a few attempts moved aside
where it is taken. While a slot is free, the next point is computed ahead (`ahead.py`).
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from sigtune.backend import clock
from sigtune.backend.ahead import Question
from sigtune.backend.lookup import experiment_of
from sigtune.backend.observed import observed_by
from sigtune.backend.points import all_points, parse_task, point_row
from sigtune.backend.requests import Call, Json, Request
from sigtune.backend.resources import queued_suggestions
from sigtune.backend.tables import ExperimentRow, ObservationRow, PointRow, SuggestionRow, TaskRow
from sigtune.backend.views import definition_of
from sigtune.definition.experiment import Suggestion
from sigtune.errors import needing_extra

MOST_ATTEMPTS = 3
"""How often a point is computed anew because others opened suggestions meanwhile."""

Find = Callable[[Request], ExperimentRow]
Complete = Callable[[Request, SuggestionRow], None]
Show = Callable[[Request, ExperimentRow, SuggestionRow], Json]

_locks: weakref.WeakValueDictionary[tuple[str, str], threading.Lock] = weakref.WeakValueDictionary()
_locks_lock = threading.Lock()


def serve(call: Call, find: Find, complete: Complete, show: Show) -> Json:
    """Store the next suggestion and return its shape; `complete` gives it what the request asks for.

    `find` finds the experiment or refuses, in each of the transactions anew.
    """
    with call.writing() as request:
        experiment = find(request)
        point = queued_suggestions.take_first(request.session, experiment)
        if point is not None:
            return _stored(request, experiment, point, None, complete, show)
        number = experiment.next_number
        experiment.next_number = number + 1
    with _lock_of(call):
        return _computed(call, number, find, complete, show)


def add_suggestion(
    session: Session, experiment: ExperimentRow, point: PointRow, *, computed: bool, number: int | None = None
) -> SuggestionRow:
    """Add the suggestion of a point, with the number that was reserved for it or else the next one."""
    if number is None:
        number = experiment.next_number
        experiment.next_number = number + 1
    now = clock.microseconds()
    experiment.updated = now
    suggestion = SuggestionRow(
        experiment_id=experiment.id,
        point=point,
        number=number,
        computed=computed,
        created=clock.whole_seconds(now),
    )
    session.add(suggestion)
    return suggestion


def _computed(call: Call, number: int, find: Find, complete: Complete, show: Show) -> Json:
    for attempt in range(MOST_ATTEMPTS):
        with call.reading() as request:
            experiment = experiment_of(request)
            newest = _newest(request.session, experiment)
            question = question_of(request.session, experiment, number, call.seed)
        with needing_extra("local", "a suggestion of the local backend"):
            chosen = call.ahead.answer(call.ids[0], question)
        with call.writing() as request:
            experiment = find(request)
            if _newest(request.session, experiment) != newest:
                if attempt + 1 < MOST_ATTEMPTS:
                    continue
                chosen = question_of(request.session, experiment, number, call.seed).free(chosen)
            point = point_row(experiment, chosen.assignments, parse_task(experiment, chosen.task))
            return _stored(request, experiment, point, number, complete, show)
    raise AssertionError("the last attempt returns")


def _stored(
    request: Request,
    experiment: ExperimentRow,
    point: PointRow,
    number: int | None,
    complete: Complete,
    show: Show,
) -> Json:
    suggestion = add_suggestion(request.session, experiment, point, computed=True, number=number)
    complete(request, suggestion)
    request.session.flush()
    return show(request, experiment, suggestion)


def prepare_next(call: Call) -> None:
    """Have the next suggestion of the path's experiment computed ahead, where somebody will ask for it."""

    def read() -> Question | None:
        with call.reading() as request:
            experiment = experiment_of(request)
            if definition_of(experiment).parallel_bandwidth is None:  # nobody knows of a free slot
                return None
            return question_of(request.session, experiment, experiment.next_number, call.seed)

    call.ahead.changed(call.ids[0], read)


def question_of(session: Session, experiment: ExperimentRow, number: int, seed: int) -> Question:
    """Return what suggestion `number` is computed from."""
    points = all_points(session, experiment)
    rows = session.execute(
        select(SuggestionRow.point_id, TaskRow.name)
        .join(PointRow, PointRow.id == SuggestionRow.point_id)
        .outerjoin(TaskRow, TaskRow.id == PointRow.task_id)
        .where(
            SuggestionRow.experiment_id == experiment.id,
            ~SuggestionRow.deleted,
            ~exists().where(ObservationRow.suggestion_id == SuggestionRow.id),
        )
        .order_by(SuggestionRow.number)
    )
    return Question(
        definition_of(experiment),
        observed_by(session, experiment, points),
        [Suggestion(points[point_id], task) for point_id, task in rows],
        number,
        seed,
    )


def _newest(session: Session, experiment: ExperimentRow) -> int:
    query = select(func.max(SuggestionRow.id)).where(SuggestionRow.experiment_id == experiment.id)
    return session.scalar(query) or 0


def _lock_of(call: Call) -> threading.Lock:
    key = (str(call.store.url), call.ids[0])
    with _locks_lock:
        lock = _locks.get(key)
        if lock is None:
            lock = _locks[key] = threading.Lock()
        return lock
