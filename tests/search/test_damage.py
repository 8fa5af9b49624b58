"""Files of a search that are damaged or cannot be written, and what others could have written into them."""

import csv
import json
import os
import shlex
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from sigtune.errors import DamagedFileError, UnwritableFileError
from sigtune.job.outcome import Outcome, read_outcome, write_outcome
from sigtune.passwords import mask_passwords
from sigtune.report.files import write_results
from sigtune.report.observed import Observed
from sigtune.search.display import visible
from sigtune.search.folder import _check_owner
from sigtune.search.journal import Journal
from tests import app_process

from .sweep_app import SweepApp, labelled, output_of, wait_until

TRAIN = Path(__file__).parents[2] / "train.py"


def test_a_journal_line_that_is_no_journal_line_is_named_with_its_number(tmp_path: Path) -> None:
    Journal(tmp_path).begin("7")
    with (tmp_path / "journal.jsonl").open("a") as file:
        file.write("garbage\n")
    with pytest.raises(DamagedFileError, match=r"journal\.jsonl, line 2 .*remove the line"):
        Journal(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", "{", "null"])
def test_an_outcome_that_is_no_outcome_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "outcome.json").write_text(text)
    with pytest.raises(DamagedFileError, match=r"outcome\.json .*remove it"):
        read_outcome(tmp_path)


def test_a_file_that_cannot_be_written_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "1").touch()
    with pytest.raises(UnwritableFileError, match=r"1/outcome\.json: "):
        write_outcome(tmp_path / "1", Outcome())


def test_a_reason_of_megabytes_leaves_an_outcome_of_kilobytes(tmp_path: Path) -> None:
    write_outcome(tmp_path, Outcome(reason="x" * 5_000_000))
    assert (tmp_path / "outcome.json").stat().st_size < 4096


def test_a_search_on_a_disk_that_is_full_says_what_is_saved_and_how_to_resume(app: SweepApp) -> None:
    app.run("sigopt.observation_budget=1")
    results = app.sweep_dir / "observations.csv"
    results.unlink()
    results.symlink_to("/dev/full")
    result = app.run("sigopt.experiment_id=1", "sigopt.observation_budget=1")
    assert "No space left on device" in result.stdout
    assert "1 observed (0 failed)" in result.stdout
    assert "extend " in result.stdout
    assert "Traceback" not in result.stderr


def test_a_folder_that_cannot_be_written_at_the_start_says_how_to_resume(app: SweepApp) -> None:
    app.sweep_dir.mkdir()
    (app.sweep_dir / "multirun.yaml").symlink_to("/dev/full")
    result = app.run()
    assert result.returncode == 1
    assert "multirun.yaml: No space left on device" in result.stderr
    assert "sigopt.experiment_id=1" in labelled(result.stdout, "resume")[0]
    assert "Traceback" not in result.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small file system, as root only may")
def test_a_disk_that_fills_up_in_mid_search_stops_it_with_everything_saved(app: SweepApp) -> None:
    disk = app.folder / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", disk], check=False)
    if mounted.returncode != 0:
        pytest.skip("no file system may be mounted here")
    try:
        search = [f"hydra.sweep.dir={disk}/sweep", "++lengths={2: 3}"]
        process = app.start(*search)
        wait_until((disk / "sweep" / "2" / "starts").exists)
        with suppress(OSError), (disk / "fill").open("wb") as file:
            file.write(bytes(4_000_000))
        output = output_of(process)
        assert process.returncode == 1, output
        assert "outcome.json: No space left on device" in labelled(output, "stopped")[0]
        assert "1 observed (0 failed)" in labelled(output, "saved")[0]
        assert "Traceback" not in output
        (disk / "fill").unlink()
        resumed = app.run(*search, *shlex.split(labelled(output, "resume")[0])[-1:])
        assert resumed.returncode == 0, resumed.stdout + resumed.stderr
        assert [observed.failed for observed in app.observations()] == [False] * 4
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_damaged_journal_is_told_in_a_line_without_a_traceback(app: SweepApp) -> None:
    app.run("sigopt.observation_budget=1")
    with (app.sweep_dir / "journal.jsonl").open("a") as file:
        file.write("garbage\n")
    result = app.run("sigopt.experiment_id=1")
    assert result.returncode == 2
    assert "journal.jsonl, line 5" in result.stderr
    assert "1 observed; the jobs' folders are kept in sweep" in result.stdout
    assert "sigopt.experiment_id=1" in labelled(result.stdout, "resume")[0]
    assert "Traceback" not in result.stderr


def test_what_runs_on_resume_comes_from_the_suggestion_and_not_from_the_journal(app: SweepApp) -> None:
    app.run("sigopt.observation_budget=1")
    path = app.sweep_dir / "journal.jsonl"
    events = [json.loads(line) for line in path.read_text().splitlines()]
    job = next(event["job"] for event in events if event["event"] == "job")
    app.experiment().update(observation_budget=2)
    suggestion = app.experiment().suggestions().create()
    job |= {"number": 2, "suggestion": str(suggestion.id), "overrides": ["label=injected", "x=0"]}
    with path.open("a") as file:
        file.write(json.dumps({"event": "job", "job": job}) + "\n")
    result = app.run("sigopt.experiment_id=1")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "injected" not in (app.sweep_dir / "2" / ".hydra" / "overrides.yaml").read_text()
    assert app.by_job()[2].assignments["x"] == suggestion.assignments["x"]


def test_a_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Journal(tmp_path).begin("7")
    _check_owner(tmp_path)
    user = os.getuid()
    monkeypatch.setattr("os.getuid", lambda: user + 1)
    with pytest.raises(Exception, match="belongs to another user"):
        _check_owner(tmp_path)


def test_overrides_are_kept_as_they_were_typed(app: SweepApp) -> None:
    app.environment["SECRET"] = "hidden"
    overrides = ["hydra.sweep.subdir=${hydra.job.num}", "label=${oc.env:SECRET}", "units=${size}"]
    result = app.run("sigopt.observation_budget=1", *overrides)
    assert result.returncode == 0, result.stdout + result.stderr
    extend = next(line for line in result.stdout.splitlines() if line.startswith("extend"))
    assert all(override in extend for override in overrides)
    files = [result.stdout, *(path.read_text() for path in app.sweep_dir.rglob("*.yaml"))]
    assert not any("hidden" in text for text in files)


def test_the_password_of_a_url_is_masked() -> None:
    text = "store: postgresql+psycopg://me:secret@host:5432/db and sqlite:////a/b.db"
    assert mask_passwords(text) == text.replace("secret", "***")
    assert mask_passwords("postgresql://me@host/db") == "postgresql://me@host/db"
    assert (
        mask_passwords("postgresql://host/db?password=secret&x=1") == "postgresql://host/db?password=***&x=1"
    )


def test_the_password_of_a_store_from_the_environment_is_in_no_file_and_on_no_screen(app: SweepApp) -> None:
    app.environment["SIGOPT_STORE"] = f"sqlite:///{app.folder}/other.db?password=hunter2"
    # What submitit pickles for its jobs it leaves on disk.
    launcher = ("hydra/launcher=submitit_local", "sigopt.observation_budget=1")
    result = app.run("sigopt.store=${oc.env:SIGOPT_STORE}", *launcher)
    assert result.returncode == 0, result.stdout + result.stderr
    assert (app.folder / "other.db").exists()
    assert "hunter2" not in result.stdout + result.stderr
    files = [path for path in app.folder.rglob("*") if path.is_file()]
    assert any(path.suffix == ".pkl" for path in files)
    assert not any(b"hunter2" in path.read_bytes() for path in files)


@pytest.mark.parametrize("mode", [["-m"], []])
def test_a_password_on_the_command_line_is_refused_before_anything_is_written(
    app: SweepApp, mode: list[str]
) -> None:
    store = "sigopt.store=postgresql+psycopg://me:hunter2@127.0.0.1:1/db"
    result = app_process.run(
        [sys.executable, str(TRAIN), *mode, "hydra/sweeper=sigopt", store],
        cwd=app.folder,
        env=app.environment,
        capture_output=True,
    )
    assert result.returncode == 2
    assert "SIGOPT_STORE" in result.stderr
    assert "hunter2" not in result.stdout + result.stderr
    assert list(app.folder.iterdir()) == []


def test_a_password_in_a_config_of_a_plain_hydra_app_is_refused_before_a_job_copies_it(app: SweepApp) -> None:
    result = app.run("sigopt.store=postgresql+psycopg://me:hunter2@127.0.0.1:1/db")
    assert result.returncode == 2
    assert "SIGOPT_STORE" in result.stderr
    assert "hunter2" not in result.stdout + result.stderr
    assert not app.sweep_dir.exists()


def test_control_characters_are_shown_and_not_obeyed() -> None:
    assert visible("a\x1b[2Jb\r★\n") == "a\\x1b[2Jb\\r★\n"


def test_a_text_that_a_spreadsheet_would_run_is_a_text(tmp_path: Path) -> None:
    observed = Observed(1, {"kind": "=1+1", "x": -2.0}, None, "@SUM(A1)", [], None, {})
    write_results(tmp_path, [observed], [])
    with (tmp_path / "observations.csv").open() as file:
        row = next(csv.DictReader(file))
    assert (row["kind"], row["x"], row["reason"]) == ("'=1+1", "-2.0", "'@SUM(A1)")
