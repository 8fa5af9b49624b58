"""The processes of a cluster: each started in the foreground, and ended by its own id, in reverse order."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType

import psutil

STOP_SECONDS = 20


class Processes:
    """Named processes of one cluster, with a log each in the cluster's folder."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment = dict(environment)
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, command: Sequence[str], user: str | None = None) -> None:
        """Start a process that stays in the foreground, as another user where one is named."""
        with (self.folder / f"{name}.out").open("ab") as log:
            self._running[name] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=self.environment,
                user=user,
                group=user,
                extra_groups=None if user is None else [],
                start_new_session=True,  # a Ctrl-C at the tests is for them to answer
            )

    def pid(self, name: str) -> int:
        """Return the id of a process that runs."""
        return self._running[name].pid

    def is_running(self, name: str) -> bool:
        """Return whether the process was started and has not ended."""
        return name in self._running and self._running[name].poll() is None

    def kill(self, name: str) -> None:
        """End the process as a power cut does."""
        process = self._running.pop(name)
        process.kill()
        process.wait()

    def stop(self, name: str, number: signal.Signals = signal.SIGTERM) -> None:
        """Ask the process to end, and see to it that it and those that it started have ended."""
        process = self._running.pop(name)
        family = _family(process.pid)
        process.send_signal(number)
        try:
            process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()  # psutil has looked that the id is still this process's

    def __enter__(self) -> "Processes":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in reversed(list(self._running)):
            self.stop(name)


def _family(pid: int) -> list[psutil.Process]:
    try:
        return list(psutil.Process(pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def kill_with_children(process: psutil.Process) -> None:
    """Kill a process and what it started at once, as the death of its machine does."""
    for member in (process, *_family(process.pid)):
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()


@contextlib.contextmanager
def cluster_folder(name: str) -> Iterator[Path]:
    """Make a temporary folder that every user may enter: services run as users of their own."""
    folder = Path(tempfile.mkdtemp(prefix=f"sigtune-{name}-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        if "SIGTUNE_KEEP_CLUSTERS" not in os.environ:
            shutil.rmtree(folder, ignore_errors=True)


def free_ports(count: int) -> list[int]:
    """Return ports of this machine that nobody listens on now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


def wait_until(condition: Callable[[], object], what: str, seconds: float = 60) -> None:
    """Wait for the condition; fail with `what` was waited for after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain for {what}"
        time.sleep(0.1)
