"""The command `sigtune`, for whichever SigOpt the environment names.

Exit codes: 0 done, 2 wrong input or what SigOpt refuses, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from sigtune.cli import (
    archive,
    best,
    dashboard,
    exports,
    extend,
    imports,
    listing,
    migrate,
    queueing,
    report,
    server,
    show,
    tokens,
)
from sigtune.errors import UsageError, format_problems

_SUBCOMMANDS = (
    dashboard,
    server,
    tokens,
    listing,
    show,
    best,
    report,
    extend,
    exports,
    imports,
    archive,
    queueing,
    migrate,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand and return the exit code."""
    options = _parser().parse_args(arguments)
    from sigopt.exception import ApiException, ConnectionException  # after --help, which needs no client

    try:
        options.run(options)
    except UsageError as error:
        count = len(error.problems)
        print(f"error: {count} problem{'s' if count > 1 else ''}", file=sys.stderr)
        for line in format_problems(error.problems):
            print(f"  {line}", file=sys.stderr)
        return 2
    except (ApiException, ConnectionException) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sigtune", description="A SigOpt of your own, and what is in it.")
    subparsers = parser.add_subparsers(required=True, metavar="command")
    for subcommand in _SUBCOMMANDS:
        subcommand.add_parser(subparsers)
    return parser


if __name__ == "__main__":
    sys.exit(main())
