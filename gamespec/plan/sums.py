"""Sums of points or of gradients, with factors that may change with the steps: a small closed vocabulary."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fading:
    """A number that changes with the steps k = 1, 2, ...: base + size / (1 + (k - 1) / over) ** power; `first` at k = 1."""

    base: float = 0.0
    size: float = 0.0
    over: float = 1.0
    power: float = 1.0
    first: float | None = None

    def at(self, k: int) -> float:
        """The number of step k."""
        if k == 1 and self.first is not None:
            return self.first
        return self.base + self.size / float((1 + (k - 1) / self.over) ** self.power)

    def __str__(self) -> str:
        """As a plan prints it."""
        under = "k" if self.over == 1 else f"(1 + (k - 1)/{self.over:g})"
        fades = f"{self.size:g}/{under}{f'^{self.power:g}' if self.power != 1 else ''}" if self.size else ""
        text = " + ".join(t for t in (f"{self.base:g}" if self.base or not fades else "", fades) if t)
        return f"({text}{f', first {self.first:g}' if self.first is not None else ''})"


Factor = float | Fading
Mix = tuple[tuple[str, Factor], ...]
"""A sum of points, or of gradients: each name with its factor."""


def factor_text(factor: Factor) -> str:
    """A factor as a plan prints it."""
    return str(factor) if isinstance(factor, Fading) else f"{factor:g}"


def mix_text(mix: Mix) -> str:
    """A sum as it is written: `now`, `2 gradient - past`."""
    text = ""
    for name, factor in mix:
        down = not isinstance(factor, Fading) and factor < 0
        size = factor if isinstance(factor, Fading) else abs(factor)
        sign = (" - " if down else " + ") if text else ("-" if down else "")
        text += f"{sign}{'' if size == 1 else f'{factor_text(size)} '}{name}"
    return text or "nothing"
