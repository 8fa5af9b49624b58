"""What a search looks like on a narrow terminal."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import shlex
import struct
import subprocess
import termios
from contextlib import suppress

import pytest

from sigtune.definition.metrics import Metric
from sigtune.definition.ranking import best, best_first
from sigtune.report.observed import Observed
from sigtune.search.display import Display
from tests import app_process
from tests.patience import PATIENCE_SECONDS

from .sweep_app import SweepApp

COMMAND = (
    "python examples/two_numbers.py -m hydra/launcher=joblib sigopt.parallel_bandwidth=4 "
    "'sharpness=choice(1,2,4)' sigopt.experiment_id=17"
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


WIDTHS = pytest.mark.parametrize("width", [60, 80])


def open_display(width: int, monkeypatch: pytest.MonkeyPatch) -> tuple[Display, Terminal]:
    """Return a display on a terminal of so many columns."""
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    for name, value in {"COLUMNS": str(width), "TERM": "xterm", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    return Display(3), terminal


@WIDTHS
def test_a_command_fits_and_is_run_as_it_is_copied(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    shown, terminal = open_display(width, monkeypatch)
    shown.command("resume", COMMAND)
    lines = terminal.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    copied = "\n".join(lines).removeprefix("resume").replace("\\\n", " ")
    assert shlex.split(copied) == shlex.split(COMMAND)


@WIDTHS
def test_a_line_is_broken_between_words(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    shown, terminal = open_display(width, monkeypatch)
    text = (
        "job 3  val_loss 0.0743  module.hidden=57 module.learning_rate=0.07805  multirun/2026-11-27/13-23-37"
    )
    shown.labelled("best", text)
    lines = terminal.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert " ".join(lines).split() == ["best", *text.split()]


def test_a_table_shows_texts_of_others_as_they_are_and_obeys_none(monkeypatch: pytest.MonkeyPatch) -> None:
    shown, terminal = open_display(80, monkeypatch)
    kinds = ["\x1b[2Jclear", "[bold]b", "[/never opened]"]
    rows = [Observed(1, {"kind": kind, "[/x]": 1}, {"[red]m": 1.0}, "", [], None, {}) for kind in kinds]
    shown.table(rows, rows[:1])
    text = terminal.getvalue()
    assert "\x1b[2J" not in text
    for shown_text in ("\\x1b[2Jclear", "[bold]b", "[/never opened]", "[/x]", "[red]m"):
        assert shown_text in text


def test_of_slots_that_stay_empty_it_is_said_what_would_use_them(monkeypatch: pytest.MonkeyPatch) -> None:
    shown, terminal = open_display(120, monkeypatch)
    shown.few_slots("basic", 1)
    shown.few_slots("joblib", 2)
    basic, joblib = terminal.getvalue().splitlines()
    assert "the basic launcher runs 1 job at a time; hydra/launcher=joblib keeps all slots busy" in basic
    assert "the joblib launcher runs 2 jobs at a time; hydra.launcher.n_jobs=-1 keeps" in joblib


def test_the_best_observation_comes_first_and_failures_last() -> None:
    metrics = [Metric("loss", "minimize")]
    observed = [
        Observed(number, {}, None if loss is None else {"loss": loss}, "", ())
        for number, loss in enumerate([0.5, None, 0.2, 0.9], start=1)
    ]
    assert [one.number for one in best_first(observed, metrics)] == [3, 1, 4, 2]
    assert best_first(observed, metrics)[:1] == best(observed, metrics)


@WIDTHS
def test_the_status_line_of_a_search_is_cut_with_an_ellipsis(app: SweepApp, width: int) -> None:
    master, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    slots = ("hydra/launcher=joblib", "sigopt.parallel_bandwidth=2", "seconds=1")
    metrics = "sigopt.metrics=[{name: height}, {name: size, strategy: store}]"
    process = app_process.Popen(
        app.command(*slots, metrics, "sigopt.observation_budget=3"),
        cwd=app.folder,
        env={**app.environment, "TERM": "xterm"},
        stdout=terminal,
        stderr=subprocess.STDOUT,
    )
    os.close(terminal)
    shown = read_terminal(master)
    assert process.wait(timeout=PATIENCE_SECONDS) == 0, shown
    states = [line for line in re.split(r"[\r\n]+", shown) if "busy" in line]
    long = [line for line in states if "best height" in line]
    assert long
    assert all(len(line) == width and line.endswith("…") for line in long)
    assert max(map(len, states)) <= width


def read_terminal(master: int) -> str:
    """Return what is written to a terminal until its programs have ended, without control sequences."""
    written = bytearray()
    with os.fdopen(master, "rb", buffering=0) as file, suppress(OSError):
        while part := file.read(4096):
            written += part
    return re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", written.decode())
