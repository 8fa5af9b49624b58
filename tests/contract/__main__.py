"""`python -m tests.contract`: how many of the recorded calls are answered as the real server did."""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.contract.known_differences import NOT_SENT, WITHOUT_A_PORT
from tests.contract.postgres import postgres_missing
from tests.contract.replay import Line, Sender, replay, scenarios
from tests.contract.senders import sender_to


def main() -> int:
    """Print the share by path and tier, and each call that differs; return 1 where one is not known to."""
    reason = postgres_missing()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with sender_to("driver", folder) as sender:
            unknown = report("LocalDriver on SQLite", sender, {**NOT_SENT, **WITHOUT_A_PORT})
        with sender_to("server", folder) as sender:
            unknown += report("HTTP on SQLite", sender, NOT_SENT)
        if reason is not None:
            print(f"HTTP on PostgreSQL: skipped, {reason}")
        else:
            with sender_to("postgresql", folder) as sender:
                unknown += report("HTTP on PostgreSQL", sender, NOT_SENT)
    return 1 if unknown else 0


def report(path: str, sender: Sender, known: dict[str, str]) -> int:
    """Print the share of one path, and return how many calls differ without a reason."""
    calls, alike, unknown = Counter[int](), Counter[int](), 0
    for lines in scenarios().values():
        calls.update(line.tier for line in lines)
        for line, found in replayed(sender, lines, known):
            alike[line.tier] += not found
            unknown += bool(found)
            if found:
                print(f"  {line.name} {line.method} {line.path}: {found[0]}")
    for tier in sorted(calls):
        print(f"{path}, tier {tier}: {alike[tier]} of {calls[tier]} ({alike[tier] / calls[tier]:.1%})")
    print(f"{path}: {alike.total()} of {calls.total()}; {len(known)} differ for a known reason")
    return unknown


def replayed(sender: Sender, lines: list[Line], known: dict[str, str]) -> list[tuple[Line, list[str]]]:
    """Return the calls of a scenario with what differs; one that broke off counts as different."""
    results: list[tuple[Line, list[str]]] = []
    try:
        results.extend(replay(sender, lines, known))
    except Exception as error:  # noqa: BLE001  # a handler that raises is a difference to report
        print(f"  {lines[0].scenario} broke off: {error!r}")
    return results


if __name__ == "__main__":
    sys.exit(main())
