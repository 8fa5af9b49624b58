import subprocess
import sys

import pytest
from tests.patience import PATIENCE_SECONDS

# Pages that the system had to supply while layers' worth of tensors were made and freed again and again.
COUNT_FAULTS = """
import resource, sys
import torch
from sigtune.training.host_memory import reuse_freed_memory
if sys.argv[1] == "reuse":
    reuse_freed_memory()
def step():
    activations = [torch.ones(6 << 20) for _ in range(3)]
for _ in range(3):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(mode: str) -> int:
    command = [sys.executable, "-c", COUNT_FAULTS, mode]
    return int(
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE_SECONDS).stdout
    )


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc is asked")
def test_the_memory_of_a_freed_tensor_serves_the_next_one() -> None:
    assert 2 * page_faults("reuse") < page_faults("default")
