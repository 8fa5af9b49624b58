"""Prints sums of magnitudes: of two networks' outputs, then of each of their gradients, a line each."""

import torch
from tests.models.networks import published
from torch.nn import functional

for name in ("sparse_cnn", "le_sparse_net"):
    torch.manual_seed(0)
    network = published(name, num_classes=10)
    outputs = network(torch.randn(16, 1, 32, 32))
    gradients = torch.autograd.grad(
        functional.cross_entropy(outputs, torch.arange(16) % 10), list(network.parameters())
    )
    for values in (outputs.detach(), *gradients):
        print(float(values.abs().sum()))
