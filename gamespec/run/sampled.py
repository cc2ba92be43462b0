"""What generators make of a little fixed noise, noted at a few reports of a run so that a page can show how it came about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from gamespec.emit.spell import attribute, spelled

if TYPE_CHECKING:
    from torch import Tensor

    from gamespec.ir.game import Dist, Game, Net
    from gamespec.run.contract import Emitted, State

POINTS, IMAGES = 200, 8
"""Samples that are kept of a generator of points in the plane, and of one of images."""

_SEED = 12345
"""The stream of the noise: never one of the run."""

_LARGEST = 3 * 64 * 64
"""Numbers of an image that is kept."""


def generators(game: Game) -> list[tuple[Net, Dist]]:
    """Networks that make points of the plane, or images, of noise alone."""
    return [(n, d) for n in game.nets for d in game.dists if n.inputs == (d.type,) and n.output.kind == "real" and _shown(n.output.shape)]


def _shown(shape: tuple[int, ...]) -> bool:
    return shape == (2,) or len(shape) == 3


class Sampled:
    """The samples at steps 1, 2, 4, 8, ..: a run of a million steps keeps 20 of them.

    The step alone decides, so that a run which was stopped and went on keeps the same; nothing of the game is touched.
    """

    def __init__(self, game: Game, module: Emitted, last: int = 0) -> None:
        self._module, self._last = module, last
        self._pairs = [(n, d) for n, d in generators(game) if n.output.shape == (2,) or _size(n.output.shape) <= _LARGEST]

    def look(self, k: int, state: State) -> dict[str, Any]:
        """Samples of each generator at step k, by its name; nothing before twice the step of the last look.

        Shapes: points [200, 2]; images [8, channels, height, width], in 256 levels from the least number to the greatest.
        """
        if not self._pairs or k < 2 * self._last:
            return {}
        self._last = k
        # A network that particles stand for is no part of the state.
        return {net.name: self._made(net, dist, state) for net, dist in self._pairs if hasattr(state, spelled(net.name))}

    def _made(self, net: Net, dist: Dist, state: State) -> list[Any]:
        generator = getattr(state, spelled(net.name))
        flat = net.output.shape == (2,)
        count = POINTS if flat else IMAGES
        noise = getattr(self._module, f"draw_{attribute(dist.name)}")(state, count, fixed_noise(self._module, count, state.device))
        trained = generator.training
        generator.eval()
        try:
            with torch.no_grad():
                made: Tensor = generator(noise).float().cpu()
        finally:
            generator.train(trained)
        if flat:
            return [[float(f"{x:.4g}") for x in point] for point in made.tolist()]
        low, high = made.min(), made.max()
        return list(((made - low) / (high - low).clamp_min(1e-9) * 255).round().int().tolist())


def _size(shape: tuple[int, ...]) -> int:
    return shape[0] * shape[1] * shape[2]


def fixed_noise(module: Emitted, n: int, device: str) -> Any:  # noqa: ANN401  # of the program; until 2027-11
    """The noise of n samples that a program has for looks, the same at every one; None where it leaves nothing to chance."""
    make = getattr(module, "noise_of_first", None)
    return None if make is None else make(_SEED, 0, n, device)
