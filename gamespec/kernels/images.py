"""Images that are moved a little each time they are seen."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def moved_images(x: Tensor, rng: torch.Generator, pad: int, flip: bool, fill: float) -> Tensor:
    """Each image shifted by up to `pad` pixels each way, `fill` coming in, and mirrored left to right half of the time.

    Shapes: x and the result are [n, channels, height, width]. Every image has draws of its own.
    Source: He et al. 2016, "Deep residual learning for image recognition", section 4.2.
    """
    n, _, height, width = x.shape
    if pad:
        shifts = torch.randint(2 * pad + 1, (n, 2), generator=rng, device=x.device)
        rows = shifts[:, :1] + torch.arange(height, device=x.device)  # [n, height]
        columns = shifts[:, 1:] + torch.arange(width, device=x.device)  # [n, width]
        wide = F.pad(x, (pad, pad, pad, pad), value=fill).permute(0, 2, 3, 1)
        each = torch.arange(n, device=x.device)[:, None, None]
        x = wide[each, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    if flip:
        mirrored = torch.rand(n, generator=rng, device=x.device) < 0.5
        x = torch.where(mirrored[:, None, None, None], x.flip(-1), x)
    return x.contiguous()
