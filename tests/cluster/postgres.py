"""A PostgreSQL server of our own on this machine."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from .debian import require, require_root
from .processes import Processes, cluster_folder, free_ports, wait_until

USER = "postgres"
PASSWORD = "hunter2"  # which the server does not ask for, and nobody is to write down


class Postgres:
    """The running server, with an empty database for each test that asks for one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._port = free_ports(1)[0]
        self._programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        self.processes = Processes(folder, os.environ)
        self._databases = 0

    def create(self) -> None:
        """Make the files of the server."""
        shutil.chown(self.folder, USER, USER)
        options = ["--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]
        self._run("initdb", f"--pgdata={self.folder}/data", *options)

    def start(self) -> None:
        """Start the server, for the first time or again."""
        options = [f"-p{self._port}", "-clisten_addresses=127.0.0.1", f"-k{self.folder}"]
        command = [str(self._programs / "postgres"), "-D", str(self.folder / "data"), *options]
        self.processes.start("postgres", command, user=USER)
        wait_until(self._answers, "PostgreSQL")

    def stop_at_once(self) -> None:
        """Stop the server as a crash does; it recovers when it is started again."""
        self.processes.stop("postgres", signal.SIGQUIT)

    def new_database(self) -> str:
        """Create an empty database; return its URL, as `sigopt.store` takes it."""
        self._databases += 1
        name = f"search{self._databases}"
        self._run("createdb", "--host=127.0.0.1", f"--port={self._port}", name)
        return f"postgresql+psycopg://{USER}:{PASSWORD}@127.0.0.1:{self._port}/{name}"

    def _answers(self) -> bool:
        command = [str(self._programs / "pg_isready"), "--host=127.0.0.1", f"--port={self._port}"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        subprocess.run(
            command, check=True, capture_output=True, user=USER, group=USER, extra_groups=[], cwd=self.folder
        )


@contextlib.contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Start a PostgreSQL server and end it."""
    require_root()
    require("postgresql")
    with cluster_folder("postgres") as folder:
        server = Postgres(folder)
        with server.processes:
            server.create()
            server.start()
            yield server
