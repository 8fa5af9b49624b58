import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from hydra.errors import InstantiationException
from tests.data.modules import speech_commands_module, synthetic_module
from torch import Tensor, nn

from sigtune.config.schema import AugmentationConfig, TrainerConfig
from sigtune.data.batches import Batch, BatchSizes, TrainBatches
from sigtune.data.datamodule import SyntheticCommandsDataModule
from sigtune.data.front_end import LogMelSpectrogram
from sigtune.errors import UsageError
from sigtune.training.known_warnings import without_known_warnings
from sigtune.training.trainer import build_trainer

Make = Callable[..., SyntheticCommandsDataModule]
MakeTrainer = Callable[[int], pl.Trainer]
Fresh = Callable[[], SyntheticCommandsDataModule]


@pytest.fixture
def make(synthetic_dir: Path) -> Make:
    def make_data_module(**arguments: Any) -> SyntheticCommandsDataModule:
        module = synthetic_module(synthetic_dir, **arguments)
        module.prepare_data()
        module.setup("fit")
        return module

    return make_data_module


def epoch_of(loader: TrainBatches, epoch: int) -> list[Batch]:
    loader.sampler.set_epoch(epoch)
    return list(loader)


def equal(one: list[Batch], other: list[Batch]) -> bool:
    pairs = zip(one, other, strict=True)
    return all(torch.equal(x, a) and torch.equal(y, b) for (x, y), (a, b) in pairs)


def test_batches_are_images_and_class_numbers(make: Make) -> None:
    data = make()
    for loader, size in ((data.train_dataloader(), 60), (data.val_dataloader(), 24)):
        batches = list(loader)
        assert len(batches) == len(loader) == -(-size // 16)
        inputs, targets = batches[0]
        assert inputs.shape == (16, 1, 32, 32)
        assert (inputs.dtype, targets.dtype) == (torch.float32, torch.int64)
        assert not inputs.requires_grad
    assert data.num_classes == len(data.class_names) == 12


def test_every_clip_is_seen_once_an_epoch_the_last_small_batch_too(make: Make) -> None:
    loader = make(snr_db=None, max_shift_ms=0).train_dataloader()
    batches = epoch_of(loader, 0)
    assert [len(targets) for _, targets in batches] == [16, 16, 16, 12]
    front_end = LogMelSpectrogram()
    images = torch.cat([inputs for inputs, _ in batches])
    targets = torch.cat([targets for _, targets in batches])
    indices = []
    for clip, target in zip(loader.waveforms, loader.targets, strict=True):
        distances = (images - front_end(clip[None])).abs().amax(dim=(1, 2, 3))
        assert distances.min() < 1e-3  # one clip at a time may round otherwise than sixteen at once
        indices.append(int(distances.argmin()))
        assert targets[indices[-1]] == target
    assert sorted(indices) == list(range(60))
    assert indices != sorted(indices)


def test_the_same_seed_gives_the_same_batches_whatever_else_is_random(make: Make) -> None:
    torch.manual_seed(1)
    first = epoch_of(make(seed=5).train_dataloader(), 0)
    torch.manual_seed(2)
    np.random.seed(2)
    before = torch.get_rng_state()
    second = epoch_of(make(seed=5).train_dataloader(), 0)
    assert equal(first, second)
    assert torch.equal(torch.get_rng_state(), before)
    assert not equal(first, epoch_of(make(seed=6).train_dataloader(), 0))


def test_an_epoch_depends_on_its_number_and_not_on_the_ones_before(make: Make) -> None:
    straight, resumed = make().train_dataloader(), make().train_dataloader()
    epochs = [epoch_of(straight, epoch) for epoch in range(3)]
    assert equal(epochs[2], epoch_of(resumed, 2))
    assert not equal(epochs[0], epochs[1])
    assert not equal(epochs[1], epochs[2])


def test_noise_and_shift_are_new_every_epoch(make: Make) -> None:
    for arguments in ({"snr_db": None}, {"max_shift_ms": 0}):
        loader = make(batch_size=60, **arguments).train_dataloader()
        (first, _), (second, _) = epoch_of(loader, 0)[0], epoch_of(loader, 1)[0]
        words = {image.numpy().tobytes() for image in first} & {image.numpy().tobytes() for image in second}
        assert len(words) < 10


def test_validation_is_the_same_in_every_epoch_and_for_every_training_seed(make: Make) -> None:
    one, other = make(seed=1), make(seed=2)
    first = list(one.val_dataloader())
    assert equal(first, list(one.val_dataloader()))
    assert equal(first, list(other.val_dataloader()))
    assert not equal(first, list(make(snr_db=0.0).val_dataloader()))


def test_waveforms_stay_in_16_bits(make: Make) -> None:
    loader = make().train_dataloader()
    assert loader.waveforms.dtype == torch.int16
    assert loader.augmentation.noise is not None
    assert loader.augmentation.noise.noise.dtype == torch.int16
    list(loader)
    assert loader.waveforms.dtype == torch.int16


@pytest.mark.parametrize("world_size", [2, 7])
def test_processes_that_train_together_share_an_epoch(make: Make, world_size: int) -> None:
    whole = make(snr_db=None, max_shift_ms=0).train_dataloader()
    parts = [
        TrainBatches(
            whole.waveforms,
            whole.targets,
            augmentation=whole.augmentation,
            front_end=whole.front_end,
            sizes=BatchSizes(4),
            seed=0,
            rank=rank,
            world_size=world_size,
        )
        for rank in range(world_size)
    ]
    steps = [epoch_of(part, 3) for part in parts]
    assert {len(batches) for batches in steps} == {len(parts[0])}
    images = torch.cat([inputs for batches in steps for inputs, _ in batches])
    assert len(images) == -(-60 // world_size) * world_size
    for image in torch.cat([inputs for inputs, _ in epoch_of(whole, 3)]):
        assert (images - image).abs().amax(dim=(1, 2, 3)).min() < 1e-3


class Recorder(pl.LightningModule):
    """A real, tiny classifier that writes down what it was trained with."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(1024, 12)
        nn.init.zeros_(self.layer.weight)  # two of them start equal
        nn.init.zeros_(self.layer.bias)
        self.seen: dict[tuple[int | str, int], Tensor] = {}

    def training_step(self, batch: Batch, index: int) -> Tensor:
        inputs, targets = batch
        self.seen[self.current_epoch, index] = inputs.clone()
        return nn.functional.cross_entropy(self.layer(inputs.flatten(1)), targets)

    def validation_step(self, batch: Batch, index: int) -> None:
        inputs, _ = batch
        self.seen["validation", index] = inputs.clone()

    def test_step(self, batch: Batch, index: int) -> None:
        inputs, _ = batch
        self.seen["test", index] = inputs.clone()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.01)


@pytest.fixture
def trainer() -> Iterator[MakeTrainer]:
    """Return a function that builds the trainer that sigtune trains with."""
    with without_known_warnings():
        yield lambda epochs: build_trainer(
            TrainerConfig(max_epochs=epochs, precision="32-true", log_every_n_steps=1), {}, None, False, []
        )


@pytest.fixture
def fresh(synthetic_dir: Path) -> Fresh:
    return lambda: synthetic_module(synthetic_dir)


def test_a_real_trainer_takes_every_batch_of_every_split(
    fresh: Fresh, make: Make, trainer: MakeTrainer
) -> None:
    model, data = Recorder(), fresh()
    run = trainer(2)
    run.fit(model, data)
    run.test(model, data, verbose=False)
    steps = [(epoch, index) for epoch in range(2) for index in range(4)]
    others = [(stage, index) for stage in ("validation", "test") for index in range(2)]
    assert set(model.seen) == {*steps, *others}
    loader = make().train_dataloader()
    for epoch in range(2):
        for index, (inputs, _) in enumerate(epoch_of(loader, epoch)):
            assert torch.equal(model.seen[epoch, index], inputs)


def test_a_resumed_job_sees_the_epoch_that_it_would_have_seen(
    fresh: Fresh, trainer: MakeTrainer, tmp_path: Path
) -> None:
    straight, interrupted, resumed = Recorder(), Recorder(), Recorder()
    trainer(3).fit(straight, fresh())
    first = trainer(2)
    first.fit(interrupted, fresh())
    first.save_checkpoint(tmp_path / "end.ckpt")
    again = trainer(3)
    again.fit(resumed, fresh(), ckpt_path=tmp_path / "end.ckpt", weights_only=True)
    assert {epoch for epoch, _ in resumed.seen} == {2, "validation"}
    for index in range(4):
        assert torch.equal(resumed.seen[2, index], straight.seen[2, index])
    assert torch.equal(resumed.layer.weight, straight.layer.weight)


def test_the_first_epoch_has_batches_of_its_own_size_after_a_resume_too(
    synthetic_dir: Path, trainer: MakeTrainer, tmp_path: Path
) -> None:
    def data() -> SyntheticCommandsDataModule:
        return synthetic_module(synthetic_dir, first_epoch_batch_size=4)

    straight, first, resumed = Recorder(), Recorder(), Recorder()
    trainer(3).fit(straight, data())
    steps = [sum(epoch == number for epoch, _ in straight.seen) for number in range(3)]
    assert steps == [15, 4, 4]
    assert [len(straight.seen[epoch, 0]) for epoch in range(3)] == [4, 16, 16]
    begun = trainer(1)
    begun.fit(first, data())
    begun.save_checkpoint(tmp_path / "end.ckpt")
    trainer(3).fit(resumed, data(), ckpt_path=tmp_path / "end.ckpt", weights_only=True)
    assert torch.equal(resumed.layer.weight, straight.layer.weight)


def test_the_last_small_batch_is_dropped_if_asked(make: Make) -> None:
    loader = make(drop_last=True, batch_size=16).train_dataloader()
    assert [len(targets) for _, targets in loader] == [16, 16, 16]
    assert len(loader) == 3
    with pytest.raises(UsageError, match="60 training clips fill no batch of 64"):
        make(drop_last=True, batch_size=64)


def test_speech_commands_train_with_noise_and_are_tested_as_recorded(tiny_root: Path, tmp_path: Path) -> None:
    data = speech_commands_module(tmp_path, tiny_root, augmentation=AugmentationConfig(snr_db=10.0))
    data.prepare_data()
    data.setup("fit")
    data.setup("test")
    ((inputs, targets),) = data.test_dataloader()
    recordings = data.source.load("test")
    torch.testing.assert_close(inputs, LogMelSpectrogram()(torch.from_numpy(recordings.waveforms)))
    assert targets.tolist() == recordings.targets.tolist()
    loader = data.train_dataloader()
    (first, _), (second, _) = epoch_of(loader, 0)[0], epoch_of(loader, 1)[0]
    assert len(first) == 48
    assert {image.numpy().tobytes() for image in first}.isdisjoint(
        image.numpy().tobytes() for image in second
    )


def test_white_noise_is_blended_into_the_recordings_of_the_test(make: Make) -> None:
    data = make(snr_db=None, max_shift_ms=0)
    data.setup("test")
    assert equal(list(data.noisy_test_dataloader(0.0)), list(data.test_dataloader()))
    noisy = list(data.noisy_test_dataloader(0.25))
    assert equal(noisy, list(data.noisy_test_dataloader(0.25)))
    noise = torch.rand(24, 16_000, generator=torch.Generator().manual_seed(0)) * 2 - 1
    clips = torch.from_numpy(data.source.load("test").waveforms) / 32768
    expected = LogMelSpectrogram()(0.75 * clips + 0.25 * noise)
    torch.testing.assert_close(torch.cat([inputs for inputs, _ in noisy]), expected, rtol=0, atol=1e-3)


def test_every_wrong_argument_is_named_at_once(tmp_path: Path) -> None:
    wrong = {
        "batch_size": 0,
        "first_epoch_batch_size": 0,
        "seed": -1,
        "max_shift_ms": 1000.0,
        "resident_memory_fraction": 1.5,
    }
    with pytest.raises(InstantiationException) as caught:
        synthetic_module(tmp_path, **wrong)
    assert isinstance(caught.value.__cause__, UsageError)
    found = {problem.key for problem in caught.value.__cause__.problems}
    # The training's shift is the task's unless it is given.
    assert found == {f"data.{key}" for key in wrong} | {"data.augmentation.max_shift_ms"}


def test_streamed_clips_give_the_same_batches_in_the_same_order(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sigtune")
    resident = make(resident_memory_fraction=1.0).train_dataloader()
    assert not caplog.messages
    streamed = make(resident_memory_fraction=0.0).train_dataloader()
    assert "are streamed" in caplog.messages[0]
    for epoch in range(2):
        assert equal(epoch_of(resident, epoch), epoch_of(streamed, epoch))


def test_streaming_trains_the_same_model(synthetic_dir: Path, trainer: MakeTrainer) -> None:
    models = []
    for fraction in (1.0, 0.0):
        model = Recorder()
        data = synthetic_module(synthetic_dir, resident_memory_fraction=fraction)
        trainer(2).fit(model, data)
        models.append(model)
    assert torch.equal(models[0].layer.weight, models[1].layer.weight)
