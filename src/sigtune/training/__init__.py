"""One training run: the Lightning module, its callbacks, the trainer and `train`."""

import os

# torch looks at it when it is imported: tensors of more than 2 MB in huge pages, which are fewer to clear.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
