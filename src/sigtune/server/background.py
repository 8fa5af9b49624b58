"""A server in a thread of this process: for tests, notebooks and benchmarks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from sigtune.backend.api import Api
from sigtune.errors import Problem, UsageError
from sigtune.server.serve import Pages, ServerOptions, new_server


@contextmanager
def running_server(api: Api, options: ServerOptions, pages: Pages | None = None) -> Iterator[str]:
    """Answer from the store of `api` in a thread of its own, and give the server's URL.

    The port 0 stands for any that is free. At the end the requests that are being answered are finished.
    """
    server = new_server(api, options, pages)
    thread = threading.Thread(target=server.run, name="sigtune-server")
    thread.start()
    try:
        while not server.started:
            thread.join(timeout=0.01)
            if not thread.is_alive():
                raise UsageError([Problem("--port", f"{options.port} cannot be used", "another port")])
        [socket] = server.servers[0].sockets
        yield replace(options, port=socket.getsockname()[1]).url
    finally:
        server.should_exit = True
        thread.join()
