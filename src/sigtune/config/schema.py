"""The schema that every config is checked against: one dataclass per config group.

The YAML files under conf/ hold values only. Hydra merges them into these dataclasses, so a key that does not
exist or a value of the wrong type is refused. `???` (MISSING) marks a value that has to come from somewhere:
the experiment file, the command line, or a suggestion. This module imports neither torch nor Lightning.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import II, MISSING

from sigtune.config.hydra_version import STORED_AGAIN


@dataclass
class ParameterConfig:
    """One tuned quantity, in the fields of SigOpt's Parameter object.

    `bounds` are `min` and `max`, the closed interval that a double or an int is searched in. A `prior` is a
    belief about where good values lie: its `name` is `normal`, with `mean` and `scale`, or `beta`, with
    `shape_a` and `shape_b`. An override can add to an empty mapping, and not to a section that is null.
    """

    name: str = MISSING
    type: str = MISSING
    bounds: dict[str, float] | None = field(default_factory=dict)
    grid: list[float] | None = None
    categorical_values: list[str] | None = None
    transformation: str | None = None
    default_value: Any = None
    prior: dict[str, Any] | None = field(default_factory=dict)
    conditions: dict[str, Any] = field(default_factory=dict)


@dataclass
class ConditionalConfig:
    """A choice that decides which parameters there are: see a parameter's `conditions`."""

    name: str = MISSING
    values: list[str] = MISSING


@dataclass
class TermConfig:
    """One summand of a linear constraint: a parameter times its weight."""

    name: str = MISSING
    weight: float = MISSING


@dataclass
class LinearConstraintConfig:
    """A weighted sum of parameters that is to be `greater_than` or `less_than` the threshold."""

    type: str = MISSING
    threshold: float = MISSING
    terms: list[TermConfig] = field(default_factory=list)


@dataclass
class MetricConfig:
    """One reported quantity, in the fields of SigOpt's Metric object."""

    name: str = MISSING
    objective: str = "maximize"
    strategy: str = "optimize"
    threshold: float | None = None


@dataclass
class TaskConfig:
    """One task of a multitask experiment: a cheaper way to evaluate, `cost` in (0, 1]."""

    name: str = MISSING
    cost: float = MISSING


@dataclass
class SigOptConfig:
    """The `sigopt` block: the experiment itself, and how sigtune reaches the SigOpt that holds it."""

    name: str = MISSING
    parameters: list[ParameterConfig] = field(default_factory=list)
    metrics: list[MetricConfig] = field(default_factory=list)
    parallel_bandwidth: int = 1
    observation_budget: int = MISSING
    project: str | None = None
    tasks: list[TaskConfig] | None = None
    type: str | None = None
    num_solutions: int | None = None
    conditionals: list[ConditionalConfig] | None = None
    linear_constraints: list[LinearConstraintConfig] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    experiment_class: str = "sigtune.tuning.experiment.SigOptExperiment"
    experiment_id: str | None = None
    create: bool = False
    backend: str = "auto"
    store: str = "${oc.env:SIGOPT_STORE,'sqlite:///sigopt.db'}"
    seed: int = 0
    max_consecutive_failures: int = 3
    max_lost_runs: int = 3
    max_retries: int = 0
    job_timeout: float | None = None
    repeats: int = 1
    repeat_key: str = "seed"
    seed_per_suggestion: bool = False
    retry_seconds: float = 300.0


@dataclass
class AugmentationConfig:
    """`sigtune.data.augmentation.AugmentationSettings` of the training; as noisy and shifted as the task."""

    probability: float = 1.0
    amplitude: list[float] = field(default_factory=lambda: [1.0, 1.0])
    max_speed: float = 0.0
    max_stretch: float = 0.0
    max_shift_ms: float = II("..max_shift_ms")
    snr_db: float | None = II("..snr_db")


@dataclass
class SpokenWordsConfig:
    """What the data sets of spoken words have in common.

    `first_epoch_batch_size` is that of the first epoch where it is another. With `drop_last` an epoch ends
    before a last batch that would be smaller.

    `words` are the classes, `unknown` adds clips of other words, `silence` is `noise` or `zeros` (in training
    only). `snr_db` and `max_shift_ms` make the task: validation and test are as noisy and as shifted as they
    say. `front_end` is `log_mel` or `mel_decibels`.
    """

    data_dir: str = MISSING
    batch_size: int = MISSING
    first_epoch_batch_size: int | None = None
    drop_last: bool = False
    seed: int = MISSING
    words: list[str] = MISSING
    unknown: bool = True
    silence: str = "noise"
    data_seed: int = 0
    front_end: str = "log_mel"
    snr_db: float | None = None
    max_shift_ms: float = 0.0
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    resident_memory_fraction: float = 0.5


@dataclass
class SyntheticCommandsConfig(SpokenWordsConfig):
    """`sigtune.data.datamodule.SyntheticCommandsDataModule`; `train_voices` is the training's share."""

    _target_: str = "sigtune.data.datamodule.SyntheticCommandsDataModule"
    train_size: int = 3400
    validation_size: int = 900
    test_size: int = 900
    train_voices: float = MISSING


@dataclass
class SpeechCommandsConfig(SpokenWordsConfig):
    """`sigtune.data.datamodule.SpeechCommandsDataModule`; `root` is a folder with the extracted data set.

    Words shorter than a second get zeros at `both` ends or at the `end`: `padding`.
    """

    _target_: str = "sigtune.data.datamodule.SpeechCommandsDataModule"
    padding: str = "both"
    root: str | None = None
    version: str = "v0.02"
    url: str | None = None
    sha256: str | None = None


@dataclass
class ClassifierConfig:
    """`sigtune.training.classifier.Classifier`, which builds the three itself."""

    _target_: str = "sigtune.training.classifier.Classifier"
    _recursive_: bool = False
    model: Any = MISSING
    optimizer: Any = MISSING
    scheduler: Any = MISSING


@dataclass
class SparseCNNConfig:
    """`sigtune.models.sparse_cnn.SparseCNN`."""

    _target_: str = "sigtune.models.sparse_cnn.SparseCNN"
    num_classes: int = 12
    conv_channels: list[int] = MISSING
    kernel_size: int = MISSING
    linear_units: int = MISSING
    conv_weight_sparsity: list[float] = MISSING
    linear_weight_sparsity: float = MISSING
    conv_percent_on: list[float] = MISSING
    linear_percent_on: float = MISSING
    boost_strength: float = MISSING
    boost_strength_factor: float = MISSING
    k_inference_factor: float = MISSING
    duty_cycle_period: int = MISSING
    k_winners_before_pool: bool = False


@dataclass
class DenseCNNConfig:
    """`sigtune.models.sparse_cnn.DenseCNN`."""

    _target_: str = "sigtune.models.sparse_cnn.DenseCNN"
    num_classes: int = 12
    conv_channels: list[int] = MISSING
    kernel_size: int = MISSING
    linear_units: int = MISSING


@dataclass
class SGDConfig:
    """`torch.optim.SGD`. What experiments tune (lr, momentum, weight_decay) has no value of its own."""

    _target_: str = "torch.optim.SGD"
    _partial_: bool = True
    lr: float = MISSING
    momentum: float = MISSING
    weight_decay: float = MISSING
    dampening: float = 0.0
    nesterov: bool = False
    fused: bool = False


@dataclass
class AdamConfig:
    """`torch.optim.Adam`."""

    _target_: str = "torch.optim.Adam"
    _partial_: bool = True
    lr: float = MISSING
    weight_decay: float = MISSING
    betas: list[float] = field(default_factory=lambda: [0.9, 0.999])
    eps: float = 1e-8
    amsgrad: bool = False
    fused: bool = False


@dataclass
class AdamWConfig(AdamConfig):
    """`torch.optim.AdamW`, whose weight decay is decoupled from the gradient."""

    _target_: str = "torch.optim.AdamW"


@dataclass
class OneCycleLRConfig:
    """`torch.optim.lr_scheduler.OneCycleLR`; its total_steps are known only once training starts."""

    _target_: str = "torch.optim.lr_scheduler.OneCycleLR"
    _partial_: bool = True
    max_lr: float = MISSING
    div_factor: float = MISSING
    pct_start: float = MISSING
    final_div_factor: float = MISSING
    anneal_strategy: str = MISSING
    cycle_momentum: bool = MISSING
    base_momentum: float = 0.85
    max_momentum: float = MISSING
    three_phase: bool = False


@dataclass
class SteppedSchedulerConfig:
    """When Lightning steps a scheduler: after every `frequency` of its `interval`, `epoch` or `step`."""

    _partial_: bool = True
    interval: str = "epoch"
    frequency: int = 1


@dataclass
class StepLRConfig(SteppedSchedulerConfig):
    """`torch.optim.lr_scheduler.StepLR`; step_size is in intervals."""

    _target_: str = "torch.optim.lr_scheduler.StepLR"
    step_size: int = MISSING
    gamma: float = MISSING


@dataclass
class CosineConfig(SteppedSchedulerConfig):
    """`torch.optim.lr_scheduler.CosineAnnealingLR`; T_max is in intervals."""

    _target_: str = "torch.optim.lr_scheduler.CosineAnnealingLR"
    T_max: int = MISSING
    eta_min: float = MISSING


@dataclass
class ExponentialConfig(SteppedSchedulerConfig):
    """`torch.optim.lr_scheduler.ExponentialLR`."""

    _target_: str = "torch.optim.lr_scheduler.ExponentialLR"
    gamma: float = MISSING


@dataclass
class ReduceOnPlateauConfig(SteppedSchedulerConfig):
    """`torch.optim.lr_scheduler.ReduceLROnPlateau` of the logged metric `monitor`; `mode` is min or max."""

    _target_: str = "torch.optim.lr_scheduler.ReduceLROnPlateau"
    monitor: str = "validation_loss"
    mode: str = "min"
    factor: float = MISSING
    patience: int = MISSING
    threshold: float = 1e-4
    threshold_mode: str = "rel"
    cooldown: int = 0
    min_lr: float = 0.0
    eps: float = 1e-8


@dataclass
class TrainerConfig:
    """The parameters of `pytorch_lightning.Trainer`, and before them sigtune's own.

    `gpus` is their number, 0 for the CPU. `resume` is `auto` (go on from the last checkpoint in the job's own
    folder, where there is one of the same config), `never`, or the path of a checkpoint. `step` is
    how a training step runs: `eager`, kernel by kernel; `graph`, as one CUDA graph; `compile`, by
    torch.compile; `auto` is eager. `num_threads` is that of the CPU, as many as there are cores where it is
    null. `process_group_backend` is what several GPUs talk through, `nccl` or `gloo`. `precision` is one of
    Lightning's names, or `auto`: see `sigtune.training.precision`. `profiler` is `simple`, `advanced` or
    `pytorch`, and writes into the job's folder. A whole number of batches is an integer, a share of them a
    float.
    """

    gpus: int = 0
    resume: str = "auto"
    step: str = "auto"
    num_threads: int | None = None
    process_group_backend: str | None = None
    max_epochs: int = MISSING
    min_epochs: int | None = None
    max_steps: int = -1
    min_steps: int | None = None
    max_time: Any = None
    precision: str = "auto"
    deterministic: bool | str = False
    benchmark: bool = False
    inference_mode: bool = True
    gradient_clip_val: float | None = None
    gradient_clip_algorithm: str | None = None
    accumulate_grad_batches: int = 1
    check_val_every_n_epoch: int | None = 1
    val_check_interval: Any = None
    num_sanity_val_steps: int = 0  # the first epoch validates soon enough, and a sanity check would be logged
    log_every_n_steps: int = 10
    limit_train_batches: int | float = 1.0
    limit_val_batches: int | float = 1.0
    limit_test_batches: int | float = 1.0
    limit_predict_batches: int | float = 1.0
    overfit_batches: int | float = 0.0
    fast_dev_run: bool | int = False
    reload_dataloaders_every_n_epochs: int = 0
    use_distributed_sampler: bool = True
    sync_batchnorm: bool = False
    enable_model_summary: bool = False
    enable_autolog_hparams: bool = True
    default_root_dir: str | None = None
    profiler: str | None = None
    detect_anomaly: bool = False
    barebones: bool = False
    model_registry: str | None = None


@dataclass
class Config:
    """The primary config. A group whose class is a choice is open (Any) here; its YAML names its schema.

    `report` is the epoch whose metrics a job returns, `last` or `best` (of the checkpoint callback that has a
    monitor); with `evaluate` its weights are tested too.
    """

    seed: int = 42
    data_dir: str = "data"
    report: str = "last"
    evaluate: bool = False
    data: Any = MISSING
    module: Any = MISSING
    model: Any = MISSING
    optimizer: Any = MISSING
    scheduler: Any = MISSING
    callbacks: dict[str, Any] = field(default_factory=dict)
    logger: Any = None
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    sigopt: SigOptConfig = field(default_factory=SigOptConfig)


@dataclass
class EvaluationTrainerConfig:
    """Those fields of TrainerConfig that a test has a use for."""

    gpus: int = 0
    precision: str = "auto"
    deterministic: bool | str = False
    limit_test_batches: int | float = 1.0


@dataclass
class EvaluationConfig:
    """The primary config `evaluate`: a finished training's checkpoint, to be tested on a test set.

    `data` takes the place of the data that it was trained with, which is tested on where there is none here.
    `noise_levels` are the shares of white noise at which accuracy is tested; none for an empty list.
    """

    checkpoint: str = MISSING
    seed: int = 42
    data_dir: str = "data"
    noise_levels: list[float] = field(default_factory=lambda: [step / 20 for step in range(11)])
    data: Any = None
    trainer: EvaluationTrainerConfig = field(default_factory=EvaluationTrainerConfig)


# The dataclass of each choice whose class is known, by config group and name.
GROUP_SCHEMAS: tuple[tuple[str, str, type], ...] = (
    ("data", "synthetic_commands", SyntheticCommandsConfig),
    ("data", "speech_commands", SpeechCommandsConfig),
    ("module", "classifier", ClassifierConfig),
    ("model", "sparse_cnn", SparseCNNConfig),
    ("model", "dense_cnn", DenseCNNConfig),
    ("optimizer", "sgd", SGDConfig),
    ("optimizer", "adam", AdamConfig),
    ("optimizer", "adamw", AdamWConfig),
    ("scheduler", "onecyclelr", OneCycleLRConfig),
    ("scheduler", "steplr", StepLRConfig),
    ("scheduler", "cosine", CosineConfig),
    ("scheduler", "exponential", ExponentialConfig),
    ("scheduler", "reduce_on_plateau", ReduceOnPlateauConfig),
)


def register_schemas() -> None:
    """Put the dataclasses where the defaults lists of conf/ find them, each as GROUP/NAME_schema."""
    store = ConfigStore.instance()
    store.store(name="config_schema", node=Config, **STORED_AGAIN)
    store.store(name="evaluate_schema", node=EvaluationConfig, **STORED_AGAIN)
    for group, name, node in GROUP_SCHEMAS:
        store.store(group=group, name=f"{name}_schema", node=node, **STORED_AGAIN)
