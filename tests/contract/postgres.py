"""A PostgreSQL of our own on this machine, from Debian's package where that is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.patience import PATIENCE_SECONDS

_USER = "postgres"


def postgres_missing() -> str | None:
    """Return why no PostgreSQL can be started here; None where one can."""
    if not _programs():
        return "no PostgreSQL is installed (apt-get install postgresql)"
    if os.getuid() != 0:
        return "PostgreSQL is started as its own user, which only root can"
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return "psycopg is not installed (pip install 'sigtune[postgres]')"
    return None


@contextmanager
def own_postgres() -> Iterator[str]:
    """Start a PostgreSQL and give the URL of its empty database; skips the test where none can be started."""
    reason = postgres_missing()
    if reason is not None:
        pytest.skip(reason)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.chown(folder, _USER, _USER)
        _run(folder, "initdb", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync", "-D", "data")
        # No port: the server listens on a socket in the folder.
        options = ["-D", "data", "-c", "listen_addresses=", "-k", str(folder), "-c", "fsync=off"]
        server = subprocess.Popen(
            [_programs()[-1] / "postgres", *options],
            user=_USER,
            group=_USER,
            extra_groups=[],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait(folder)
            yield f"postgresql+psycopg://{_USER}@/postgres?host={folder}"
        finally:
            server.terminate()
            server.wait(timeout=PATIENCE_SECONDS)


def _programs() -> list[Path]:
    return sorted(Path("/usr/lib/postgresql").glob("*/bin"))


def _wait(folder: Path) -> None:
    deadline = time.monotonic() + 60
    command = [str(_programs()[-1] / "pg_isready"), "-h", str(folder)]
    while subprocess.run(command, capture_output=True, check=False).returncode:
        if time.monotonic() > deadline:
            raise TimeoutError("PostgreSQL does not answer")
        time.sleep(0.1)


def _run(folder: Path, program: str, *arguments: str) -> None:
    command = [str(_programs()[-1] / program), *arguments]
    subprocess.run(
        command, check=True, capture_output=True, user=_USER, group=_USER, extra_groups=[], cwd=folder
    )
