"""Training as the app asks for it. The frameworks are imported only here, when a run needs them."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from sigtune.config.keys import value_at
from sigtune.config.schema import Config, EvaluationConfig
from sigtune.config.validation import added_key_problems
from sigtune.errors import Problem, UsageError
from sigtune.job.stop import asked_to_stop

_ONE_CYCLE = "torch.optim.lr_scheduler.OneCycleLR"


def training_problems(cfg: DictConfig) -> list[Problem]:
    """Return why this machine cannot train the config; a search asks before it draws a suggestion."""
    if find_spec("pytorch_lightning") is None:
        return [Problem("training", "Lightning is not installed", "pip install 'sigtune[local,train]'")]
    if OmegaConf.get_type(cfg) is EvaluationConfig:
        return _evaluation_problems(cfg)
    from sigtune.training.devices import device_problems, setting_problems
    from sigtune.training.resume import resume_problems
    from sigtune.training.targets import target_problems

    sections = OmegaConf.to_container(cfg, resolve=False)
    assert isinstance(sections, dict)
    problems = added_key_problems(cfg) + target_problems({str(key): sections[key] for key in sections})
    problems += device_problems(cfg.trainer.gpus) + setting_problems(cfg.trainer)
    problems += resume_problems(cfg.trainer.resume)
    if cfg.report != "last":
        from sigtune.training.reported import report_problems

        problems += report_problems(cfg.report, sections["callbacks"])
    if cfg.evaluate and not problems:
        from sigtune.training.evaluate import untestable_problems

        problems += untestable_problems(sections["module"], sections["data"])
    return problems + _length_problems(cfg) + _batch_problems(cfg) + _class_problems(cfg)


def _length_problems(cfg: DictConfig) -> list[Problem]:
    """Return what is wrong with when a training ends, which a schedule over the whole of it needs to know."""
    trainer = cfg.trainer
    epochs = 1 if OmegaConf.is_missing(trainer, "max_epochs") else trainer.max_epochs
    if epochs < 1 and not (epochs == -1 and (trainer.max_steps > 0 or trainer.max_time is not None)):
        return [Problem(f"trainer.max_epochs={epochs}", "expected 1 or more", "trainer.max_epochs=1")]
    target = OmegaConf.select(cfg, "scheduler._target_")
    if epochs == -1 and trainer.max_steps < 1 and target == _ONE_CYCLE:
        what = "OneCycleLR plans over a known number of steps"
        return [Problem("trainer.max_epochs=-1", what, "trainer.max_epochs=1, or trainer.max_steps=1000")]
    if epochs == -1 and OmegaConf.select(cfg, "scheduler.T_max", default=1) == -1:
        remedy = "scheduler.interval=step scheduler.T_max=…, the number of steps"
        return [Problem("scheduler.T_max", "is trainer.max_epochs, which is -1", remedy)]
    return []


def _batch_problems(cfg: DictConfig) -> list[Problem]:
    """Return whether the first epoch has other batches under a schedule that plans over steps."""
    first = value_at(cfg, "data.first_epoch_batch_size")
    if first is None or OmegaConf.select(cfg, "scheduler._target_") != _ONE_CYCLE:
        return []
    what = "OneCycleLR plans over epochs of equally many steps"
    remedy = "data.first_epoch_batch_size=null, or another scheduler"
    return [Problem(f"data.first_epoch_batch_size={first}", what, remedy)]


def _class_problems(cfg: DictConfig) -> list[Problem]:
    """Return whether a network of ours has another number of outputs than data of ours has classes."""
    words, outputs = value_at(cfg, "data.words"), value_at(cfg, "model.num_classes")
    is_ours = str(value_at(cfg, "data._target_")).startswith("sigtune.data.")
    if not is_ours or words is None or outputs is None or outputs == len(words) + 2:
        return []
    what = f"data.words makes {len(words) + 2} classes, with unknown words and silence"
    key = f"model.num_classes={outputs}"
    return [Problem(key, what, f"model.num_classes={len(words) + 2}")]


def _evaluation_problems(cfg: DictConfig) -> list[Problem]:
    from sigtune.training.devices import device_problems
    from sigtune.training.evaluate import trained_sections
    from sigtune.training.targets import section_problems

    problems = added_key_problems(cfg) + device_problems(cfg.trainer.gpus)
    if cfg.data is not None:
        problems += section_problems("data", OmegaConf.to_container(cfg.data))
    if not OmegaConf.is_missing(cfg, "checkpoint"):
        try:
            trained_sections(cfg.checkpoint)
        except UsageError as error:
            problems += error.problems
    return problems


def train(cfg: DictConfig) -> dict[str, float]:
    """Train the config, or test the checkpoint that it names, and return the metrics by name.

    A job of a sweep stops when its sweep is asked to, and shows no progress bar.

    Raises UsageError where a class that the config names refuses what it is given, and KeyboardInterrupt on
    Ctrl-C, whatever Hydra and Lightning make of either.
    """
    from sigtune.training.evaluate import evaluate
    from sigtune.training.train import train as train_config

    config = OmegaConf.to_object(cfg)
    is_job = HydraConfig.get().mode == RunMode.MULTIRUN
    folder = Path(HydraConfig.get().runtime.output_dir)
    progress_bar = sys.stderr.isatty() and not is_job
    try:
        if isinstance(config, EvaluationConfig):
            return evaluate(config, progress_bar, folder)
        assert isinstance(config, Config)
        config.trainer.default_root_dir = config.trainer.default_root_dir or str(folder)
        should_stop = asked_to_stop if is_job else None
        return train_config(config, progress_bar, should_stop, folder)
    except InstantiationException as error:
        if isinstance(error.__cause__, UsageError):  # of a class that the config names by _target_
            raise error.__cause__ from error
        raise
    except SystemExit as error:
        if isinstance(error.__context__, KeyboardInterrupt):  # Lightning answers Ctrl-C with sys.exit(1)
            raise KeyboardInterrupt from error
        raise
