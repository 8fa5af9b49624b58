"""One training run: the Lightning module, its callbacks, the trainer and `train`."""

import os

# torch looks at it when it is imported: tensors of more than 2 MB in huge pages, which are fewer to clear.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
# The first product on a GPU decides for a whole process whether cuBLAS can be deterministic: without this
# a job with trainer.deterministic=true fails after one without.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
