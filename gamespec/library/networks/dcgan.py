"""What the two networks of a convolutional GAN share: image sides that halve down to 4 or 7."""

from __future__ import annotations

from gamespec.library.base import Misfit


def halvings(side: int) -> tuple[int, int]:
    """The side left after halving as often as possible down to 4 or 7, and how often that was; (0, 0) for other sides."""
    times = 0
    while side > 7 and side % 2 == 0:
        side, times = side // 2, times + 1
    return (side, times) if side in (4, 7) and times else (0, 0)


def side_misfit(word: str, what: str, shape: tuple[int, ...]) -> Misfit | None:
    """Why an image of that shape cannot be made or read, None where it can."""
    if len(shape) != 3:
        return Misfit(f"`{word}` {what} images", "write `image[c, h, w]` there, or use `mlp`")
    if shape[1] != shape[2] or not halvings(shape[1])[1]:
        return Misfit(f"`{word}` {what} square images of 8, 16, 32, 64, 14, 28 or 56 pixels a side", "resize them, or use `mlp`")
    return None
