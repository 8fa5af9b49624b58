"""A small synthetic data set, made once by the real voices, and tiny archives in Speech Commands' layout."""

import hashlib
import io
import tarfile
import threading
import wave
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from sigtune.data.commands import COMMANDS
from sigtune.data.synthetic_commands import SyntheticCommands

SIZES = {"train": 60, "validation": 24, "test": 24}


@pytest.fixture(scope="session")
def synthetic_dir(tmp_path_factory):
    """A data_dir in which the small synthetic set is already made: for tests that only read it."""
    folder = tmp_path_factory.mktemp("synthetic")
    SyntheticCommands(folder, SIZES, seed=0).prepare()
    return folder


@pytest.fixture(scope="session")
def synthetic(synthetic_dir):
    return SyntheticCommands(synthetic_dir, SIZES, seed=0)


def encode_wav(samples, *, rate=16_000, width=2):
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(np.asarray(samples, dtype={1: "u1", 2: "<i2"}[width]).tobytes())
    return buffer.getvalue()


@pytest.fixture(scope="session")
def tiny_files():
    """Members of a tiny archive: 40, 10, 10 clips of commands, 30, 6, 6 of other words, 12 s of noise."""
    generator = np.random.default_rng(1)
    files, held_out = {}, {"validation_list.txt": [], "testing_list.txt": []}

    def add(word, speaker, number, list_name=None):
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


def pack(files, *extra):
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


@pytest.fixture(scope="session")
def tiny_archive(tiny_files):
    return pack(tiny_files)


@pytest.fixture
def tiny_root(tiny_files, tmp_path):
    """The tiny archive unpacked, as a user may have it."""
    folder = tmp_path / "unpacked"
    for name, content in tiny_files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


class Publisher:
    """A real HTTP server on loopback: `publish` gives bytes an address, `requests` lists the paths got."""

    def __init__(self):
        self.pages, self.requests = {}, []
        publisher = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                publisher.requests.append(self.path)
                if self.path not in publisher.pages:
                    self.send_error(404)
                    return
                content, announced = publisher.pages[self.path]
                self.send_response(200)
                self.send_header("Content-Length", str(announced))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def publish(self, content, *, announced=None):
        """Return the url and the true checksum of the content; `announced` is a false Content-Length."""
        path = f"/{len(self.pages)}.tar.gz"
        self.pages[path] = content, announced or len(content)
        return {"url": self.url(path), "sha256": hashlib.sha256(content).hexdigest()}

    def url(self, path):
        return f"http://127.0.0.1:{self.server.server_port}{path}"

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def publisher():
    publisher = Publisher()
    yield publisher
    publisher.close()


@pytest.fixture(name="pack", scope="session")
def fixture_pack():
    return pack


@pytest.fixture(name="encode_wav", scope="session")
def fixture_encode_wav():
    return encode_wav
