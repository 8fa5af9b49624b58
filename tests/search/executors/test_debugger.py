"""A debugger in a job: with `hydra/launcher=basic` jobs run in the process and terminal of the sweep."""

import os
import pty
import select
import subprocess
import time

from tests.patience import PATIENCE_SECONDS

from ..sweep_app import SweepApp


class Terminal:
    """A pseudo-terminal with the sweep on it; what stands on it is read as a person would."""

    def __init__(self, app: SweepApp, *arguments: str) -> None:
        self._end, theirs = pty.openpty()
        self.process = subprocess.Popen(
            app.command(*arguments),
            cwd=app.folder,
            env={**app.environment, "TERM": "xterm"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)

    def type(self, line: str) -> None:
        os.write(self._end, f"{line}\n".encode())

    def read_until(self, text: str) -> str:
        """Return what was printed up to the text."""
        printed, deadline = "", time.monotonic() + PATIENCE_SECONDS
        while text not in printed:
            assert time.monotonic() < deadline, f"no {text!r} in {printed!r}"
            if select.select([self._end], [], [], 1)[0]:
                printed += os.read(self._end, 65536).decode()
        return printed

    def is_quiet(self, seconds: float) -> bool:
        """Return whether nothing is printed for so long."""
        return not select.select([self._end], [], [], seconds)[0]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._end)


def test_a_breakpoint_in_a_job_opens_a_debugger_on_the_terminal(app: SweepApp) -> None:
    terminal = Terminal(app, "++ends={1: breakpoint, 2: set_trace}", "sigopt.observation_budget=3")
    try:
        for statement in ("breakpoint", "set_trace"):
            assert terminal.read_until("(Pdb) ").endswith("(Pdb) ")
            assert terminal.is_quiet(2)  # no status line is drawn over what is typed
            terminal.type("p 'the way is', way")
            assert f"('the way is', '{statement}')" in terminal.read_until("(Pdb) ")
            terminal.type("continue")
        printed = terminal.read_until("extend ")
        assert "3 observed (0 failed)" in printed
        assert terminal.process.wait(timeout=PATIENCE_SECONDS) == 0
    finally:
        terminal.close()
    assert [observed.failed for observed in app.observations()] == [False, False, False]
