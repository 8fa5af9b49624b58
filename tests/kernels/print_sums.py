"""Prints a line for each width of lanes named: sums of magnitudes, of two networks' outputs and gradients.

A process loads the compiled functions in one width, so each has one of its own, forked after the imports.
"""

import os
import sys

import torch
from tests.models.networks import published
from torch.nn import functional

from sigtune.kernels import library


def sums() -> list[float]:
    found = []
    for name in ("sparse_cnn", "le_sparse_net"):
        torch.manual_seed(0)
        network = published(name, num_classes=10)
        outputs = network(torch.randn(16, 1, 32, 32))
        gradients = torch.autograd.grad(
            functional.cross_entropy(outputs, torch.arange(16) % 10), list(network.parameters())
        )
        found += [float(values.abs().sum()) for values in (outputs.detach(), *gradients)]
    return found


for lanes in sys.argv[1:]:
    child = os.fork()
    if not child:
        os.environ[library.LANES] = lanes
        print(*sums(), flush=True)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
