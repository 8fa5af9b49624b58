"""Experiments of type offline: Gaussian processes of the metrics, from BoTorch.

Importing this imports torch, which takes a second or more.
"""

import warnings

with warnings.catch_warnings():
    # BoTorch's linear algebra is compiled by a function that torch has deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    import botorch  # noqa: F401
    from botorch.acquisition.multi_objective import logei

# From 0.18 on BoTorch would compile a function for this processor when two metrics are first optimized. A
# process that is killed meanwhile leaves a lock that every later one waits for, for ever; and suggestions
# would differ, by rounding, from those of a machine where it is not compiled.
logei._load_attempted = True
