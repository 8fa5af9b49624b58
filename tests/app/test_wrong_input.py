"""Wrong input on the command line: every problem in one list, exit code 2, nothing run or created."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from tests.app.train import TRAIN, Train

Refused: TypeAlias = Callable[..., list[list[str]]]
ExperimentFile: TypeAlias = Callable[[str], Path]

SWEEP = ("-m", "hydra/sweeper=sigopt")
CREATE = "sigopt.create=true"
MINE = ("--config-dir=extra", "experiment=mine")
LAST_LINE = f"nothing was run. Show the full config: python {TRAIN} --cfg job"
PARAMETER = "{{name: {name}, type: double, bounds: {{min: {low}, max: {high}}}}}"


@pytest.fixture
def refused(train: Train, tmp_path: Path) -> Refused:
    """Return a function that runs train.py, checks that it refused and did nothing, and gives the problems.

    Each problem is the list of its parts: the key, what is wrong, and the remedy where there is one.
    """

    def run(*arguments: str) -> list[list[str]]:
        result = train(*arguments)
        assert result.returncode == 2, result.stderr
        assert result.stdout == ""
        assert "Traceback" not in result.stderr
        first, *problems, last = result.stderr.splitlines()
        count = len(problems)
        assert first == f"error: {count} problem{'s' if count > 1 else ''} in the configuration"
        assert last == LAST_LINE
        assert {path.name for path in tmp_path.iterdir()} <= {"extra"}  # what the test itself wrote
        return [_parts(line) for line in problems]

    return run


def _parts(line: str) -> list[str]:
    assert line.startswith("  ")
    return [part.strip() for part in line.strip().replace("→ ", "  → ").split("  ") if part.strip()]


def _experiments(folder: Path) -> int:
    connection = sqlite3.connect(folder / "sigopt.db")
    try:
        return int(connection.execute("SELECT count(*) FROM experiments").fetchone()[0])
    finally:
        connection.close()


@pytest.fixture
def experiment_file(tmp_path: Path) -> ExperimentFile:
    """Return a function that writes experiment=mine, a variant of the default one, and gives its file."""

    def write(sigopt: str) -> Path:
        folder = tmp_path / "extra" / "experiment"
        folder.mkdir(parents=True)
        header = (
            "# @package _global_\ndefaults:\n  - /experiment/sparse_cnn_onecyclelr\n  - _self_\nsigopt:\n"
        )
        indented = "".join(f"  {line}\n" for line in sigopt.splitlines())
        file = folder / "mine.yaml"
        file.write_text(header + indented)
        return file

    return write


def parameters(*lines: str) -> str:
    return "parameters:\n" + "".join(f"  - {line}\n" for line in lines)


def parameter(name: str, low: float = 0.01, high: float = 1.5) -> str:
    return PARAMETER.format(name=name, low=low, high=high)


KEPT = (
    parameter("div_factor", 30, 100),
    parameter("pct_start", 0.03, 0.15),
    parameter("weight_decay", 1e-5, 1e-3),
)


@pytest.mark.parametrize("mode", [(), SWEEP], ids=["run", "sweep"])
def test_all_problems_of_a_command_line_are_shown_at_once_with_the_nearest_right_name(
    train: Train, mode: tuple[str, ...]
) -> None:
    result = train(*mode, "experiment=sparse_cnn_onecyclerl", "trainer.max_epoch=3", "trainer.gpus=one")
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "error: 3 problems in the configuration",
        "  experiment=sparse_cnn_onecyclerl  no such experiment  → sparse_cnn_onecyclelr",
        "  trainer.max_epoch                 unknown key         → trainer.max_epochs",
        "  trainer.gpus=one                  expected an integer, e.g. trainer.gpus=1",
        LAST_LINE,
    ]


def test_a_key_that_has_another_name_now_is_told_by_it(refused: Refused) -> None:
    assert refused("trainer.compile=true", "trainer.step=grahp") == [
        ["trainer.compile", "has another name now", "→ trainer.step=compile"],
        ["trainer.step=grahp", "no such step", "→ graph"],
    ]


def test_an_experiment_of_another_config_folder_is_found_while_the_other_problems_are(
    refused: Refused, experiment_file: ExperimentFile
) -> None:
    experiment_file("seed: one\n")
    assert refused(*MINE, "trainer.max_epoch=3") == [
        ["sigopt.seed=one", "expected an integer, e.g. sigopt.seed=1"],
        ["trainer.max_epoch", "unknown key", "→ trainer.max_epochs"],
    ]


def test_the_problems_of_another_primary_config_are_told_of_that_one(
    refused: Refused, experiment_file: ExperimentFile, tmp_path: Path
) -> None:
    experiment_file("seed: 1\n")
    (tmp_path / "extra" / "other.yaml").write_text(
        "defaults:\n  - config\n  - override experiment: mine\n  - _self_\ntrainer:\n  gpu: 1\n"
    )
    place = ("--config-dir=extra", "--config-name=other")
    assert refused(*place, "seed=one") == [
        ["trainer.gpu", "unknown key", "→ trainer.gpus"],
        ["seed=one", "expected an integer, e.g. seed=1"],
    ]


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ("--config-name=confg", ["--config-name=confg", "no such config", "→ config"]),
        ("--config-path=nowhere", ["--config-path=nowhere", "no such folder"]),
    ],
)
def test_a_config_that_is_not_there_is_refused(refused: Refused, option: str, problem: list[str]) -> None:
    assert refused(option) == [problem]


@pytest.mark.parametrize("mode", [(CREATE,), SWEEP], ids=["create", "sweep"])
def test_every_problem_of_a_search_is_shown_at_once(
    refused: Refused, experiment_file: ExperimentFile, mode: tuple[str, ...]
) -> None:
    experiment_file(
        "observation_budget: 0\n"
        "metrics:\n  - {name: mean_accuracy, objective: maximise}\n"
        + parameters(parameter("max_lr", 1.5, 0.01), *KEPT, KEPT[0])
    )
    assert refused(*mode, *MINE) == [
        ["sigopt.parameters.div_factor", "defined 2 times", "→ one name each"],
        [
            "sigopt.parameters.max_lr.bounds",
            "the wrong way round: min 1.5 is above max 0.01",
            "→ {min: 0.01, max: 1.5}",
        ],
        ["sigopt.metrics.mean_accuracy.objective", "unknown objective 'maximise'", "→ maximize"],
        ["sigopt.observation_budget", "expected a whole number of at least 1, got 0", "→ 10"],
    ]


def test_an_unknown_parameter_name_is_refused(refused: Refused, experiment_file: ExperimentFile) -> None:
    experiment_file(parameters(parameter("scheduler.max_lrs"), *KEPT))
    assert refused(CREATE, *MINE)[0] == [
        "sigopt.parameters.scheduler.max_lrs",
        "no config key, and not read by OneCycleLRParams and SGDParams",
        "→ scheduler.max_lr",
    ]


@pytest.mark.parametrize("mode", [(CREATE,), SWEEP], ids=["create", "sweep"])
def test_a_tuned_key_that_is_also_overridden_is_refused(refused: Refused, mode: tuple[str, ...]) -> None:
    assert refused(*mode, "scheduler.max_lr=0.5", "trainer.max_epochs=1") == [
        ["scheduler.max_lr", "is tuned, and also given on the command line", "→ leave it out"]
    ]


def test_a_tuned_key_that_has_a_value_in_the_experiment_is_refused(
    refused: Refused, experiment_file: ExperimentFile
) -> None:
    file = experiment_file("seed: 1\n")
    file.write_text(file.read_text() + "optimizer:\n  weight_decay: 0.25\n")
    assert refused(CREATE, *MINE) == [
        [
            "optimizer.weight_decay",
            "is tuned, and also has the value 0.25 in the config",
            "→ ??? in the file that gives it the value",
        ]
    ]


def test_an_experiment_class_for_another_scheduler_is_refused_by_naming_both(refused: Refused) -> None:
    ((key, what, _),) = refused(
        CREATE, "sigopt.experiment_class=sigtune.tuning.common_experiments.SigOptSGDStepLRExperiment"
    )
    assert key == "sigopt.experiment_class"
    assert "StepLRParams sets the parameters of torch.optim.lr_scheduler.StepLR," in what
    assert what.endswith("scheduler is torch.optim.lr_scheduler.OneCycleLR")


def test_an_optimizer_that_no_experiment_has_is_answered_with_what_is_in_its_way(refused: Refused) -> None:
    assert refused("optimizer=adam") == [
        [
            "optimizer=adam",
            "experiment=sparse_cnn_onecyclelr sets momentum, unknown to it",
            "→ an experiment of your own, with override /optimizer: adam",
        ]
    ]


@pytest.mark.parametrize(
    "mode", [(), pytest.param((CREATE,), marks=pytest.mark.slow), SWEEP], ids=["run", "create", "sweep"]
)
def test_another_scheduler_than_the_experiment_s_is_answered_with_the_experiment_for_it(
    refused: Refused, mode: tuple[str, ...]
) -> None:
    choice, *others = refused(*mode, "scheduler=steplr")
    assert choice == [
        "scheduler=steplr",
        "experiment=sparse_cnn_onecyclelr sets final_div_factor, anneal_strategy, cycle_momentum,"
        " unknown to it",
        "→ experiment=sparse_cnn_steplr",
    ]
    # In a search the mixin, which is for the other scheduler, is named beside.
    assert [key for key, *_ in others] == (["sigopt.experiment_class"] if mode else [])


@pytest.mark.parametrize("mode", [(), SWEEP], ids=["worker", "sweep"])
def test_an_experiment_that_does_not_exist_is_refused(refused: Refused, mode: tuple[str, ...]) -> None:
    assert refused(*mode, "sigopt.experiment_id=99") == [
        ["sigopt.experiment_id=99", "no such experiment", "→ create one first with sigopt.create=true"]
    ]


NOWHERE = ("sqlite:///nowhere/s.db", "the folder {}/nowhere does not exist", "a folder that exists")
A_FOLDER = ("sqlite:///extra", "{}/extra is a folder, and a store is a file", "sqlite:///{}/extra/sigopt.db")
NO_DATABASE = ("sqlite:///extra/notes", "{}/extra/notes is not a database of SQLite", "another file")
NO_URL = ("sigopt.db", "is not a database URL", "sqlite:///sigopt.db")


@pytest.mark.parametrize(
    ("mode", "url", "what", "remedy"),
    [
        ((CREATE,), *NOWHERE),
        ((CREATE,), *NO_DATABASE),
        (("sigopt.experiment_id=1",), *A_FOLDER),
        (SWEEP, *NO_URL),
        (SWEEP, *NO_DATABASE),
    ],
)
def test_a_store_that_cannot_be_used_is_refused_with_the_reason(
    refused: Refused, tmp_path: Path, mode: tuple[str, ...], url: str, what: str, remedy: str
) -> None:
    (tmp_path / "extra").mkdir()
    (tmp_path / "extra" / "notes").write_text("no database\n" * 100)
    expected = ["sigopt.store", what.format(tmp_path), f"→ {remedy.format(tmp_path)}"]
    assert refused(*mode, f"sigopt.store={url}") == [expected]


@pytest.mark.parametrize("mode", [(), SWEEP], ids=["run", "sweep"])
def test_more_gpus_than_there_are_are_refused(refused: Refused, mode: tuple[str, ...]) -> None:
    ((key, what, remedy),) = refused(*mode, "trainer.gpus=99")
    assert key == "trainer.gpus=99"
    assert what.startswith("this machine has ")
    assert remedy.startswith("→ trainer.gpus=")


def test_a_parameter_without_a_default_value_is_named_in_a_plain_run(
    refused: Refused, experiment_file: ExperimentFile
) -> None:
    experiment_file(parameters(parameter("max_lr"), *KEPT[:2]))
    problems = refused(*MINE)
    keys = [key for key, *_ in problems]
    assert "scheduler.max_lr" in keys
    assert "sigopt.parameters.max_lr" in keys
    assert "optimizer.weight_decay" in keys


def test_a_plain_run_is_told_what_is_wrong_with_its_search_too(refused: Refused) -> None:
    assert refused("sigopt.observation_budget=0", "trainer.gpus=-1", "trainer.step=grahp") == [
        ["sigopt.observation_budget", "expected a whole number of at least 1, got 0", "→ 10"],
        ["trainer.gpus=-1", "expected 0 (the CPU) or more", "→ trainer.gpus=0"],
        ["trainer.step=grahp", "no such step", "→ graph"],
    ]


def test_training_for_no_epoch_is_refused(refused: Refused) -> None:
    assert refused("trainer.max_epochs=0", "experiment=sparse_cnn_steplr") == [
        ["trainer.max_epochs=0", "expected 1 or more", "→ trainer.max_epochs=1"]
    ]


def test_a_first_epoch_of_other_batches_is_refused_under_a_schedule_over_steps(refused: Refused) -> None:
    what = "OneCycleLR plans over epochs of equally many steps"
    remedy = "→ data.first_epoch_batch_size=null, or another scheduler"
    assert refused("data.first_epoch_batch_size=4") == [["data.first_epoch_batch_size=4", what, remedy]]


def test_a_network_of_other_outputs_than_the_data_has_classes_is_refused(refused: Refused) -> None:
    what = "data.words makes 4 classes, with unknown words and silence"
    assert refused("data.words=[one,two]") == [["model.num_classes=12", what, "→ model.num_classes=4"]]


def test_what_only_the_data_can_tell_is_refused_too_and_other_files_stay(
    train: Train, refused: Refused, tmp_path: Path
) -> None:
    problem = ["data.train_size", "5 clips cannot hold 11 classes", "→ 11 or more"]
    assert refused("data.train_size=5") == [problem]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes").touch()
    assert train("data.train_size=5", "hydra.run.dir=mine").returncode == 2
    assert (tmp_path / "mine" / "notes").exists()


def test_creating_takes_no_experiment_that_exists(refused: Refused) -> None:
    assert refused(CREATE, "sigopt.experiment_id=1") == [
        ["sigopt.create=true", "given with an experiment_id, which exists", "→ leave one of them out"]
    ]


def test_good_input_is_not_refused(train: Train, tmp_path: Path) -> None:
    result = train(CREATE)
    assert (result.returncode, result.stderr) == (0, "")
    assert _experiments(tmp_path) == 1
    created, search, job = [line for line in result.stdout.splitlines() if not line.startswith("[")]
    assert created.startswith('created  experiment 1 "sparse_gsc_onecyclelr_v2"')
    assert search == f"search   python {TRAIN} -m hydra/sweeper=sigopt sigopt.experiment_id=1"
    assert job == f"one job  python {TRAIN} sigopt.experiment_id=1"


def test_the_commands_after_creating_look_for_configs_where_this_one_did(
    train: Train, experiment_file: ExperimentFile
) -> None:
    experiment_file("seed: 1\n")
    job = train(CREATE, *MINE).stdout.splitlines()[-1]
    assert job == f"one job  python {TRAIN} --config-dir=extra experiment=mine sigopt.experiment_id=1"


@pytest.mark.parametrize("mode", [(), (CREATE,)], ids=["run", "create"])
def test_what_is_added_to_a_section_that_has_a_schema_is_refused(
    refused: Refused, mode: tuple[str, ...]
) -> None:
    problems = refused(*mode, "+trainer.nonsense=3", "+nonsense=3", "+sigopt.nonsense=3")
    assert sorted(problem[:2] for problem in problems) == [
        ["nonsense", "unknown key"],
        ["sigopt.nonsense", "unknown key"],
        ["trainer.nonsense", "unknown key"],
    ]


@pytest.mark.parametrize("mode", [(CREATE,), SWEEP], ids=["create", "sweep"])
def test_a_key_added_to_the_block_of_a_search_is_told_beside_a_misspelt_one(
    refused: Refused, mode: tuple[str, ...]
) -> None:
    # The jobs of a search may run on machines that have GPUs.
    problems = refused(*mode, "trainer.max_epoch=3", "+sigopt.nonsense=3", "trainer.gpus=99")
    assert [problem[:2] for problem in problems] == [
        ["trainer.max_epoch", "unknown key"],
        ["sigopt.nonsense", "unknown key"],
    ]


def test_a_prior_can_be_added_to_a_parameter_and_is_checked(train: Train, refused: Refused) -> None:
    (problem,) = refused(CREATE, "+sigopt.parameters.0.prior={name: normal, mean: 0.3}")
    assert problem[:2] == ["sigopt.parameters.max_lr.prior.scale", "missing"]
    (problem,) = refused(CREATE, "+sigopt.parameters.0.prior=normal")
    assert problem[0] == "+sigopt.parameters.0.prior=normal"
    result = train(CREATE, "+sigopt.parameters.0.prior={name: normal, mean: 0.3, scale: 0.1}")
    assert result.returncode == 0, result.stderr


def test_a_module_of_the_wrong_type_and_a_misspelt_argument_of_ones_own_are_refused(
    refused: Refused, tmp_path: Path
) -> None:
    assert refused("module._target_=torch.nn.Linear") == [
        [
            "module._target_=torch.nn.Linear",
            "is an nn.Module, not a LightningModule",
            "→ model._target_=torch.nn.Linear",
        ]
    ]
    (tmp_path / "extra" / "module").mkdir(parents=True)
    (tmp_path / "extra" / "module" / "mine.yaml").write_text("_target_: mine.Module\nlearning_rate: 0.1\n")
    misspelt, not_found, *others = refused("--config-dir=extra", "module=mine", "module.lerning_rate=1")
    assert misspelt == ["module.lerning_rate", "unknown key", "→ module.learning_rate"]
    assert not_found[:2] == ["module._target_=mine.Module", "cannot be imported: No module named 'mine'"]
    assert {problem[0] for problem in others} == {"model", "optimizer", "scheduler"}  # it brings its own


def test_what_is_wrong_with_an_evaluation_is_told_in_one_list(refused: Refused) -> None:
    evaluation = "--config-name=evaluate"
    assert refused(evaluation, "checkpont=last.ckpt") == [["checkpont", "unknown key", "→ checkpoint"]]
    gpus, file = refused(evaluation, "checkpoint=last.ckpt", "trainer.gpus=99")
    assert gpus[0] == "trainer.gpus=99"
    assert file == ["checkpoint=last.ckpt", "no such file", "→ checkpoints/last.ckpt in a job's folder"]


def test_what_cannot_be_merged_is_told_without_a_traceback(refused: Refused) -> None:
    ((key, _),) = refused("+seed.of=1")
    assert key == "+seed.of=1"


@pytest.mark.parametrize("mode", [(), SWEEP])
def test_what_would_show_in_the_training_only_is_told_before_it(
    refused: Refused, mode: tuple[str, ...]
) -> None:
    problems = refused(*mode, "report=best", "trainer.max_epochs=-1", "trainer.max_time=00:00:01:00")
    assert sorted(problem[:2] for problem in problems) == [
        ["report=best", "no callback keeps the best epoch"],
        ["trainer.max_epochs=-1", "OneCycleLR plans over a known number of steps"],
    ]


def test_what_hydra_cannot_parse_is_told_with_its_reason_and_not_also_as_a_missing_parameter(
    refused: Refused,
) -> None:
    typed = "model.linear_units=choice()"
    assert refused("-m", "hydra/sweeper=sigopt", typed, "sigopt.parameters=[]") == [
        [
            typed,
            "is not an override: ValueError while evaluating 'choice()': empty choice is not legal",
            "→ key=value, quoted where it has special characters",
        ]
    ]
