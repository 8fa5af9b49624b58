"""Experiments of type offline: Gaussian processes of the metrics, from BoTorch.

Importing this imports torch, which takes a second or more.
"""

import warnings

with warnings.catch_warnings():
    # BoTorch's linear algebra is compiled by a function that torch has deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    import botorch  # noqa: F401
