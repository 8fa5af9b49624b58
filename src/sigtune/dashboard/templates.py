"""The templates of the pages, and how they write numbers, moments and durations."""

from __future__ import annotations

import functools
import time
from pathlib import Path
from typing import Any

import jinja2

TEMPLATES = Path(__file__).parent / "templates"


@functools.cache
def templates() -> jinja2.Environment:
    """Return the templates, compiled before the first visitor waits for it.

    What is put into them is escaped, and a name that is not given is an error.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": number,
        "moment": moment,
        "duration": duration,
        "metric_name": metric_name,
    }
    for name in environment.list_templates():
        environment.get_template(name)
    return environment


def number(value: Any) -> str:
    """Return a number short enough to compare by eye, and anything else as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "" if value is None else str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.5g}"


def moment(seconds: float | None) -> str:
    """Return seconds since 1970 as the local date and time."""
    return "" if seconds is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def duration(seconds: float | None) -> str:
    """Return a number of seconds as people say it: 42 s, 3 min 5 s, 2 h 10 min."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def metric_name(metric: dict[str, Any]) -> str:
    """Return a metric's name; the one of an experiment that names none is its value."""
    return str(metric["name"] or "value")
