"""Named points, gradients and factors as Python: how each is called in the program, and sums of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.emit.spell import gradient_name, handle, point_name, spelled
from gamespec.plan.ops import NOW
from gamespec.plan.sums import Factor, Fading

if TYPE_CHECKING:
    from gamespec.emit.scene import Scene, Text


def local(scene: Scene, owned: str) -> str:
    """What a player owns, in the program: the name of a variable, or of a network's parameters."""
    net = scene.net(owned)
    return spelled(owned) if net is None else handle(net)


def named(scene: Scene, owned: str, name: str, *, gradient: bool) -> str:
    """What is owned, at a point; or its gradient of this name."""
    return gradient_name(spelled(owned), name) if gradient else point_name(local(scene, owned), name)


def kept(scene: Scene) -> dict[str, tuple[str, bool]]:
    """What outlives a step: its name in the program, what it is of, and whether it is a gradient."""
    return {named(scene, o, op.name, gradient=op.gradient): (o, op.gradient) for op, o in scene.keeps()}


def factor_code(factor: Factor) -> str:
    """A factor as Python, evaluated as `Fading.at` evaluates it."""
    if not isinstance(factor, Fading):
        return repr(factor)
    under = "s.k" if factor.over == 1 else f"(1 + (s.k - 1) / {factor.over!r})"
    under += "" if factor.power == 1 else f" ** {factor.power!r}"
    text = f"{factor.size!r} / {under}" if factor.size else repr(factor.base)
    if factor.base and factor.size:
        text = f"({factor.base!r} + {text})"
    text = f"({text})" if factor.size and not factor.base else text
    if factor.first is None:
        return text
    # No choice by the count of steps, which is a tensor in a compiled step: 0 ** (k - 1) is 1 at first and 0 from then on.
    return f"({text} * (1 - 0 ** (s.k - 1))" + (f" + {factor.first!r} * 0 ** (s.k - 1))" if factor.first else ")")


def seen(scene: Scene, text: Text) -> None:
    """What only looks at the state sees every player at its answer, where that is not where it stands."""
    if scene.plan.answer != NOW:
        text.add("    s = answered(s)")


def answered_function(scene: Scene, text: Text) -> None:
    """Write `answered`: the state with the answer of every player in its place."""
    if scene.plan.answer == NOW:
        return
    scene.reached.add("view")
    text.define("answered", "s", "The state as it is reported: every player at its answer. Seen twice it is the same.")
    entries = []
    for o in dict.fromkeys(o for op, o in scene.keeps() if op.name == scene.plan.answer and not op.gradient):
        name, net = f"s.{named(scene, o, scene.plan.answer, gradient=False)}", scene.net(o)
        if net is not None:
            scene.reached.add("with_weights")
        own = spelled(o) if net is None else spelled(net.name)
        entries.append(f"{own}={name if net is None else f'with_weights(s.{own}, {name})'}")
    text.add(f"    return s if s.answered else view(s, answered=True, {', '.join(entries)})")


def total(terms: list[tuple[str, Factor]]) -> str:
    """A sum of tensors, from left to right."""
    text = ""
    for name, factor in terms:
        down = not isinstance(factor, Fading) and factor < 0
        size = factor if isinstance(factor, Fading) else abs(factor)
        sign = (" - " if down else " + ") if text else ("-" if down else "")
        text += f"{sign}{name if size == 1 else f'{factor_code(size)} * {name}'}"
    return text


def total_of_lists(scene: Scene, terms: list[tuple[str, Factor]]) -> str:
    """A sum of lists of tensors."""
    if len(terms) == 1 and terms[0][1] == 1:
        return terms[0][0]
    scene.reached.add("combined")
    return f"combined({', '.join(f'({factor_code(f)}, {name})' for name, f in terms)})"
