"""The API as an OpenAPI document, made from the table of routes and the fields that their handlers read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.metadata import version

from sigtune.backend.requests import Handler, Json
from sigtune.backend.routes import ID, ROUTES

_IN_QUERY = ("GET", "DELETE")
# OpenAPI has no name for others, as for MERGE.
_METHODS = ("GET", "PUT", "POST", "DELETE")

_TEXT: Json = {"type": "string"}
_COUNT: Json = {"type": "integer", "minimum": 1}
_MOMENT: Json = {"type": "integer", "minimum": 0}
_NUMBER: Json = {"type": "number"}
_FLAG: Json = {"type": "boolean"}
_OBJECT: Json = {"type": "object"}
_OBJECTS: Json = {"type": "array", "items": _OBJECT}
_ID: Json = {"type": ["string", "integer"]}

_SCHEMAS: Mapping[str, Json] = {
    **dict.fromkeys(
        ("name", "project", "sort", "search", "before", "after", "type", "color", "fields"), _TEXT
    ),
    **dict.fromkeys(("limit", "budget", "observation_budget", "parallel_bandwidth", "num_solutions"), _COUNT),
    **dict.fromkeys(("user", "period_start", "period_end"), _MOMENT),
    **dict.fromkeys(("ascending", "deleted", "include_ai", "include_runs", "development", "failed"), _FLAG),
    **dict.fromkeys(("metadata", "assignments", "model", "logs", "datasets"), _OBJECT),
    **dict.fromkeys(("parameters", "metrics", "tasks", "conditionals", "linear_constraints"), _OBJECTS),
    **dict.fromkeys(("observations", "runs"), _OBJECTS),
    **dict.fromkeys(("value", "value_stddev"), _NUMBER),
    **dict.fromkeys(("id", "suggestion"), _ID),
    "state": {"enum": ["active", "deleted", "all", "open", "completed", "failed"]},
}
"""What a field holds, by its name; a field that is not here has another form in each place."""

_ERROR: Json = {
    "type": "object",
    "required": ["message", "status"],
    "properties": {"message": _TEXT, "status": {"type": "integer", "minimum": 400, "maximum": 599}},
}


def openapi_document() -> Json:
    """Return the document, of OpenAPI 3.1."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "SigOpt's v1 API", "version": version("sigtune")},
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "basic"}},
            "schemas": {"Error": _ERROR},
        },
        "security": [{"token": []}],
        "paths": {_path(pattern): _path_item(pattern, ROUTES[pattern]) for pattern in ROUTES},
    }


def _path(pattern: str) -> str:
    return "/v1/" + "/".join(f"{{{name}}}" if name else part for part, name in _parts(pattern))


def _parts(pattern: str) -> list[tuple[str, str]]:
    """Return each part of a pattern, with the name of its parameter where it is an id."""
    parts = pattern.split("/")
    return [
        (part, f"{parts[index - 1].removesuffix('s')}_id" if part == ID else "")
        for index, part in enumerate(parts)
    ]


def _path_item(pattern: str, methods: Mapping[str, Handler]) -> Json:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": _TEXT} for _, name in _parts(pattern) if name
    ]
    operations = {
        method.lower(): _operation(pattern, method, handler)
        for method, handler in methods.items()
        if method in _METHODS
    }
    return {"parameters": parameters, **operations} if operations else {}


def _operation(pattern: str, method: str, handler: Handler) -> Json:
    properties = {name: _SCHEMAS.get(name, {}) for name in handler.fields}
    operation: Json = {
        "operationId": re.sub(r"\W+", "_", f"{method.lower()}_{pattern}"),
        "description": handler.description.strip(),
        "responses": {
            "200": {"description": "done", "content": {"application/json": {"schema": _OBJECT}}},
            "default": {
                "description": "refused",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
            },
        },
    }
    if method in _IN_QUERY:
        operation["parameters"] = [
            {"name": name, "in": "query", "schema": schema} for name, schema in properties.items()
        ]
    elif properties:
        body = {"type": "object", "properties": properties}
        operation["requestBody"] = {"content": {"application/json": {"schema": body}}}
    return operation
