"""The report as one HTML file that opens offline, and may run no scripts but its own."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from functools import cache
from pathlib import Path
from string import Template

from sigtune.report.series.axes import Json

STATIC = Path(__file__).parent / "static"
_SCRIPTS = ("echarts.min.js", "figure_parts.js", "figure_kinds.js", "figures.js", "report.js")


def report_html(content: Json) -> str:
    """Return the page. No text of the content becomes markup: it is JSON that report.js sets as text."""
    scripts = [_static(name) for name in _SCRIPTS]
    style = _static("report.css")
    return Template(_static("report.html")).substitute(
        title=html.escape(str(content["title"])),
        policy=_policy(scripts, style),
        style=style,
        content=_script_safe(json.dumps(content, allow_nan=False, separators=(",", ":"))),
        scripts="\n".join(f"<script>{script}</script>" for script in scripts),
    )


def _policy(scripts: list[str], style: str) -> str:
    allowed = " ".join(map(_hash, scripts))
    return f"default-src 'none'; script-src {allowed}; style-src {_hash(style)}; form-action 'none'"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _script_safe(text: str) -> str:
    """Return JSON that cannot end the script element it stands in, nor begin a comment there."""
    return text.replace("<", "\\u003c")


@cache
def _static(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")
