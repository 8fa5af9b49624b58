"""Text on a terminal: lines that fit, broken between words, and commands as a shell lets one break them."""

from __future__ import annotations

import os
import shlex
import sys
from textwrap import wrap
from typing import TextIO

LABEL_WIDTH = 8
"""How wide the label is that a line begins with, such as `search`."""


def width_of(stream: TextIO) -> int | None:
    """Return how many columns a terminal has; None where the stream is none, for there lines stay whole."""
    return os.get_terminal_size(stream.fileno()).columns or 80 if stream.isatty() else None


def print_wrapped(text: str, indent: int, stream: TextIO) -> None:
    """Print a line, on a terminal in several that fit, the later ones indented."""
    width = width_of(stream)
    print("\n".join([text] if width is None else wrapped(text, width, indent)), file=stream)


def print_with_command(text: str, command: str, stream: TextIO) -> None:
    """Print a line that ends in a command, which on a narrow terminal has lines of its own."""
    width = width_of(stream)
    lines = [f"{text} {command}"]
    if width is not None and len(lines[0]) > width:
        lines = [*wrapped(text, width, 0), *(f"  {line}" for line in command_lines(command, width - 2))]
    print("\n".join(lines), file=stream)


def print_command(label: str, command: str) -> None:
    """Print a command to type next, on a terminal in lines that fit."""
    width = width_of(sys.stdout)
    lines = [command] if width is None else command_lines(command, width - LABEL_WIDTH - 1)
    for index, line in enumerate(lines):
        print(f"{'' if index else label:<{LABEL_WIDTH}} {line}")


def wrapped(text: str, width: int, indent: int) -> list[str]:
    """Return the text in lines of up to `width`; a word that is longer stays whole."""
    return [
        part
        for line in text.split("\n")
        for part in wrap(
            line,
            width,
            subsequent_indent=" " * indent,
            break_long_words=False,
            break_on_hyphens=False,
            drop_whitespace=True,
            replace_whitespace=False,
        )
        or [""]
    ]


def command_lines(command: str, width: int) -> list[str]:
    """Return the command in lines of up to `width`, broken between arguments as a shell lets one break it."""
    lines = [""]
    for argument in (shlex.quote(one) for one in shlex.split(command)):
        if lines[-1] and len(lines[-1]) + len(argument) + len("  \\") > width:
            lines[-1] += " \\"
            lines.append("  " + argument)
        else:
            lines[-1] += f" {argument}" if lines[-1] else argument
    return lines
