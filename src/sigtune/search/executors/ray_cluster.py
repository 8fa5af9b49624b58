"""The Ray that a search runs on: whether its options can be right, and whether it has what a job asks for."""

from __future__ import annotations

import inspect
import logging
import socket
from collections.abc import Mapping
from typing import Any

import ray

from sigtune.errors import Problem
from sigtune.search.executors.protocol import EngineAwayError, SubmissionRefusedError
from sigtune.search.executors.ray_address import ray_address

log = logging.getLogger(__name__)

_CONNECT_SECONDS = 5.0
_REMOTE = "hydra.launcher.ray.remote"

# A task is one attempt at a run, whose number the search knows, and returns one result.
_OWN_OPTIONS = {
    "max_retries": "sigopt.max_lost_runs says how often a lost run starts again",
    "retry_exceptions": "sigopt.max_retries says how often a failed run starts again",
    "num_returns": "leave it out",
}


def option_problems(options: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with the launcher's `init` and `remote`, and with an address where nobody answers.

    Ray itself waits minutes for a cluster that is not there.
    """
    init, remote = options["init"] or {}, options["remote"] or {}
    known = inspect.signature(ray.init).parameters
    problems = [
        Problem(f"hydra.launcher.ray.init.{name}", "is not an argument of ray.init", "see its documentation")
        for name in init
        if name not in known and not name.startswith("_")
    ]
    problems += [
        Problem(f"{_REMOTE}.{name}", "is the search's own", _OWN_OPTIONS[name])
        for name in remote
        if name in _OWN_OPTIONS
    ]
    try:
        task_options({name: remote[name] for name in remote if name not in _OWN_OPTIONS})(_do_nothing)
    except (TypeError, ValueError) as error:
        problems.append(Problem(_REMOTE, str(error).splitlines()[0], "see ray.remote's documentation"))
    address = ray_address(init)
    if address is not None and not _answers(address):
        remedy = "the head's HOST:PORT, as ray start --head printed it"
        problems.append(Problem("hydra.launcher.ray.init.address", f"nobody answers at {address}", remedy))
    return problems


def _do_nothing() -> None:
    """Be made a task, which fails where an option is wrong."""


def task_options(remote: Mapping[str, Any]) -> Any:
    """Return the decorator that makes a function a task with these options.

    Ray would run a task whose worker died again by itself, behind the search's back.
    """
    return ray.remote(**{**remote, "max_retries": 0})


def connect(options: Mapping[str, Any]) -> bool:
    """Join the cluster, or start Ray here, unless this process has; return whether it had not.

    Raises EngineAwayError where that fails, SubmissionRefusedError where the Ray that is started here will
    never have what a job asks for. A node of a cluster may join later.
    """
    if ray.is_initialized():
        return False
    init, remote = options["init"] or {}, options["remote"] or {}
    # Without an address Ray would join the cluster that was started here last, and wait for a dead one.
    where = {"address": ray_address(init) or "local"}
    try:
        ray.init(**{"log_to_driver": False, **init, **where})
    except Exception as error:  # Ray raises a bare Exception too
        raise EngineAwayError(f"Ray does not start: {str(error).strip()}") from error
    log.info("%s", _description())
    if lacking := _lacking(remote):
        what = f"a job asks for {lacking}, and no node of this Ray has that"
        if ray_address(init) is None:
            ray.shutdown()
            remedy = "less, or the address of a cluster (hydra.launcher.ray.init.address)"
            raise SubmissionRefusedError([Problem(_REMOTE, what, remedy)])
        log.warning("%s: jobs wait until one joins that does", what)
    return True


def _answers(address: str) -> bool:
    """Return whether somebody listens at the address; one that is not a host and a port is Ray's to find."""
    host, _, port = address.rpartition("://")[2].partition("/")[0].rpartition(":")
    if not host or not port.isdigit():
        return True
    return _listens(host.strip("[]"), int(port))


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=_CONNECT_SECONDS).close()
    except (OSError, OverflowError):
        return False
    return True


def _lacking(remote: Mapping[str, Any]) -> str:
    """Return what a task with these options asks for, where no node has all of it, and "" where one does."""
    asked = {
        "CPU": remote.get("num_cpus", 1),
        "GPU": remote.get("num_gpus"),
        "memory": remote.get("memory"),
        **(remote.get("resources") or {}),
    }
    needed = {name: float(amount) for name, amount in asked.items() if amount}
    for node in alive_nodes():
        if all(node["Resources"].get(name, 0.0) >= amount for name, amount in needed.items()):
            return ""
    return ", ".join(f"{amount:g} {name}" for name, amount in needed.items())


def _description() -> str:
    resources: dict[str, float] = ray.cluster_resources()
    count = len(alive_nodes())
    size = f"{resources.get('CPU', 0):g} CPUs, {resources.get('GPU', 0):g} GPUs"
    address = ray.get_runtime_context().gcs_address
    return f"ray {address}: {count} node{'' if count == 1 else 's'}, {size}"


def alive_nodes() -> list[dict[str, Any]]:
    """Return Ray's records of the nodes that are alive."""
    nodes: list[dict[str, Any]] = ray.nodes()
    return [node for node in nodes if node["Alive"]]


def is_alive(node_id: str) -> bool:
    """Return whether the node's raylet answers: Ray itself notices a dead one some seconds later."""
    node = next((node for node in alive_nodes() if node["NodeID"] == node_id), None)
    return node is not None and _listens(node["NodeManagerAddress"], node["NodeManagerPort"])
