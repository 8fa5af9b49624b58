"""Losses of a small sparse network's first epochs on digits, under the schedules of sigtune's searches."""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor, nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, OneCycleLR

from sigtune.models.k_winners import KWinners
from sigtune.models.sparse_weights import SparseLinear

EPOCHS, BATCH, TRAINED = 4, 64, 1280
STEPS = EPOCHS * TRAINED // BATCH


def one_cycle(max_lr: float, div_factor: float, pct_start: float, weight_decay: float) -> float:
    """Return the loss under the search of conf/sigopt/sgd_onecyclelr.yaml."""
    network = sparse_network()
    optimizer = SGD(network.parameters(), lr=max_lr, weight_decay=weight_decay)
    schedule = OneCycleLR(optimizer, max_lr, total_steps=STEPS, pct_start=pct_start, div_factor=div_factor)
    return trained(network, optimizer, schedule)


def adamw_cosine(log_lr: float, eta_min: float, weight_decay: float) -> float:
    """Return the loss under the search of conf/sigopt/adamw_cosine.yaml."""
    network = sparse_network()
    optimizer = AdamW(network.parameters(), lr=math.exp(log_lr), weight_decay=weight_decay)
    return trained(network, optimizer, CosineAnnealingLR(optimizer, STEPS, eta_min))


def sparse_network() -> nn.Module:
    """Return a network of digits (n, 64), with half of its weights zero and a quarter of its units on."""
    with torch.random.fork_rng(devices=[]):  # an optimizer may draw from torch's numbers too
        torch.manual_seed(0)
        return nn.Sequential(SparseLinear(64, 64, 0.5), KWinners(64, 0.25), nn.Linear(64, 10))


def trained(network: nn.Module, optimizer: Optimizer, schedule: LRScheduler) -> float:
    """Return the cross-entropy on the digits that were not trained on, 10 where it is worse or not finite."""
    rows, labels = digits()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    order = torch.Generator().manual_seed(0)
    for _ in range(EPOCHS):
        for batch in torch.split(torch.randperm(TRAINED, generator=order), BATCH):
            optimizer.zero_grad()
            torch.autograd.backward(nn.functional.cross_entropy(network(rows[batch]), labels[batch]))
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        loss = float(nn.functional.cross_entropy(network.eval()(rows[TRAINED:]), labels[TRAINED:]))
    torch.set_num_threads(threads)
    return min(loss, 10.0) if math.isfinite(loss) else 10.0


@cache
def digits() -> tuple[Tensor, Tensor]:
    """Return the images (n, 64), between 0 and 1, and their digits (n,), in an order of no meaning."""
    from sklearn import datasets

    rows, labels = datasets.load_digits(return_X_y=True)
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))
    return torch.tensor(rows / 16, dtype=torch.float32)[order], torch.tensor(labels)[order]
