import subprocess
import sys

import pytest
from tests.patience import PATIENCE_SECONDS

# Pages that the system had to supply while layers' worth of tensors were made and freed again and again.
COUNT_FAULTS = """
import resource
import torch
from sigtune.training.host_memory import reuse_freed_memory
def step():
    activations = [torch.ones(6 << 20) for _ in range(3)]
def faults_of_20_steps():
    for _ in range(3):
        step()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        step()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(faults_of_20_steps())
reuse_freed_memory()
print(faults_of_20_steps())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc is asked")
def test_the_memory_of_a_freed_tensor_serves_the_next_one() -> None:
    command = [sys.executable, "-c", COUNT_FAULTS]
    result = subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    before, after = map(int, result.stdout.split())
    assert 2 * after < before
