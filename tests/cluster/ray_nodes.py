"""A Ray cluster of several nodes on this machine: a head without CPUs, and workers that join it."""

import contextlib
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

from .processes import Processes, cluster_folder, free_ports, wait_until

STORE_BYTES = 100_000_000
START_SECONDS = 90
COUNT_ALIVE = (
    "import sys, ray; ray.init(address=sys.argv[1], log_to_driver=False, logging_level='error'); "
    "print(sum(node['Alive'] for node in ray.nodes()))"
)


class RayNodes:
    """The running cluster. Its head is named head, its workers worker1, worker2 and so on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_ports(1)[0]
        self.address = f"127.0.0.1:{self.port}"
        # Ray turns tokens on where it finds one on this machine; this cluster has one of its own.
        self.environment = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        self.processes = Processes(folder, {**os.environ, **self.environment, "RAY_USAGE_STATS_ENABLED": "0"})
        self.workers: list[str] = []

    def start_head(self) -> None:
        """Start the node that the others and the searches join."""
        head = ["--head", f"--port={self.port}", "--num-cpus=0", "--include-dashboard=false"]
        self._start("head", *head, f"--temp-dir={self.folder}/session")
        wait_until(lambda: self._alive() == 1, "the Ray head", START_SECONDS)

    def add_worker(self, cpus: int = 2, hidden: Path | None = None) -> str:
        """Start a node more; `hidden` is a folder of this machine that it does not share."""
        before = self._alive()
        name = f"worker{len(self.workers) + 1}"
        self._start(name, f"--address={self.address}", f"--num-cpus={cpus}", hidden=hidden)
        self.workers.append(name)
        wait_until(lambda: self._alive() > before, f"Ray's {name}", START_SECONDS)
        return name

    def kill_worker(self, name: str) -> None:
        """Kill the node's raylet. Ray's own watch over its node ends the rest of it."""
        processes = psutil.Process(self.processes.pid(name)).children(recursive=True)
        next(process for process in processes if process.name() == "raylet").kill()

    def _start(self, name: str, *options: str, hidden: Path | None = None) -> None:
        common = ["--node-ip-address=127.0.0.1", f"--object-store-memory={STORE_BYTES}", "--block"]
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", *options, *common]
        if hidden is not None:
            mount = 'mount -t tmpfs none "$0" && exec "$@"'
            command = ["unshare", "--mount", "sh", "-c", mount, str(hidden), *command]
        self.processes.start(name, command)

    def _alive(self) -> int:
        run = subprocess.run(
            [sys.executable, "-c", COUNT_ALIVE, self.address],
            env=self.processes.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return int(run.stdout or 0)


@contextlib.contextmanager
def running_ray(workers: int = 2) -> Iterator[RayNodes]:
    """Start a Ray cluster and end it, node by node in the reverse order."""
    with cluster_folder("ray") as folder:
        nodes = RayNodes(folder)
        with nodes.processes:
            nodes.start_head()
            for _ in range(workers):
                nodes.add_worker()
            yield nodes
