"""The interpreter that pytest-xdist starts for each of its processes (tests/conftest.py names it).

It has the process forked by `tests/app_server.py`, which saves the seconds of importing torch and sigtune,
and ends when that does, with its exit code. Whoever kills this kills that: the server sees that nobody waits.
"""

import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests import app_process


def main() -> None:
    """Start the process that reads from this one's standard input what it is to do, and wait for its end."""
    # Ctrl-C reaches all of a terminal's processes: pytest's own ends the others.
    signal.signal(signal.SIGINT, lambda *_: None)
    script = Path(__file__).with_name("xdist_worker.py")
    sys.exit(app_process.Popen([sys.executable, script], stdin=0).wait())


if __name__ == "__main__":
    main()
