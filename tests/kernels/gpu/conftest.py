"""Where Triton's kernels run: on a GPU, or in Triton's interpreter. Skipped where Triton is not installed.

TRITON_INTERPRET=1 pytest tests/kernels/gpu
"""

import os
from importlib.util import find_spec

import pytest
import torch

# Triton asks when it is imported whether to compile or to interpret.
IS_INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"

ON_GPU = pytest.param(
    "cuda",
    marks=[
        pytest.mark.gpu,
        pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU"),
    ],
)
INTERPRETED = pytest.param(
    "cpu", marks=pytest.mark.skipif(not IS_INTERPRETED, reason="needs TRITON_INTERPRET=1")
)


@pytest.fixture(params=[INTERPRETED, ON_GPU])
def device(request: pytest.FixtureRequest) -> str:
    """The device of the tensors that the kernels are called with."""
    if find_spec("triton") is None:
        pytest.skip("Triton is not installed")
    device: str = request.param
    return device
