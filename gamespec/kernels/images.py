"""Images that are moved a little each time they are seen."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from gamespec.kernels.noise import Noise


def moved_images(x: Tensor, rng: Noise, pad: int, flip: bool, fill: float) -> Tensor:
    """Each image shifted by up to `pad` pixels each way, `fill` coming in, and mirrored left to right half of the time.

    Shapes: x and the result are [n, channels, height, width], and `rng` is the noise of n rows.
    Source: He et al. 2016, "Deep residual learning for image recognition", section 4.2.
    """
    n, _, height, width = x.shape
    if pad:
        shifts = rng.whole((n, 2), 2 * pad + 1)
        rows = shifts[:, :1] + torch.arange(height, device=x.device)  # [n, height]
        columns = shifts[:, 1:] + torch.arange(width, device=x.device)  # [n, width]
        wide = F.pad(x, (pad, pad, pad, pad), value=fill).permute(0, 2, 3, 1)
        each = torch.arange(n, device=x.device)[:, None, None]
        x = wide[each, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    if flip:
        mirrored = rng.uniform((n,), torch.float32) < 0.5
        x = torch.where(mirrored[:, None, None, None], x.flip(-1), x)
    return x.contiguous()
