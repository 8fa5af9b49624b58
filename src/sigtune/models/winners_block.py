"""A convolution and the k winners that it leads to, and a row of these, each of which convolves winners."""

from __future__ import annotations

from torch import Tensor, nn

from sigtune.kernels.winners_convolution import can_convolve_winners, convolve_winners
from sigtune.models.norm_pool_winners import NormPoolWinners
from sigtune.models.sparse_weights import SparseConv2d


class WinnersBlock(nn.Module):
    """Convolution, batch norm, max pooling, k winners, with as little work on the CPU as the winners cause.

    What it returns, and up to rounding the values and gradients, are those of the layers one after the other.
    """

    def __init__(self, convolution: SparseConv2d, winners: NormPoolWinners) -> None:
        super().__init__()
        self.convolution = convolution
        self.winners = winners

    def forward(
        self, x: Tensor, argmax: Tensor | None = None, share: float = 1.0
    ) -> tuple[Tensor, Tensor | None]:
        """Return the winners, (N, D, H', W'), of x, (N, C, H, W), and their argmax indices where known.

        The `argmax` given is that of x, where x itself are the winners of a block, at most `share` of it.
        Only what they pass on is computed of the gradient with respect to x: the block before it needs no
        more.
        """
        shape, bias = self.convolution.shape, self.convolution.bias
        if argmax is not None and can_convolve_winners(x, shape, bias, share, self.convolution.kept_share):
            return self.winners.choose(convolve_winners(x, argmax, self.convolution.weight, bias))
        if argmax is None and self.winners.can_choose_from_images(x, shape, bias):
            return self.winners.choose_from_images(x, self.convolution.weight, bias)
        return self.winners.choose(self.convolution(x))


class WinnersBlocks(nn.Sequential):
    """Blocks one after the other: images, (N, C, H, W), to the winners of the last one."""

    def forward(self, images: Tensor) -> Tensor:
        """Return the winners, (N, D, H', W')."""
        x, argmax, share = images, None, 1.0
        for block in self:
            assert isinstance(block, WinnersBlock)
            x, argmax = block(x, argmax, share)
            share = block.winners.share_passed_on
        return x
