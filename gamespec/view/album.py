"""All pictures that a run gives, and the reasons for those that it does not."""

from __future__ import annotations

from gamespec.report.diagnostic import InternalError
from gamespec.view import attack, curves, plane, samples
from gamespec.view.opened import Opened, Undrawable
from gamespec.view.picture import Album, Picture

DRAWN = {
    "the plane": plane.plane,
    "samples": samples.generated,
    "samples over time": samples.over_time,
    "decision regions": samples.boundaries,
    "robustness over the radius": attack.over_radius,
    "attacked images": attack.images,
}


def album(run: Opened) -> Album:
    """Every picture; one that its program cannot compute is named with the reason, and hinders no other."""
    pictures: list[Picture] = []
    missing: list[str] = []
    curve = curves.learning_curves(run)
    if curve is not None:
        pictures.append(curve)
    else:
        missing.append("learning curves: the run reported nothing")
    for name, draw in DRAWN.items():
        try:
            pictures.append(draw(run))
        except (Undrawable, InternalError) as reason:
            missing.append(f"{name}: {reason}")
        except Exception as error:
            # A saved program is foreign code: whatever it raises costs one picture and no more.
            missing.append(f"{name}: the program of the run said {type(error).__name__}: {' '.join(str(error).split())[:200]}")
    return Album(tuple(pictures), tuple(missing))
