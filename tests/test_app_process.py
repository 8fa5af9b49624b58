"""The processes that tests fork run scripts as an interpreter does."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import app_process

SCRIPT = """
import json, os, random, signal, sys, threading
import numpy as np

def told():
    return {
        "arguments": sys.argv,
        "folder": os.getcwd(),
        "environment": {name: value for name, value in os.environ.items() if name != "LC_CTYPE"},
        "name": __name__,
        "search path": sys.path[0],
        "main": sys.modules["__main__"].__dict__ is globals(),
        "interrupt": signal.getsignal(signal.SIGINT) is signal.default_int_handler,
        "children": signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL,
        "input": sys.stdin.read(),
        "threads": threading.active_count(),
    }

match sys.argv[1]:
    case "tell":
        print(json.dumps(told()))
    case "draw":
        print(random.random(), np.random.random())
    case "loaded":
        print("torch" in sys.modules, "pytorch_lightning" in sys.modules)
    case "wait":
        print("waiting", flush=True)
        signal.pause()
    case "raise":
        raise ValueError("no good")
    case "write":
        print("x" * 1_000_000)
        print("y" * 1_000_000, file=sys.stderr)
    case "leave":
        sys.exit(json.loads(sys.argv[2]))
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return path


def both(script: Path, *arguments: str, cwd: Path) -> list[subprocess.CompletedProcess[str]]:
    """Run the script in an interpreter of its own, and forked."""
    command = [sys.executable, str(script), *arguments]
    environment = {"PATH": os.environ["PATH"], "MINE": "1"}
    return [
        subprocess.run(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        ),
        app_process.run(command, cwd=cwd, env=environment, capture_output=True),
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ("tell", "a b", "c"),
        ("write",),
        ("leave", "0"),
        ("leave", "null"),
        ("leave", "3"),
        ("leave", "-1"),
        ("leave", '"a message"'),
        ("raise",),
    ],
)
def test_a_script_runs_as_in_an_interpreter_of_its_own(
    script: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    (tmp_path / "folder").mkdir()
    plain, forked = both(script, *arguments, cwd=tmp_path / "folder")
    assert (forked.returncode, forked.stdout, forked.stderr) == (plain.returncode, plain.stdout, plain.stderr)


def test_the_libraries_are_loaded_already(script: Path) -> None:
    result = app_process.run([sys.executable, script, "loaded"], capture_output=True, check=True)
    assert result.stdout == "True True\n"


def test_each_run_draws_random_numbers_of_its_own(script: Path) -> None:
    command = [sys.executable, str(script), "draw"]
    drawn = [app_process.run(command, capture_output=True, check=True).stdout.split() for _ in range(2)]
    assert len({*drawn[0], *drawn[1]}) == 4


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_ends_it_by_its_process_id(script: Path, number: signal.Signals) -> None:
    command = [sys.executable, str(script), "wait"]
    with app_process.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        assert process.poll() is None
        os.kill(process.pid, number)
        output, error = process.communicate()
        assert (process.returncode, error) == (-number, None)
        assert ("KeyboardInterrupt" in str(output)) == (number == signal.SIGINT)


def test_a_session_of_its_own_gets_signals_as_a_group(script: Path) -> None:
    command = [sys.executable, str(script), "wait"]
    with app_process.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        os.killpg(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL


def test_waiting_for_too_long_is_told(script: Path) -> None:
    with app_process.Popen([sys.executable, script, "wait"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        for wait in (process.wait, process.communicate):
            with pytest.raises(subprocess.TimeoutExpired):
                wait(timeout=0.01)
        process.kill()
        assert process.communicate() == ("", None)


def test_output_goes_to_a_file_too(script: Path, tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as log:
        app_process.run([sys.executable, script, "loaded"], stdout=log, stderr=subprocess.STDOUT, check=True)
    assert (tmp_path / "log").read_text() == "True True\n"


def test_a_failure_is_raised_on_request(script: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        app_process.run([sys.executable, script, "leave", "3"], check=True)


@pytest.mark.parametrize("command", [[sys.executable, "-c", "pass"], ["true"], ["/other/python", "a.py"]])
def test_what_cannot_be_forked_is_refused(command: list[str]) -> None:
    with pytest.raises(ValueError, match="can be forked"):
        app_process.run(command)


def test_a_variable_for_the_interpreter_is_refused(script: Path) -> None:
    with pytest.raises(ValueError, match="PYTHONPATH has its effect when"):
        app_process.run([sys.executable, script, "loaded"], env={"PYTHONPATH": "/elsewhere"})


def test_standard_input_is_what_is_given(script: Path, tmp_path: Path) -> None:
    (tmp_path / "input").write_text("what is asked")
    with (tmp_path / "input").open() as given:
        command = [sys.executable, str(script), "tell"]
        done = app_process.run(command, cwd=tmp_path, stdin=given.fileno(), capture_output=True)
    assert json.loads(done.stdout)["input"] == "what is asked"
