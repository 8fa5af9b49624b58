"""Whether a compiled function pays: torch computes a layer where it is the faster one for the layer's shape.

What is decided by measured time is decided here; what a function cannot take at all, beside it. The borders
are those of training steps on an AMD EPYC with AVX-512 and one thread, less a tenth or so, which is what
torch gains on the compiled functions with a second one (`benchmarks/kernel_choice.py` prints them for the
processor that it runs on; benchmarks/results has what it printed). They do not depend on the number of
threads, which must change no bit of a result, and are the same for every processor until one has been
measured that differs.

Batch norm, pooling and k-winners are compiled for any shape: they take 1.1 times as long as torch's layers
for one image, two thirds as long for 128, and the convolution that follows needs to know the winners.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

import torch

# Nanoseconds of a forward and a backward pass of a linear layer. Torch's take longer by weight, all of which
# are scattered, read and written, and by weight and sample; ours by kept weight and chunk of samples, and by
# call.
_BY_WEIGHT = 2.2
_BY_WEIGHT_AND_SAMPLE = 0.061
_BY_KEPT_WEIGHT_AND_CHUNK = 13.0
_CHUNK = 64
_BY_CALL = 150_000.0


def sparse_linear_pays(samples: int, inputs: int, outputs: int, kept: int) -> bool:
    """Return whether to multiply by the `kept` weights of each output unit rather than by all.

    Of 1600 × 1000 weights it pays up to a share of 0.38 for 128 samples, of 0.46 for 64, of 0.19 for 8;
    of 100 × 100 weights for none up to 128 samples.
    """
    chunks = (samples + _CHUNK - 1) // _CHUNK
    by_all = inputs * outputs * (_BY_WEIGHT + _BY_WEIGHT_AND_SAMPLE * samples)
    return kept * outputs * chunks * _BY_KEPT_WEIGHT_AND_CHUNK + _BY_CALL <= by_all


_IMAGES = 16  # that sparse_convolution.cpp takes at once
_KEPT = 0.35
_CHANNELS = 32


def sparse_convolution_pays(images: int, shape: Sequence[int], kept: float) -> bool:
    """Return whether to convolve with the weights that are kept, the share `kept`, rather than with all.

    The weights are of `shape`, (D, C, K, K). For 16 images or more it is 2 to 2.7 times as fast as
    torch's for a tenth of the weights, 1.2 to 1.6 times for a fifth, and much the same for four tenths;
    it takes fewer images as long as 16. 1×1 convolutions are faster in torch, and fewer channels than 32
    were not measured.
    """
    outputs, inputs, kernel, _ = shape
    groups = (images + _IMAGES - 1) // _IMAGES
    large = kernel > 1 and min(outputs, inputs) >= _CHANNELS
    return large and images > 0 and kept * groups * _IMAGES <= _KEPT * images


CARDS_WITH_TRITON: dict[str, frozenset[str]] = {"kth_highest": frozenset(), "norm_pool_winners": frozenset()}
"""For each kernel of kernels/gpu/ the GPUs, by the names that torch has for them, that it is used on.

A name is added when the tests of tests/kernels/gpu/ have passed there and `benchmarks/gpu_kit/gpu_measure.py
winners` has found the kernel faster than torch, with what both printed in a file of benchmarks/results.
Nobody has run them on any yet.
"""


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def triton_pays(kernel: str, device: torch.device) -> bool:
    """Return whether Triton is there, and to compute with this kernel of kernels/gpu/ on a device."""
    cards = CARDS_WITH_TRITON[kernel]
    return (
        len(cards) > 0
        and device.type == "cuda"
        and find_spec("triton") is not None
        and torch.cuda.get_device_name(device) in cards
    )


def winners_convolution_pays(kernel: int, outputs: int, share: float, kept: float) -> bool:
    """Return whether to convolve only winners, at most `share` of the inputs, with all weights.

    With 64 channels or more that is 3 times as fast as torch's for a tenth of the inputs, 1.1 times for four
    tenths, and slower for half. With 32 it is 1.7 times as fast for a tenth, and slower for three tenths. A
    1×1 convolution is faster in torch whatever the share. Where few weights are kept, the share `kept`, and
    more of the inputs win, the kept weights are the ones to go by.
    """
    most = 0.4 if outputs >= 64 else 0.2
    return kernel > 1 and share <= (min(most, kept) if kept <= _KEPT else most)


def image_winners_pay(kernel: int, taps: int, training: bool) -> bool:
    """Return whether to convolve images, `taps` values for an output, in one function with what follows.

    With 25 taps it trains 1.5 to 2 times as fast as with torch's convolution, with 75 still 1.1 to 1.3
    times in kernels of 5, which the compiler knows of, and with 48 in others; with more, the products of
    the taps take longer than they save, and in kernels of 1 and 2 with more than 12. Evaluation saves
    less.
    """
    most = 75 if kernel == 5 else 48 if kernel > 2 else 12
    return taps <= (most if training else most * 2 // 3)
