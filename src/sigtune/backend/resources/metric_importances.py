"""How much each parameter matters to each metric."""

from __future__ import annotations

from sigtune.backend.errors import unprocessable
from sigtune.backend.lookup import experiment_of
from sigtune.backend.observed import observed_by
from sigtune.backend.pagination import pagination
from sigtune.backend.points import all_points
from sigtune.backend.requests import Call, Json
from sigtune.backend.views import definition_of


def listing(call: Call) -> Json:
    """GET experiments/ID/metric_importances; a 422 while there is too little."""
    # It brings numpy, which other requests do without.
    from sigtune.optimizer.importance import FEWEST_OBSERVATIONS, metric_importances

    with call.reading() as request:
        experiment = experiment_of(request)
        definition = definition_of(experiment)
        observed = observed_by(request.session, experiment, all_points(request.session, experiment))
    succeeded = [item for item in observed if item.values is not None]
    names = [parameter.name for parameter in definition.parameters]
    if len(names) == 1:
        importances = {metric.name: {names[0]: 1.0} for metric in definition.metrics}
    elif len(succeeded) < FEWEST_OBSERVATIONS:
        raise unprocessable(f"importances need {FEWEST_OBSERVATIONS} successful observations at least")
    else:
        importances = metric_importances(definition, succeeded)
    data = [
        {"object": "metric_importances", "metric": name or None, "importances": importances[name]}
        for name in sorted(importances)
    ]
    return pagination(data, len(data))
