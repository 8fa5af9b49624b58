"""Functions in C++ for training on the CPU, and their bindings; in gpu/ those in Triton for a GPU."""
