import copy
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from sigtune.models.k_winners import KWinners
from sigtune.models.sparse_weights import SparseLinear
from sigtune.training.compilation import compile_model

CPU = torch.device("cpu")
# Inside torch's compiler.
TORCHS_OWN_WARNING = pytest.mark.filterwarnings("ignore:.*torch.jit.script.* is deprecated")


@pytest.fixture(autouse=True)
def _no_leftovers() -> Iterator[None]:
    torch.manual_seed(0)
    yield
    torch.compiler.reset()


def ours(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name.startswith("sigtune")]


class Network(nn.Module):
    def __init__(self, hidden: int = 8) -> None:
        super().__init__()
        self.hidden = SparseLinear(10, hidden, 0.5)
        self.winners = KWinners(hidden, 0.5)
        self.logits = nn.Linear(hidden, 2)

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.logits(self.winners(self.hidden(inputs)))
        return logits


def step(model: nn.Module, inputs: Tensor) -> tuple[Tensor, ...]:
    loss = functional.cross_entropy(model(inputs), torch.arange(len(inputs)) % 2)
    return torch.autograd.grad(loss, list(model.parameters()))


@pytest.mark.slow
@TORCHS_OWN_WARNING
def test_a_compiled_model_trains_and_validates_alike_and_keeps_its_keys(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    plain = Network()
    compiled = copy.deepcopy(plain)
    compile_model(compiled, CPU)
    assert not ours(caplog)
    for size in (6, 6, 4):  # the last batch of an epoch is a smaller one
        inputs = torch.randn(size, 10)
        for one, other in zip(step(plain, inputs), step(compiled, inputs), strict=True):
            torch.testing.assert_close(one, other)
    assert plain.state_dict().keys() == compiled.state_dict().keys()
    torch.testing.assert_close(plain.winners.duty_cycle, compiled.winners.duty_cycle)
    inputs = torch.randn(6, 10)
    torch.testing.assert_close(plain.eval()(inputs), compiled.eval()(inputs))


@pytest.mark.slow
@TORCHS_OWN_WARNING
def test_each_job_of_a_process_is_compiled_however_many_came_before(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[int] = []

    def noted(graph: Any, inputs: Any, **_: Any) -> Any:
        compiled.append(len(inputs))
        return graph.forward

    monkeypatch.setattr("torch._inductor.compile_fx.compile_fx", noted)
    with torch._dynamo.config.patch(recompile_limit=3):
        for job in range(5):
            model = Network(hidden=8 + job)
            compile_model(model, CPU)
            compiled.clear()  # of the line that tries the compiler
            for size in (6 + job, 4):
                step(model, torch.randn(size, 10))
            assert compiled, f"job {job} ran uncompiled"


@TORCHS_OWN_WARNING
def test_without_a_compiler_it_warns_once_and_trains_uncompiled(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    model = Network()
    # Not monkeypatch: what it puts back is no longer a setting that torch resets.
    with torch._inductor.config.patch({"cpp.cxx": (None, str(tmp_path / "no-compiler"))}):
        compile_model(model, CPU)
    (record,) = ours(caplog)
    assert record.levelno == logging.WARNING
    assert "trainer.step=compile" in record.message
    assert "compiler" in record.message
    assert all(gradient.isfinite().all() for gradient in step(model, torch.randn(6, 10)))
