"""`--help`, without what nobody chooses."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

_GROUP = re.compile(r"[\w/]+: .+")


@contextmanager
def schemas_hidden() -> Iterator[None]:
    """Leave the schemas of config groups out of what Hydra's `--help` prints inside the block."""
    printed = io.StringIO()
    try:
        with redirect_stdout(printed):
            yield
    finally:
        groups, separator, config = printed.getvalue().partition("== Config ==")
        lines = (_without_schemas(line) if _GROUP.fullmatch(line) else line for line in groups.splitlines())
        sys.stdout.write("\n".join(line for line in lines if line is not None) + "\n" + separator + config)


def _without_schemas(line: str) -> str | None:
    """Return the line of a group with what can be chosen; None where nothing can."""
    group, _, choices = line.partition(": ")
    left = [choice for choice in choices.split(", ") if not choice.endswith("schema")]
    return f"{group}: {', '.join(left)}" if left else None
