"""A process that has the libraries of sigtune imported, and forks a child for each run of a script.

`tests/app_process.py` starts it and speaks to it: standard input is a socket that the processes of a test run
connect to. From each come requests: each with the run's standard input, output and error, and a socket that
is told its process id and at the end its exit code.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import io
import json
import os
import pkgutil
import random
import runpy
import select
import shutil
import signal
import socket
import sys
import tempfile
import threading
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omegaconf import DictConfig, ListConfig

LARGEST_REQUEST = 1 << 20


@dataclass(frozen=True)
class Run:
    """What a process is to be: a script with its arguments, a folder, an environment."""

    arguments: list[str]
    folder: str
    environment: dict[str, str]
    start_new_session: bool


class Server:
    """Forks the runs and reports how they ended. Has one thread, as a process that forks must."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._clients: dict[int, socket.socket] = {}
        self._runs: dict[
            int, tuple[socket.socket, int]
        ] = {}  # by process id: where to report, and the client
        self._wake_up, wake_up_end = os.pipe()
        os.set_blocking(wake_up_end, False)
        self._wake_up_end = wake_up_end
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_up_end)

    def next_run(self) -> Run:
        """Return, in a child process of its own, the next run; exit when nobody will ask for more."""
        while True:
            ready, _, _ = select.select([self._listener.fileno(), self._wake_up, *self._clients], [], [])
            if self._wake_up in ready:
                os.read(self._wake_up, 4096)
                self._report_ended()
            if self._listener.fileno() in ready:
                client, _ = self._listener.accept()
                self._clients[client.fileno()] = client
            for number in self._clients.keys() & set(ready):
                message, descriptors, _, _ = socket.recv_fds(self._clients[number], LARGEST_REQUEST, 4)
                if not message:
                    self._leave(number)
                    continue
                run = self._fork(Run(**json.loads(message)), descriptors, number)
                if run is not None:
                    return run

    def _fork(self, run: Run, descriptors: list[int], client: int) -> Run | None:
        *streams, report_descriptor = descriptors
        report = socket.socket(fileno=report_descriptor)
        pid = os.fork()
        if not pid:
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
            self._close_in_child(report)
        for stream in streams:
            os.close(stream)
        if not pid:
            return run
        report.send(str(pid).encode())
        self._runs[pid] = (report, client)
        return None

    def _close_in_child(self, report: socket.socket) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        reports = [other for other, _ in self._runs.values()]
        for connection in (report, self._listener, *self._clients.values(), *reports):
            connection.close()
        os.close(self._wake_up)
        os.close(self._wake_up_end)

    def _report_ended(self) -> None:
        while self._runs:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            # Whoever started it may not want to know any more.
            report, _ = self._runs.pop(pid)
            with report, contextlib.suppress(BrokenPipeError):
                report.send(str(os.waitstatus_to_exitcode(status)).encode())

    def _leave(self, client: int) -> None:
        """End the runs of a process of the test run that has ended, and with the last one this process."""
        self._clients.pop(client).close()
        for pid, (_, owner) in self._runs.items():
            if owner == client:
                os.kill(pid, signal.SIGKILL)
        if not self._clients:
            shutil.rmtree(Path(self._listener.getsockname()).parent)
            os._exit(0)


def import_everything() -> None:
    """Import sigtune, and with it all the libraries it stands on; but for Ray and what is not installed."""
    gc.disable()
    # Whether there is a GPU must be found out without CUDA, which does not survive a fork.
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"
    import sigtune

    apart = (".executors.ray", "._", ".migrations.")  # Alembic runs the migrations' modules itself
    for module in pkgutil.walk_packages(sigtune.__path__, "sigtune."):
        if not any(part in module.name for part in apart):
            with contextlib.suppress(ImportError):
                importlib.import_module(module.name)
    _fill_caches()
    _keep_parsed_configs()
    _compose_once_for_a_run()
    gc.collect()
    gc.freeze()
    # What OmegaConf makes and drops while a config is composed sets collections off by the hundred.
    gc.set_threshold(100_000)
    gc.enable()


def _keep_parsed_configs() -> None:
    """Parse the configs of train.py and of Hydra, of which each run would parse dozens several times."""
    import hydra
    from omegaconf import OmegaConf

    load = OmegaConf.load
    folders = (Path(__file__).parents[1] / "conf", Path(hydra.__file__).parent / "conf")
    parsed = {
        file.read_text(encoding="utf-8"): OmegaConf.to_container(load(file))
        for folder in folders
        for file in folder.rglob("*.yaml")
    }

    def load_parsed(file_: str | Path | IO[Any]) -> DictConfig | ListConfig:
        if isinstance(file_, io.TextIOBase):
            content = parsed.get(file_.read())
            if content is not None:
                return OmegaConf.create(content)
            file_.seek(0)
        return load(file_)

    OmegaConf.load = load_parsed  # type: ignore[method-assign]


def _compose_once_for_a_run() -> None:
    """Spare each run a composition of its whole config, which Hydra makes to read `hydra.mode` alone from it.

    No config of a test sets it, and Hydra takes None for that; where an override does, Hydra looks.
    """
    from hydra._internal.hydra import Hydra

    read_mode = Hydra.get_mode

    def mode_of(self: Hydra, config_name: str | None, overrides: list[str], **of_hydra_1_4: Any) -> Any:
        is_set = any("hydra.mode" in override for override in overrides)
        return read_mode(self, config_name, overrides, **of_hydra_1_4) if is_set else None

    Hydra.get_mode = mode_of  # type: ignore[method-assign]


def _fill_caches() -> None:
    """Make what is made by the first use of Hydra, of a store and of the dashboard, and kept from then on."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.core.plugins import Plugins
    from omegaconf.grammar_parser import parse

    from sigtune.backend.driver import LocalDriver
    from sigtune.dashboard.templates import templates

    Plugins.instance()
    OverridesParser.create().parse_overrides(
        ["a.b=1", "+a=x y", "~a", "a/b@c=d", "a=[1e-3,'x']", "a={b:${c}}"]
    )
    parse("${a.b} ${c:d}")
    with tempfile.TemporaryDirectory() as folder:
        driver = LocalDriver(f"sqlite:///{folder}/sigopt.db")
        driver.request("GET", ["experiments"], {})
        driver.close()
    templates()


def become(run: Run) -> None:
    """Make this process what a fresh interpreter would be for the run."""
    import numpy as np
    import torch

    if run.start_new_session:
        os.setsid()
    os.chdir(run.folder)
    os.environ.clear()
    os.environ.update(run.environment)
    # OpenMP and numpy read these when they are loaded.
    if run.environment.get("OMP_NUM_THREADS", "").isdigit():
        torch.set_num_threads(int(run.environment["OMP_NUM_THREADS"]))
    np.random.seed()
    random.seed()
    sys.stdout.reconfigure(line_buffering=os.isatty(1))  # type: ignore[union-attr]
    sys.argv = list(run.arguments)
    sys.orig_argv = [sys.executable, *run.arguments]
    sys.path[0] = str(Path(run.arguments[0]).resolve().parent)


def run_script(script: str) -> None:
    """Run a script and end as an interpreter does, but for freeing the modules: that takes long."""
    code = 0
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as error:
        code = _exit_code(error)
    except BaseException as error:  # noqa: BLE001  # an interpreter shows every one
        _show(error, script)
        code = 1
        if isinstance(error, KeyboardInterrupt):
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            code = -signal.SIGINT
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    if code < 0:
        os.kill(os.getpid(), -code)
    os._exit(code)


def _exit_code(error: SystemExit) -> int:
    if error.code is None or isinstance(error.code, int):
        return (error.code or 0) & 0xFF
    print(error.code, file=sys.stderr)
    return 1


def _show(error: BaseException, script: str) -> None:
    """Print a traceback that begins where that of an interpreter begins: in the script itself."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != script:
        trace = trace.tb_next
    traceback.print_exception(error.with_traceback(trace or error.__traceback__))


def main() -> None:
    """Serve until a run is to be done, and then, in a child, do it."""
    import_everything()
    run = Server(socket.socket(fileno=os.dup(0))).next_run()
    become(run)
    run_script(run.arguments[0])


if __name__ == "__main__":
    main()
