"""All pictures that a run gives, and the reasons for those that it does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from gamespec.report.diagnostic import InternalError
from gamespec.view import attack, curves, plane, samples
from gamespec.view.opened import Opened, Undrawable
from gamespec.view.picture import Album, Picture

BESIDE = (samples.boundaries, attack.over_radius, attack.images)
"""The pictures that several runs share."""

DRAWN: dict[str, Callable[[Opened], Picture]] = {
    "the plane": plane.plane,
    "samples": samples.generated,
    "samples over time": samples.over_time,
    "decision regions": samples.boundaries,
    "robustness over the radius": attack.over_radius,
    "attacked images": attack.images,
}


def album(run: Opened, others: Sequence[Opened] = ()) -> Album:
    """Every picture; one that its program cannot compute is named with the reason, and hinders no other.

    With `others`, networks of one type stand side by side, before the adversary of the first run that has one.
    """
    pictures: list[Picture] = []
    missing: list[str] = []
    curve = curves.learning_curves(run)
    if curve is not None:
        pictures.append(curve)
    else:
        missing.append("learning curves: the run reported nothing")
    for name, draw in DRAWN.items():
        ways: dict[str, Callable[[Opened], Picture]] = {name: draw}
        if others and draw in BESIDE:
            ways = {f"{name}, side by side": partial(_together, draw, others=others), name: draw}
        said: dict[str, str] = {}
        for called, make in ways.items():
            try:
                pictures.append(make(run))
                break
            except (Undrawable, InternalError) as reason:
                said[str(reason)] = called
            except Exception as error:
                # A saved program is foreign code: whatever it raises costs one picture and no more.
                said[f"the program of the run said {type(error).__name__}: {' '.join(str(error).split())[:200]}"] = called
        missing += [f"{called}: {reason}" for reason, called in said.items()]
    return Album(tuple(pictures), tuple(missing))


def _together(draw: Callable[..., Picture], run: Opened, others: Sequence[Opened]) -> Picture:
    """One picture of all runs, in the program of the first that can draw it. Error: the reasons where none can."""
    reasons = []
    for one in (run, *others):
        try:
            return draw(one, [r for r in (run, *others) if r is not one])
        except Undrawable as reason:
            reasons.append(str(reason))
    raise Undrawable("; ".join(dict.fromkeys(reasons)))
