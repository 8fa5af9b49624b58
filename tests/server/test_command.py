"""`sigtune server` as a process: what it says, over TLS too, and how it ends."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from sigopt import Connection
from tests.patience import PATIENCE_SECONDS

from sigtune.backend.store import Store
from sigtune.server.tokens import create_token


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def command(store: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Start `sigtune server` and give the process and the lines that it says first."""
    arguments = [
        sys.executable,
        "-m",
        "sigtune.cli.main",
        "server",
        "--store",
        f"sqlite:///{store}",
        *options,
    ]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process, [process.stdout.readline().strip() for _ in range(2)]
    finally:
        process.kill()
        process.communicate()


def wait_for(url: str, verify: str | bool = True) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_healthy(url, verify):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_healthy(url: str, verify: str | bool) -> bool:
    try:
        answer = requests.get(f"{url}/health", timeout=PATIENCE_SECONDS, verify=verify)
    except requests.ConnectionError:
        return False
    return bool(answer.json() == {"status": "ok"})


def test_what_the_server_says_is_what_the_client_needs_and_it_ends_when_told_to(store_file: Path) -> None:
    store = Store(f"sqlite:///{store_file}")
    token = create_token(store, "test")
    store.close()
    with command(store_file, "--port", str(free_port())) as (process, said):
        exported = dict(re.findall(r"(SIGOPT_\w+)=(\S+)", said[1]))
        assert exported["SIGOPT_API_URL"] in said[0]
        assert token not in "".join(said)
        wait_for(exported["SIGOPT_API_URL"])
        connection = Connection(client_token=token)
        connection.set_api_url(exported["SIGOPT_API_URL"])
        assert connection.experiments().fetch().count == 0
        connection.impl.driver.session.close()
        process.send_signal(signal.SIGTERM)
        _output, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode in (0, -signal.SIGTERM)
    assert "GET experiments 200" in errors
    assert "Traceback" not in errors


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make a certificate with")
def test_with_a_certificate_the_server_speaks_tls(store_file: Path, tmp_path: Path) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    request = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*request, *names, *files], check=True, capture_output=True, env=os.environ)
    options = ["--no-auth", "--tls-certificate", str(certificate), "--tls-key", str(key)]
    with command(store_file, "--port", str(free_port()), *options) as (_process, said):
        url = said[0].split()[1]
        assert url.startswith("https://")
        wait_for(url, verify=str(certificate))
        answer = requests.get(f"{url}/v1/experiments", timeout=PATIENCE_SECONDS, verify=str(certificate))
    assert answer.json()["count"] == 0
