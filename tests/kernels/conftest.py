"""One thread: the machines are shared, and bits depend on the number of threads."""

import torch

torch.set_num_threads(1)
