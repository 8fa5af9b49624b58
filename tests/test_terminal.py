"""Lines on a terminal: of its width, broken between words, and commands so that a shell takes them."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import shlex
import struct
import termios
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

import pytest

from sigtune.terminal import print_command, print_with_command, print_wrapped

PROBLEM = "  trainer.gpus=one   expected an integer, e.g. trainer.gpus=1  → multirun/2026-11-27/20-59-03/long"
COMMAND = (
    "python train.py -m 'model=choice(sparse_cnn, dense_cnn)' hydra/sweeper=sigopt sigopt.experiment_id=7"
)


def shown(width: int, write: Callable[[TextIO], None]) -> list[str]:
    """Return the lines that are written to a terminal of that width."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    with os.fdopen(slave, "w") as terminal:
        write(terminal)
    with os.fdopen(master, "rb", buffering=0) as file:
        written = bytearray()
        with suppress(OSError):
            while part := file.read(4096):
                written += part
    return written.decode().splitlines()


@pytest.mark.parametrize("width", [60, 80])
def test_a_line_is_broken_between_words(width: int) -> None:
    lines = shown(width, lambda terminal: print_wrapped(PROBLEM, 6, terminal))
    assert len(lines) > 1
    assert max(map(len, lines)) <= width
    assert " ".join(lines).split() == PROBLEM.split()
    assert all(line.startswith(" " * 6) for line in lines[1:])


@pytest.mark.parametrize("width", [60, 80])
def test_a_command_is_broken_so_that_a_shell_takes_it(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(terminal: TextIO) -> None:
        monkeypatch.setattr("sys.stdout", terminal)
        print_command("search", COMMAND)

    lines = shown(width, write)
    monkeypatch.undo()
    assert len(lines) > 1
    assert max(map(len, lines)) <= width
    assert all(line.endswith("\\") for line in lines[:-1])  # which joins it with the next
    assert shlex.split(" ".join(line.rstrip("\\") for line in lines)) == ["search", *shlex.split(COMMAND)]


def test_a_command_that_does_not_fit_behind_a_text_has_lines_of_its_own() -> None:
    text = "nothing was run. Show the full config:"
    show = "python train.py --cfg job"
    assert shown(80, lambda terminal: print_with_command(text, show, terminal)) == [f"{text} {show}"]
    assert shown(60, lambda terminal: print_with_command(text, show, terminal)) == [text, f"  {show}"]


def test_off_a_terminal_a_line_stays_whole() -> None:
    file = io.StringIO()
    print_wrapped(PROBLEM, 6, file)
    assert file.getvalue() == f"{PROBLEM}\n"
