"""Triton's compiler takes the kernels, for a GPU that need not be there: the interpreter is less strict."""

from importlib.util import find_spec
from typing import Any

import pytest
import torch
from tests.kernels.gpu.conftest import IS_INTERPRETED
from torch import Tensor

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed"),
    pytest.mark.skipif(IS_INTERPRETED, reason="Triton compiles nothing where TRITON_INTERPRET=1"),
    pytest.mark.filterwarnings("ignore:TRITON_DEFAULT_FP_FUSION"),
]

H100 = 90
TYPES = {
    torch.float64: "*fp64",
    torch.float32: "*fp32",
    torch.bfloat16: "*bf16",
    torch.float16: "*fp16",
    torch.int32: "*i32",
    torch.uint8: "*u8",
}


class CompiledAhead:
    """Compiles a kernel for the arguments that it is launched with, and launches nothing."""

    def __init__(self, kernel: Any) -> None:
        self.kernel = kernel
        self.binaries: list[bytes] = []

    def __getitem__(self, grid: object) -> Any:
        return self._compile

    def _compile(self, *arguments: Tensor | int, num_warps: int = 4) -> None:
        import triton
        from triton.backends.compiler import GPUTarget
        from triton.compiler import ASTSource

        signature, constants = {}, {}
        for parameter, argument in zip(self.kernel.params, arguments, strict=True):
            # Triton takes an integer that is 1 for a constant too.
            if parameter.is_constexpr or (type(argument) is int and argument == 1):
                signature[parameter.name], constants[parameter.name] = "constexpr", argument
            else:
                signature[parameter.name] = TYPES[argument.dtype] if isinstance(argument, Tensor) else "i32"
        compiled = triton.compile(
            ASTSource(self.kernel, signature, constants),
            target=GPUTarget("cuda", H100, 32),
            options={"num_warps": num_warps},
        )
        self.binaries.append(compiled.asm["cubin"])


def ahead(monkeypatch: pytest.MonkeyPatch, module: Any, *names: str) -> list[CompiledAhead]:
    kernels = [CompiledAhead(getattr(module, name)) for name in names]
    for name, kernel in zip(names, kernels, strict=True):
        monkeypatch.setattr(module, name, kernel)
    return kernels


def test_the_kth_highest_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    from sigtune.kernels.gpu import kth_highest

    (kernel,) = ahead(monkeypatch, kth_highest, "_kernel")
    for units in (1000, 50176):
        kth_highest.kth_highest(torch.zeros(2, units), 100)
    assert len(kernel.binaries) == 2
    assert all(kernel.binaries)


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        ((2, 64, 28, 28), torch.float32),
        ((2, 64, 28, 28), torch.bfloat16),
        ((2, 64, 28, 28), torch.float16),
        ((2, 1, 3, 3), torch.float32),
        ((2, 30, 1, 1), torch.bfloat16),
    ],
)
@pytest.mark.parametrize("before_pool", [False, True])
def test_norm_pool_and_winners_are_compiled(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...], dtype: torch.dtype, before_pool: bool
) -> None:
    from sigtune.kernels.gpu import norm_pool_winners

    kernels = ahead(
        monkeypatch,
        norm_pool_winners,
        *("_sum_pixels", "_finish_statistics", "_find_thresholds"),
        "_keep_winners_and_pool" if before_pool else "_pool_and_keep_winners",
        *("_sum_passed_on", "_spread_gradient"),
    )
    x, window = torch.zeros(shape, dtype=dtype), min(2, shape[2])
    mean, scale = norm_pool_winners.channel_statistics(x)
    y, argmax, _ = norm_pool_winners.norm_pool_winners(x, mean, scale, scale, 3, window, before_pool)
    norm_pool_winners.norm_pool_winners_gradient(y, x, y, argmax, mean, scale, window)
    assert all(len(kernel.binaries) == 1 and kernel.binaries[0] for kernel in kernels)
