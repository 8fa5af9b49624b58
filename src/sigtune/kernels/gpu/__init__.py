"""Kernels in Triton, each imported only where it is chosen and Triton is installed."""
