"""Wrong input on the command line: every problem in one list, exit code 2, nothing run or created."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

TRAIN = Path(__file__).parents[2] / "train.py"
SWEEP = ("-m", "hydra/sweeper=sigopt")
CREATE = "sigopt.create=true"
MINE = ("--config-dir=extra", "experiment=mine")
LAST_LINE = "nothing was run. Show the full config: python train.py --cfg job"
PARAMETER = "{{name: {name}, type: double, bounds: {{min: {low}, max: {high}}}}}"


@pytest.fixture
def train(tmp_path):
    """Return a function that runs train.py in an empty folder, and gives the exit code and both outputs."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SIGOPT_")}

    def run(*arguments):
        # Hydra's parser takes the overrides in one piece only.
        options = [argument for argument in arguments if argument.startswith("-")]
        overrides = [argument for argument in arguments if not argument.startswith("-")]
        return subprocess.run(
            [sys.executable, TRAIN, *options, *overrides],
            check=False,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


@pytest.fixture
def refused(train, tmp_path):
    """Return a function that runs train.py, checks that it refused and did nothing, and gives the problems.

    Each problem is the list of its parts: the key, what is wrong, and the remedy where there is one.
    """

    def run(*arguments):
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


def _parts(line):
    assert line.startswith("  ")
    return [part.strip() for part in line.strip().replace("→ ", "  → ").split("  ") if part.strip()]


def _experiments(folder):
    connection = sqlite3.connect(folder / "sigopt.db")
    try:
        return connection.execute("SELECT count(*) FROM experiments").fetchone()[0]
    finally:
        connection.close()


@pytest.fixture
def experiment_file(tmp_path):
    """Return a function that writes experiment=mine, a variant of the default one, and gives its file."""

    def write(sigopt):
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


def parameters(*lines):
    return "parameters:\n" + "".join(f"  - {line}\n" for line in lines)


def parameter(name, low=0.01, high=1.5):
    return PARAMETER.format(name=name, low=low, high=high)


KEPT = (
    parameter("div_factor", 30, 100),
    parameter("pct_start", 0.03, 0.15),
    parameter("weight_decay", 1e-5, 1e-3),
)


@pytest.mark.parametrize("mode", [(), SWEEP], ids=["run", "sweep"])
def test_all_problems_of_a_command_line_are_shown_at_once_with_the_nearest_right_name(train, mode):
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


def test_an_experiment_of_another_config_folder_is_found_while_the_other_problems_are(
    refused, experiment_file
):
    experiment_file("seed: one\n")
    assert refused(*MINE, "trainer.max_epoch=3") == [
        ["sigopt.seed=one", "expected an integer, e.g. sigopt.seed=1"],
        ["trainer.max_epoch", "unknown key", "→ trainer.max_epochs"],
    ]


def test_the_problems_of_another_primary_config_are_told_of_that_one(refused, experiment_file, tmp_path):
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
        ("--config-dir=nowhere", ["--config-dir=nowhere", "no such folder"]),
        ("--config-path=nowhere", ["--config-path=nowhere", "no such folder"]),
    ],
)
def test_a_config_that_is_not_there_is_refused(refused, option, problem):
    assert refused(option) == [problem]


@pytest.mark.parametrize("mode", [(CREATE,), SWEEP], ids=["create", "sweep"])
def test_every_problem_of_a_search_is_shown_at_once(refused, experiment_file, mode):
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


def test_a_budget_of_0_is_refused(refused):
    assert refused(CREATE, "sigopt.observation_budget=0") == [
        ["sigopt.observation_budget", "expected a whole number of at least 1, got 0", "→ 10"]
    ]


def test_an_unknown_parameter_name_is_refused(refused, experiment_file):
    experiment_file(parameters(parameter("scheduler.max_lrs"), *KEPT))
    assert refused(CREATE, *MINE)[0] == [
        "sigopt.parameters.scheduler.max_lrs",
        "no config key, and not read by OneCycleLRParams and SGDParams",
        "→ scheduler.max_lr",
    ]


@pytest.mark.parametrize("mode", [(CREATE,), SWEEP], ids=["create", "sweep"])
def test_a_tuned_key_that_is_also_overridden_is_refused(refused, mode):
    assert refused(*mode, "scheduler.max_lr=0.5", "trainer.max_epochs=1") == [
        ["scheduler.max_lr", "is tuned, and also given on the command line", "→ leave it out"]
    ]


def test_a_tuned_key_that_has_a_value_in_the_experiment_is_refused(refused, experiment_file):
    file = experiment_file("seed: 1\n")
    file.write_text(file.read_text() + "optimizer:\n  weight_decay: 0.25\n")
    assert refused(CREATE, *MINE) == [
        [
            "optimizer.weight_decay",
            "is tuned, and also has the value 0.25 in the config",
            "→ ??? in the file that gives it the value",
        ]
    ]


def test_an_experiment_class_for_another_scheduler_is_refused_by_naming_both(refused):
    ((key, what, _),) = refused(
        CREATE, "sigopt.experiment_class=sigtune.tuning.common_experiments.SigOptSGDStepLRExperiment"
    )
    assert key == "sigopt.experiment_class"
    assert "StepLRParams sets the parameters of torch.optim.lr_scheduler.StepLR," in what
    assert what.endswith("scheduler is torch.optim.lr_scheduler.OneCycleLR")


@pytest.mark.parametrize("mode", [(), (CREATE,), SWEEP], ids=["run", "create", "sweep"])
def test_another_scheduler_than_the_experiment_s_is_answered_with_the_experiment_for_it(refused, mode):
    misfit, *others = refused(*mode, "scheduler=steplr")
    assert misfit == [
        "scheduler=steplr",
        "experiment=sparse_cnn_onecyclelr sets final_div_factor, anneal_strategy, cycle_momentum,"
        " unknown to it",
        "→ experiment=sparse_cnn_steplr",
    ]
    # In a search the mixin, which is for the other scheduler, is named beside.
    assert [key for key, *_ in others] == (["sigopt.experiment_class"] if mode else [])


@pytest.mark.parametrize("mode", [(), SWEEP], ids=["worker", "sweep"])
def test_an_experiment_that_does_not_exist_is_refused(refused, mode):
    assert refused(*mode, "sigopt.experiment_id=99") == [
        ["sigopt.experiment_id=99", "no such experiment", "→ create one first with sigopt.create=true"]
    ]


@pytest.mark.parametrize(
    ("url", "what", "remedy"),
    [
        ("sqlite:///nowhere/s.db", "the folder {}/nowhere does not exist", "a folder that exists"),
        ("sqlite:///extra", "{}/extra is a folder, and a store is a file", "sqlite:///{}/extra/sigopt.db"),
        ("sqlite:///extra/notes", "{}/extra/notes is not a database of SQLite", "another file"),
        ("sigopt.db", "is not a database URL", "sqlite:///sigopt.db"),
    ],
)
@pytest.mark.parametrize(
    "mode", [(CREATE,), ("sigopt.experiment_id=1",), SWEEP], ids=["create", "worker", "sweep"]
)
def test_a_store_that_cannot_be_used_is_refused_with_the_reason(refused, tmp_path, mode, url, what, remedy):
    (tmp_path / "extra").mkdir()
    (tmp_path / "extra" / "notes").write_text("no database\n" * 100)
    expected = ["sigopt.store", what.format(tmp_path), f"→ {remedy.format(tmp_path)}"]
    assert refused(*mode, f"sigopt.store={url}") == [expected]


@pytest.mark.parametrize("mode", [(), SWEEP], ids=["run", "sweep"])
def test_more_gpus_than_there_are_are_refused(refused, mode):
    ((key, what, remedy),) = refused(*mode, "trainer.gpus=99")
    assert key == "trainer.gpus=99"
    assert what.startswith("this machine has ")
    assert remedy.startswith("→ trainer.gpus=")


def test_a_parameter_without_a_default_value_is_named_in_a_plain_run(refused, experiment_file):
    experiment_file(parameters(parameter("max_lr"), *KEPT[:2]))
    problems = refused(*MINE)
    keys = [key for key, *_ in problems]
    assert "scheduler.max_lr" in keys
    assert "sigopt.parameters.max_lr" in keys
    assert "optimizer.weight_decay" in keys


def test_a_plain_run_is_told_what_is_wrong_with_its_search_too(refused):
    assert refused("sigopt.observation_budget=0", "trainer.gpus=-1") == [
        ["sigopt.observation_budget", "expected a whole number of at least 1, got 0", "→ 10"],
        ["trainer.gpus=-1", "expected 0 (the CPU) or more", "→ trainer.gpus=0"],
    ]


@pytest.mark.parametrize("experiment", ["sparse_cnn_onecyclelr", "sparse_cnn_steplr"])
def test_training_for_no_epoch_is_refused(refused, experiment):
    assert refused("trainer.max_epochs=0", f"experiment={experiment}") == [
        ["trainer.max_epochs=0", "expected 1 or more", "→ trainer.max_epochs=1"]
    ]


def test_what_only_the_data_can_tell_is_refused_too_and_leaves_no_folder(refused):
    assert refused("data.train_size=5") == [
        ["data.train_size", "5 clips cannot hold 12 classes", "→ 12 or more"]
    ]


def test_the_other_files_of_a_run_s_folder_stay(train, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes").touch()
    assert train("data.train_size=5", "hydra.run.dir=mine").returncode == 2
    assert (tmp_path / "mine" / "notes").exists()


def test_creating_takes_no_experiment_that_exists(refused):
    assert refused(CREATE, "sigopt.experiment_id=1") == [
        ["sigopt.create=true", "given with an experiment_id, which exists", "→ leave one of them out"]
    ]


def test_good_input_is_not_refused(train, tmp_path):
    result = train(CREATE)
    assert (result.returncode, result.stderr) == (0, "")
    assert _experiments(tmp_path) == 1
    created, search, job = [line for line in result.stdout.splitlines() if not line.startswith("[")]
    assert created.startswith('created  experiment 1 "sparse_gsc_onecyclelr_v2"')
    assert search == f"search   python {TRAIN} -m hydra/sweeper=sigopt sigopt.experiment_id=1"
    assert job == f"one job  python {TRAIN} sigopt.experiment_id=1"


def test_the_commands_after_creating_look_for_configs_where_this_one_did(train, experiment_file):
    experiment_file("seed: 1\n")
    job = train(CREATE, *MINE).stdout.splitlines()[-1]
    assert job == f"one job  python {TRAIN} --config-dir=extra experiment=mine sigopt.experiment_id=1"
