"""What intervals prove of the point where a small closed-form game ended: entries of its certificate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gamespec.classify.regret import EFFORT, regret
from gamespec.ir.walk import problem

if TYPE_CHECKING:
    from gamespec.ir.game import Game

CLOSE = 0.01
"""What a leader's choice may cost above the minimax value, relative to that value where it is above 1."""


def proved_checks(game: Game, players: Mapping[str, Any], budget: int = 1) -> tuple[dict[str, Any], ...]:
    """For zero-sum games in turn of two numbers in boxes: how far the leader's worst case lies above the minimax value."""
    found = regret(problem(game), dict(coordinates(players)), EFFORT * budget)
    if found is None:
        return ()
    low, high = found.span
    close = CLOSE * max(1.0, abs(found.value[0]))
    sign = -1 if game.node(game.root[0]).sense == "max" else 1
    a, b = sorted(sign * x for x in found.value)
    note = f"the value of the game is proved to lie in [{a:.9g}, {b:.9g}]"
    entry: dict[str, Any] = {"name": "regret of the leader, proved", "value": high, "tol": close, "ok": True, "note": f"at most; {note}"}
    if low > close:
        tried = "try another start (`init`), more steps, or `method: k_beam`"
        entry |= {"value": low, "ok": False, "note": f"at least; {note}; {tried}"}
    elif high > close:
        entry |= {"tol": None, "ok": None, "note": f"at most: gave up at width {found.width:.2g}; {note}"}
    return (entry,)


def coordinates(players: Mapping[str, Any]) -> tuple[tuple[str, float], ...]:
    """The numbers of all variables by the names that closed forms give them; none where a player is a network."""
    found: list[tuple[str, float]] = []
    for name, player in players.items():
        if not hasattr(player, "reshape"):
            return ()
        shape = tuple(player.shape)
        found += [(f"{name}{_index(k, shape)}", float(x)) for k, x in enumerate(player.reshape(-1).tolist())]
    return tuple(found)


def _index(k: int, shape: tuple[int, ...]) -> str:
    if not shape:
        return ""
    places: list[int] = []
    for size in reversed(shape):
        k, place = divmod(k, size)
        places.append(place)
    return f"[{', '.join(map(str, reversed(places)))}]"
