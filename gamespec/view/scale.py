"""Axes: where the numbers of a panel lie on paper, and which of them are written."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gamespec.view.picture import Arrows, Band, Curve, Dots, Panel, Regions


@dataclass(frozen=True, slots=True)
class Scale:
    """A map from numbers in `low..high` to paper in `start..end`, through the logarithm where `log`."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """The place of a number; far outside is pulled near, so that no renderer meets huge coordinates."""
        share = (self._bent(value) - self._bent(self.low)) / (self._bent(self.high) - self._bent(self.low))
        return self.start + min(max(share, -2.0), 3.0) * (self.end - self.start)

    def _bent(self, value: float) -> float:
        return math.log10(max(value, 1e-300)) if self.log else value

    def ticks(self, most: int = 6) -> list[float]:
        """Round numbers inside, at most so many."""
        if self.log:
            first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
            stride = max(1, math.ceil((last - first + 1) / most))
            return [10.0**k for k in range(first, last + 1, stride)]
        step = _round_step((self.high - self.low) / most)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [k * step for k in range(first, last + 1)]


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is not below `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(n * power for n in (1.0, 2.0, 5.0, 10.0) if n * power >= least * (1 - 1e-9))


def label(value: float) -> str:
    """A number on an axis, short."""
    if value == 0 or abs(value) < 1e-300:
        return "0"
    size = abs(value)
    if 1e-3 <= size < 1e5:
        text = f"{value:.6g}"
    else:
        mantissa, exponent = f"{value:.2e}".split("e")
        mantissa = mantissa.rstrip("0").rstrip(".")
        text = f"{mantissa}e{int(exponent)}"
    return text.replace("-", "\N{MINUS SIGN}")


def limits(panel: Panel) -> tuple[tuple[float, float], tuple[float, float]]:
    """The ranges of both axes: as given, else what the marks need with a margin."""
    xs = panel.xlim or _around((x for x, _ in _points(panel)), log=False, margin=0.02)
    ys = panel.ylim or _around((y for _, y in _points(panel)), log=panel.log, margin=0.06)
    return xs, ys


def _points(panel: Panel) -> Iterator[tuple[float, float]]:
    for mark in panel.marks:
        match mark:
            case Curve() | Dots():
                yield from zip(mark.xs, mark.ys, strict=True)
            case Arrows():
                yield from zip(mark.xs, mark.ys, strict=True)
            case Band():
                yield from zip(mark.xs, mark.low, strict=True)
                yield from zip(mark.xs, mark.high, strict=True)
            case Regions():
                yield from zip(mark.x, mark.y, strict=True)


def _around(values: Iterable[float], *, log: bool, margin: float) -> tuple[float, float]:
    finite = [v for v in values if math.isfinite(v) and (not log or v > 0)]
    if not finite:
        return (1.0, 10.0) if log else (0.0, 1.0)
    low, high = min(finite), max(finite)
    if log:
        low, high = math.log10(low), math.log10(high)
        pad = max((high - low) * margin, 0.15)
        return 10.0 ** max(low - pad, -300), 10.0 ** min(high + pad, 300)
    if high - low <= 1e-12 * max(abs(low), abs(high), 1e-12):
        pad = 0.1 * abs(low) or 1.0
        return low - pad, high + pad
    pad = (high - low) * margin
    return low - pad, high + pad
