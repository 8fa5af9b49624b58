"""Where a search can be watched: the address of a dashboard that runs, or the command that starts one."""

from __future__ import annotations

import json
import os
import shlex
import urllib.request

from sigtune.passwords import mask_passwords
from sigtune.running_dashboards import address_over
from sigtune.tuning.block import SearchBlock
from sigtune.tuning.connection import api_token, choose_backend, place_digest

_DEFAULT = "http://127.0.0.1:8080"
_DEFAULT_STORE = "sqlite:///sigopt.db"
_SECONDS = 0.5
_MOST_BYTES = 1000
# A proxy would look for 127.0.0.1 on its own machine.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def dashboard_hint(block: SearchBlock, experiment_id: str) -> str:
    """Return the address of the experiment's page where a dashboard shows it, or else the command."""
    place = place_digest(block.backend, block.store)
    is_api = choose_backend(block.backend) == "api"
    running = address_over(place) or (_DEFAULT if _place_at(_DEFAULT) == place else None)
    if running is not None:
        return f"{running}/experiments/{experiment_id}"
    if is_api:
        server = os.environ["SIGOPT_API_URL"].rstrip("/")
        if _place_at(server) is not None:  # it serves the pages itself
            return f"{server}/experiments/{experiment_id}"
    return _command(block, is_api=is_api)


def _place_at(address: str) -> str | None:
    """Return what a dashboard at the address is over; None where none answers."""
    try:
        with _OPENER.open(f"{address}/about.json", timeout=_SECONDS) as response:
            about = json.loads(response.read(_MOST_BYTES))
    except (OSError, ValueError):
        return None
    place = about.get("sigtune") if isinstance(about, dict) else None
    return place if isinstance(place, str) else None


def _command(block: SearchBlock, *, is_api: bool) -> str:
    parts = ["sigtune", "dashboard"]
    if is_api:
        return shlex.join(parts)
    if api_token():
        parts.append("--backend=local")
    if block.store == os.environ.get("SIGOPT_STORE", _DEFAULT_STORE):
        return shlex.join(parts)
    masked = mask_passwords(block.store)
    if masked != block.store:
        return f"SIGOPT_STORE={shlex.quote(masked)} {shlex.join(parts)}"
    return shlex.join([*parts, f"--store={block.store}"])
