"""A dashboard on a real port of this machine, and what a browser without scripts does with it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser

import requests

from sigtune.dashboard.serve import DashboardOptions, new_server
from sigtune.dashboard.source import Driver
from tests.patience import PATIENCE_SECONDS


@contextmanager
def running_dashboard(
    connect: Callable[[str], Driver], *, needs_token: bool = False, place: str = ""
) -> Iterator[str]:
    """Run a dashboard in a thread, and give its address."""
    server = new_server(connect, DashboardOptions(port=0), needs_token=needs_token, place=place)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            thread.join(timeout=0.01)
            assert thread.is_alive()
        [listener] = server.servers[0].sockets
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@dataclass
class Visitor:
    """A browser: cookies, the origin that it says it is on, and the CSRF token of the last page."""

    url: str
    session: requests.Session = field(default_factory=requests.Session)

    def status_as_typed(self, path: str) -> int:
        """Return the status of the answer to a path that is sent as it stands: nothing is normalised."""
        request = requests.Request("GET", self.url).prepare()
        request.url = self.url + path
        return self.session.send(request, timeout=PATIENCE_SECONDS).status_code

    def get(self, path: str, code: int = 200) -> str:
        response = self.session.get(self.url + path, timeout=PATIENCE_SECONDS)
        assert response.status_code == code, response.text
        return response.text

    def post(
        self, path: str, form: Mapping[str, str] | None = None, *, code: int = 200, origin: str | None = None
    ) -> str:
        """Send a form as the page would, and return the page that follows."""
        found = re.search(r'name="csrf" value="(\w+)"', self.get("/?state=all"))
        token = {"csrf": found[1]} if found else {}
        response = self.session.post(
            self.url + path,
            data={**token, **(form or {})},
            headers={"origin": self.url if origin is None else origin},
            timeout=PATIENCE_SECONDS,
        )
        assert response.status_code == code, response.text
        return response.text


def text_of(html: str) -> str:
    """Return what a reader sees of a page, with single blanks."""
    parts: list[str] = []

    class Reader(HTMLParser):
        def handle_data(self, data: str) -> None:
            parts.append(data)

    Reader().feed(html)
    return " ".join(" ".join(parts).split())
