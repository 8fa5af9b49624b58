"""Tiny archives in Speech Commands' layout, and a server that publishes them."""

import hashlib
import io
import tarfile
import threading
import wave
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sigtune.data.commands import COMMANDS

Files = Mapping[str, bytes]
"""Names within an archive, and contents."""


def encode_wav(samples: ArrayLike, *, rate: int = 16_000) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.asarray(samples, dtype="<i2").tobytes())
    return buffer.getvalue()


def make_files() -> dict[str, bytes]:
    """Return 40, 10, 10 clips of commands, 30, 6, 6 of other words, and 12 s of noise."""
    generator = np.random.default_rng(1)
    files: dict[str, bytes] = {}
    held_out: dict[str, list[str]] = {"validation_list.txt": [], "testing_list.txt": []}

    def add(word: str, speaker: str, number: int, list_name: str = "") -> None:
        name = f"{word}/{speaker}_nohash_{number}.wav"
        length = int(generator.choice([11_000, 16_000, 18_000]))
        files[name] = encode_wav(generator.integers(-9000, 9000, length))
        if list_name:
            held_out[list_name].append(name)

    for word in COMMANDS:
        for number in range(4):
            add(word, "0aaa", number)
        add(word, "1bbb", 0, "validation_list.txt")
        add(word, "2ccc", 0, "testing_list.txt")
    for word in ("bed", "bird", "cat", "dog", "tree", "wow"):
        for number in range(5):
            add(word, "0ddd", number)
        add(word, "1eee", 0, "validation_list.txt")
        add(word, "2fff", 0, "testing_list.txt")
    for name in ("hum", "rain"):
        files[f"_background_noise_/{name}.wav"] = encode_wav(generator.integers(-3000, 3000, 6 * 16_000))
    files["_background_noise_/README.md"] = b"Noise."
    for name, lines in held_out.items():
        files[name] = "".join(f"{line}\n" for line in lines).encode()
    return files


def pack(files: Files, *extra: tarfile.TarInfo) -> bytes:
    """Make a .tar.gz of the files, and of ready-made TarInfo members without content."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"./{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        for member in extra:
            tar.addfile(member)
    return buffer.getvalue()


class Publisher:
    """A real HTTP server on loopback: `publish` gives bytes an address, `requests` lists the paths got."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[bytes, int]] = {}
        self.requests: list[str] = []
        publisher = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                publisher.requests.append(self.path)
                if self.path not in publisher.pages:
                    self.send_error(404)
                    return
                content, announced = publisher.pages[self.path]
                self.send_response(200)
                self.send_header("Content-Length", str(announced))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def publish(self, content: bytes, *, announced: int | None = None) -> dict[str, str]:
        """Return the url and the true checksum of the content; `announced` is a false Content-Length."""
        path = f"/{len(self.pages)}.tar.gz"
        self.pages[path] = content, announced or len(content)
        return {"url": self.url(path), "sha256": hashlib.sha256(content).hexdigest()}

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server.server_port}{path}"

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
