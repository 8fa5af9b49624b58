"""A job's metrics by epoch, from whatever its folder holds."""

from pathlib import Path

import pytest

from sigtune.report.confusion import read_confusions
from sigtune.report.logged_curves import Curves, read_curves, read_runs


def test_the_file_of_lightnings_csv_logger_has_a_line_for_training_and_one_for_validation(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "metrics"
    folder.mkdir()
    (folder / "metrics.csv").write_text(
        "epoch,loss,step,validation_loss\n0,,9,0.5\n0,0.75,9,\n1,,19,0.25\n1,0.5,19,\n2,nan,29,\n"
    )
    assert read_curves(tmp_path) == Curves(
        "epoch", [0, 1, 2], {"validation_loss": [0.5, 0.25, None], "loss": [0.75, 0.5, None]}
    )


def test_our_own_file_goes_before_a_loggers(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("step,loss\n1,9\n")
    assert read_curves(tmp_path) == Curves("step", [1], {"loss": [9.0]})
    (tmp_path / "curves.csv").write_text("epoch,step,loss\n0,1,8\n")
    assert read_curves(tmp_path) == Curves("epoch", [0], {"loss": [8.0]})


def test_repeats_are_runs_of_their_own(tmp_path: Path) -> None:
    for name in ("2", "10", "notes"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "curves.csv").write_text("epoch,loss\n0,8\n")
    assert [name for name, _ in read_runs(tmp_path)] == ["2", "10"]


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\x00", b"loss\n1\n", b"epoch,loss\n", b'epoch,loss\n"', b"epoch,loss\nx,1\n"]
)
def test_what_is_no_such_file_has_no_curves(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "curves.csv").write_bytes(content)
    curves = read_curves(tmp_path)
    assert curves is None or not any(any(values) for values in curves.metrics.values())


def test_a_folder_that_is_gone_has_no_curves(tmp_path: Path) -> None:
    assert read_runs(tmp_path / "gone") == []


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.csv").write_text("epoch,loss\n0,1\n")
    job = tmp_path / "job"
    job.mkdir()
    (job / "curves.csv").symlink_to(tmp_path / "elsewhere.csv")
    assert read_curves(job) is None


def test_a_confusion_matrix_is_read_with_what_it_is_of_and_without_classes_that_do_not_occur(
    tmp_path: Path,
) -> None:
    (tmp_path / "confusion.csv").write_text(
        '"validation, epoch 3",yes,no,silence\nyes,5,1,0\nno,0,7,0\nsilence,0,0,0\n'
    )
    assert read_confusions(tmp_path) == [
        {
            "kind": "confusion",
            "title": "Confusion matrix: validation, epoch 3",
            "classes": ["yes", "no"],
            "counts": [[5, 1], [0, 7]],
        }
    ]


def test_repeats_have_confusion_matrices_of_their_own(tmp_path: Path) -> None:
    for name in ("10", "2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "confusion_test.csv").write_text("test,yes\nyes,1\n")
    titles = [figure["title"] for figure in read_confusions(tmp_path)]
    assert titles == ["Confusion matrix: test, run 2", "Confusion matrix: test, run 10"]


@pytest.mark.parametrize("content", ["", "x,yes,no\nyes,1,2\n", "x,yes\nyes,one\n", "x\n"])
def test_a_damaged_confusion_matrix_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "confusion.csv").write_text(content)
    assert read_confusions(tmp_path) == []
