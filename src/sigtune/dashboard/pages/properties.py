"""Properties: the definition, what of it can be changed, and the same experiment as YAML for conf/."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from sigopt.exception import ApiException
from starlette.responses import Response

from sigtune.dashboard.definition_yaml import definition_yaml
from sigtune.dashboard.pages.frame import experiment_of, framed, path_of, words_of
from sigtune.dashboard.search_folder import find_search_folder
from sigtune.dashboard.source import Json
from sigtune.dashboard.visit import Visit, see_other
from sigtune.definition.metadata import NOTES_KEY


def page(visit: Visit) -> Response:
    """GET /experiments/ID/properties."""
    return _page(visit, experiment_of(visit))


def change(visit: Visit) -> Response:
    """POST /experiments/ID/properties: name, budget, bandwidth and notes."""
    experiment = experiment_of(visit)
    try:
        changes = _changes(visit, experiment)
        if changes:
            visit.source.put("experiments", experiment["id"], **changes)
    except (ValueError, ApiException) as error:
        if isinstance(error, ApiException) and error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise
        return _page(visit, experiment, words_of(error), 400)
    return see_other(f"{path_of(visit, 'properties')}?said=saved")


def set_state(visit: Visit) -> Response:
    """POST /experiments/ID/state: archive the experiment, or bring it back."""
    state = "deleted" if visit.form.get("state") == "deleted" else "active"
    visit.source.put("experiments", visit.ids["experiment"], state=state)
    said = "archived" if state == "deleted" else "active"
    return see_other(f"{path_of(visit)}?said={said}")


def definition_file(visit: Visit) -> Response:
    """GET /experiments/ID/definition.yaml."""
    experiment = experiment_of(visit)
    name = f"experiment-{int(experiment['id'])}.yaml"
    headers = {"content-disposition": f"attachment; filename={name}"}
    return Response(_yaml(experiment), media_type="application/yaml", headers=headers)


def _changes(visit: Visit, experiment: Json) -> dict[str, Any]:
    """Return the fields that differ from the experiment's; raises ValueError for what is not a number."""
    form = visit.form
    changes: dict[str, Any] = {}
    if form.get("name", experiment["name"]) != experiment["name"]:
        changes["name"] = form["name"]
    for field in ("observation_budget", "parallel_bandwidth"):
        if field in form:
            value = _whole(field, form[field])
            if value != experiment[field]:
                changes[field] = value
    metadata = experiment["metadata"] or {}
    notes = form.get("notes", "").replace("\r\n", "\n").strip()
    if "notes" in form and notes != metadata.get(NOTES_KEY, ""):
        others = {key: value for key, value in metadata.items() if key != NOTES_KEY}
        changes["metadata"] = {**others, NOTES_KEY: notes} if notes else others
    return changes


def _whole(field: str, text: str) -> int | None:
    if not text.strip():
        return None
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{field}: expected a whole number, got {text!r}") from None


def _page(visit: Visit, experiment: Json, wrong: str = "", status: int = 200) -> Response:
    return framed(
        visit,
        experiment,
        "properties.html",
        status=status,
        tab="properties",
        wrong=wrong,
        notes=(experiment["metadata"] or {}).get(NOTES_KEY, ""),
        yaml=_yaml(experiment),
    )


def _yaml(experiment: Json) -> str:
    folder = find_search_folder(experiment)
    return definition_yaml(experiment, folder.experiment_class() if folder else None)
