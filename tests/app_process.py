"""`run` and `Popen` as in subprocess, for Python scripts that import torch, Lightning, Hydra or sigtune.

The processes are forked from one that has imported these, so each saves the seconds of importing. Otherwise a
script runs as in an interpreter of its own: it has its process id, arguments, folder, environment, signals,
standard input, output and error. What is different: standard input is empty unless given, modules are not
freed at the end, and options of the interpreter and variables that it reads when it starts (PYTHONPATH) are
refused. A test of what is imported, or of the program as it is started, uses subprocess itself.
"""

from __future__ import annotations

import atexit
import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import IO, Any

TEST_RUN = "SIGTUNE_TEST_RUN"
"""The variable that all processes of a test run share, and with it what forks."""

SERVER_ENDED = "what forks the runs of tests has ended; see why: python tests/app_server.py </dev/null"

StrPath = str | os.PathLike[str]


class Popen:
    """A process that runs a script: `Popen([sys.executable, script, *arguments])`, as subprocess has it.

    Raises ValueError for a command of another form. Texts, not bytes, come from its output.
    """

    def __init__(
        self,
        args: Sequence[StrPath],
        *,
        cwd: StrPath | None = None,
        env: Mapping[str, str] | None = None,
        stdin: int | None = None,
        stdout: int | IO[Any] | None = None,
        stderr: int | IO[Any] | None = None,
        text: bool = True,
        start_new_session: bool = False,
    ) -> None:
        self.args = [os.fspath(argument) for argument in args]
        environment = dict(os.environ if env is None else env)
        _check(self.args, environment, text)
        self.returncode: int | None = None
        self.stdout, output = _output(stdout, 1)
        self.stderr, error = (None, os.dup(output)) if stderr == subprocess.STDOUT else _output(stderr, 2)
        given = os.open(os.devnull, os.O_RDONLY) if stdin is None else os.dup(stdin)
        self._report, report_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._readers: list[_Reader] = []
        try:
            request = {
                "arguments": self.args[1:],
                "folder": os.fspath(cwd or Path.cwd()),
                "environment": environment,
                "start_new_session": start_new_session,
            }
            descriptors = [given, output, error, report_end.fileno()]
            try:
                socket.send_fds(_server(), [json.dumps(request).encode()], descriptors)
            except BrokenPipeError as cause:
                raise RuntimeError(SERVER_ENDED) from cause
        finally:
            for descriptor in (given, output, error):
                os.close(descriptor)
            report_end.close()
        self.pid = self._next_report()

    def _next_report(self) -> int:
        message = self._report.recv(64)
        if not message:
            raise RuntimeError(SERVER_ENDED)
        return int(message)

    def poll(self) -> int | None:
        """Return the exit code, or None while it is running."""
        if self.returncode is None and select.select([self._report], [], [], 0)[0]:
            self.returncode = self._next_report()
            self._report.close()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended and return its exit code; raises TimeoutExpired."""
        if self.returncode is None and not select.select([self._report], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        code = self.poll()
        assert code is not None
        return code

    def communicate(self, timeout: float | None = None) -> tuple[str | None, str | None]:
        """Read its output until that ends, wait until it has ended, and return what it wrote."""
        deadline = None if timeout is None else time.monotonic() + timeout
        if not self._readers:
            self._readers = [_Reader(stream) for stream in (self.stdout, self.stderr) if stream]
        for reader in self._readers:
            reader.join(None if deadline is None else max(0, deadline - time.monotonic()))
            if reader.is_alive():
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
        self.wait(None if deadline is None else max(0, deadline - time.monotonic()))
        texts = {reader.stream: reader.text for reader in self._readers}
        return (texts[self.stdout] if self.stdout else None, texts[self.stderr] if self.stderr else None)

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Popen:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for stream in (self.stdout, self.stderr):
            if stream:
                stream.close()
        self.wait()


def run(
    args: Sequence[StrPath],
    *,
    capture_output: bool = False,
    timeout: float | None = None,
    check: bool = False,
    **options: Any,
) -> subprocess.CompletedProcess[str]:
    """Run a script to its end, as subprocess.run does; `options` are those of Popen."""
    if capture_output:
        options |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with Popen(args, **options) as process:
        try:
            output, error = process.communicate(timeout)
        except BaseException:
            process.kill()
            raise
    result = subprocess.CompletedProcess(process.args, process.wait(), output, error)
    if check:
        result.check_returncode()
    return result


class _Reader(threading.Thread):
    """Reads a stream to its end and closes it, so that the process that writes never waits."""

    def __init__(self, stream: IO[str]) -> None:
        super().__init__(daemon=True)
        self.stream = stream
        self.text = ""
        self.start()

    def run(self) -> None:
        with self.stream:
            self.text = self.stream.read()


def _output(given: int | IO[Any] | None, own: int) -> tuple[IO[str] | None, int]:
    """Return the end of a pipe to read from, if asked for, and the descriptor that the process writes to."""
    if given == subprocess.PIPE:
        reading, writing = os.pipe()
        return os.fdopen(reading, encoding="utf-8"), writing
    if given == subprocess.DEVNULL:
        return None, os.open(os.devnull, os.O_WRONLY)
    if given is None:
        return None, os.dup(own)
    return None, os.dup(given if isinstance(given, int) else given.fileno())


def _check(command: Sequence[str], environment: Mapping[str, str], text: bool) -> None:
    if not text or command[0] != sys.executable or not command[1].endswith(".py"):
        raise ValueError(f"only a script of this interpreter, with text output, can be forked: {command}")
    for name, value in environment.items():
        if name.startswith("PYTHON") and value != _python_environment().get(name):
            raise ValueError(f"{name} has its effect when the interpreter starts: use subprocess")


@cache
def _python_environment() -> dict[str, str]:
    """The variables for the interpreter that the server is started with."""
    return {name: value for name, value in os.environ.items() if name.startswith("PYTHON")}


@cache
def _server() -> socket.socket:
    """Return the socket that takes requests; the process behind it is the same for all of a test run."""
    run = os.environ.get(TEST_RUN, str(os.getpid()))
    place = Path(tempfile.gettempdir()) / f"sigtune-tests-{run}"
    place.mkdir(mode=0o700, exist_ok=True)
    address = str(place / "requests")
    requests = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            requests.connect(address)
        except (FileNotFoundError, ConnectionRefusedError):  # nobody has started it, or it was killed
            Path(address).unlink(missing_ok=True)
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
                listener.bind(address)
                listener.listen()
                _start_server(listener)
            requests.connect(address)
    atexit.register(requests.close)
    return requests


def _start_server(listener: socket.socket) -> None:
    # The last is read as a program begins: a GPU's driver may lie there.
    kept = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("app_server.py"))],
        stdin=listener.fileno(),
        stdout=subprocess.DEVNULL,
        # What forks must have one thread: numpy's library starts as many as there are cores.
        env=environment | _python_environment() | {"OPENBLAS_NUM_THREADS": "1"},
        start_new_session=True,
    )
    # It ends after the last process of the test run, whoever started it: nobody is to wait for it.
    process.returncode = 0
