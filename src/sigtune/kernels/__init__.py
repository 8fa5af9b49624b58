"""Functions in C++ for training on the CPU, and their bindings."""
