"""`--config-name evaluate`: a finished training's weights on a test set."""

import csv
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.own_project import Classes
from tests.training.test_reported import run

from sigtune.config.schema import EvaluationConfig
from sigtune.errors import Problem, UsageError
from sigtune.training.evaluate import evaluate, untestable_problems

OWN = ("Regression", "Squares", "Classes", "make_regression")


def test_a_checkpoint_is_tested_as_its_own_training_tested_it(tmp_path: Path) -> None:
    metrics = run(tmp_path, report="best", evaluate=True)
    tested = evaluate(EvaluationConfig(checkpoint=str(tmp_path / "best.ckpt")))
    assert tested.pop("noise_score") > 0
    assert tested == {name: metrics[name] for name in ("test_loss", "test_accuracy")}


def test_any_classifier_is_tested_under_noise(tmp_path: Path) -> None:
    run(tmp_path)
    tested = evaluate(EvaluationConfig(checkpoint=str(tmp_path / "best.ckpt")), folder=tmp_path)
    with (tmp_path / "noise.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["level"]) for row in rows] == [step / 20 for step in range(11)]
    assert sum(int(row["correct"]) for row in rows) == tested["noise_score"]
    assert float(rows[0]["accuracy"]) == pytest.approx(tested["test_accuracy"])


def test_the_confusion_matrix_of_the_test_set_is_left_in_the_folder_of_the_job_that_was_trained(
    tmp_path: Path,
) -> None:
    job, here = tmp_path / "job", tmp_path / "here"
    here.mkdir()
    job.mkdir()
    run(job / "checkpoints", job, report="best", evaluate=True)
    with (job / "curves.csv").open() as file:  # whose training had no logger
        assert [row["epoch"] for row in csv.DictReader(file)] == ["0", "1", "2", "3"]
    path = job / "confusion_test.csv"
    trained = path.read_text()
    assert trained.startswith("test,")
    path.unlink()
    checkpoint = str(job / "checkpoints" / "best.ckpt")
    evaluate(EvaluationConfig(checkpoint=checkpoint), folder=here)
    assert path.read_text() == trained
    path.unlink()
    other = {"_target_": f"{Classes.__module__}.Classes"}
    evaluate(EvaluationConfig(checkpoint=checkpoint, data=other, noise_levels=[]), folder=here)
    assert not path.exists()
    assert (here / path.name).read_text() == trained


def test_without_levels_there_is_no_noise_test_and_other_levels_are_refused(tmp_path: Path) -> None:
    run(tmp_path)
    checkpoint = str(tmp_path / "best.ckpt")
    assert "noise_score" not in evaluate(EvaluationConfig(checkpoint=checkpoint, noise_levels=[]))
    with pytest.raises(UsageError, match=r"1\.5 is not a share"):
        evaluate(EvaluationConfig(checkpoint=checkpoint, noise_levels=[0.1, 1.5]))


def _changed(folder: Path, **sections: Any) -> str:
    """Return the checkpoint of a training, with other sections in the config that it holds."""
    run(folder)
    checkpoint = torch.load(folder / "best.ckpt", weights_only=True)
    checkpoint["sigtune"]["identity"] |= sections
    torch.save(checkpoint, folder / "changed.ckpt")
    return str(folder / "changed.ckpt")


def test_a_file_that_names_functions_is_refused(tmp_path: Path) -> None:
    commands = {"_target_": "os.system", "command": f"touch {tmp_path}/ran"}
    changed = _changed(tmp_path, data=commands, module={"_target_": "torch.nn.Linear", "weight": commands})
    with pytest.raises(UsageError) as raised:
        evaluate(EvaluationConfig(checkpoint=changed))
    assert {problem.key for problem in raised.value.problems} == {
        "data._target_=os.system",
        "model._target_=os.system",
        "module._target_=torch.nn.Linear",
    }
    assert not (tmp_path / "ran").exists()


def test_data_without_a_test_set_is_refused(tmp_path: Path) -> None:
    changed = _changed(tmp_path, data={"_target_": "tests.training.own_project.Squares"})
    with pytest.raises(UsageError, match="test_dataloader"):
        evaluate(EvaluationConfig(checkpoint=changed))


def test_a_module_without_a_test_step_and_data_without_a_test_set_are_found_before_training() -> None:
    own = {name: {"_target_": f"tests.training.own_project.{name}"} for name in OWN}
    assert untestable_problems(own["Regression"], own["Squares"]) == [
        Problem("evaluate=true", "tests.training.own_project.Regression has no test_step", "evaluate=false"),
        Problem("evaluate=true", "neither the data nor the module has a test_dataloader", "evaluate=false"),
    ]
    classifier = {"_target_": "sigtune.training.classifier.Classifier"}
    assert untestable_problems(classifier, own["Classes"]) == []
    assert untestable_problems(own["make_regression"], None) == []


@pytest.mark.parametrize(("content", "what"), [(None, "no such file"), ("text", "is not a checkpoint")])
def test_what_is_not_a_checkpoint_is_refused(tmp_path: Path, content: str | None, what: str) -> None:
    path = tmp_path / "last.ckpt"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UsageError, match=what):
        evaluate(EvaluationConfig(checkpoint=str(path)))
