"""Names of the game as Python names: none hides a name of the program, and no two become one."""

from __future__ import annotations

import builtins
import keyword

from gamespec.emit.link import linkable
from gamespec.ir import game as ir
from gamespec.plan.ops import GRADIENT, NOW

# fmt: off
_PROGRAM = frozenset([
    "math", "sys", "copy", "torch", "F", "nn", "Tensor", "Callable", "Iterator", "contextmanager", "annotations", "NAME", "SCHEDULE", "KIND",
    "SEED", "STEPS", "EVERY", "BATCH", "TOL", "DTYPE", "State", "s", "k", "seed", "device", "nets", "data", "batch", "rng", "rows", "steps",
    "restarts", "start", "step", "train", "report", "main", "residual", "stationary_near", "value", "measure", "probe", "point", "certify",
    "players", "save", "restore", "expectations", "values", "status", "table", "lo", "hi", "best", "here", "score", "terms", "pulls",
    "reached", "done", "near", "top", "lead", "follow", "outer", "inner", "end", "found", "usual", "asked", "entries", "answer", "won", "slope",
    "gain", "note", "sizes", "points", "shapes", "at", "good", "only", "climb", "climbs", "weight", "moved", "g_all", "field", "check", "play",
    "costs", "cost", "sets", "gains", "weights", "budget", "tried", "along", "answered", "last", "linprog",
    "kept", "standing", "ending", "known", "drawn", "visits", "TAIL", "Any", "NamedTuple", "Sequence",
    "advance", "memory", "graph", "slopes", "g_lead", "g_follow",
    "loop", "portrait", "scattered", "count", "columns", "conditions", "project",
    "plain", "losses", "held", "every", "seen", "starts", "ends", "stride",
])
# fmt: on
"""What the program calls its own functions, arguments and local values."""

_PREFIXES = (
    "objective_", "moved_by_", "respond_", "answer_", "metric_", "batch_", "read_", "draw_", "best_", "value_", "g_", "at_",
    "rng_", "rule_", "order_", "moved_", "count_", "kept_", "warm_", "rows_", "key_", "came_", "next_", "noise_", "visits_",
)  # fmt: skip
_SUFFIXES = ("_", "_best", "_each", "_one", "_start", "_params", "_table")


def spelled(name: str) -> str:
    """A name of the game as a Python name that hides nothing of the program.

    A trailing underscore, or `its_` before a name that begins like one of the program's own, marks what was changed;
    names that look so already are changed as well, so that no two meet.
    """
    if name.startswith((*_PREFIXES, "its_")):
        return f"its_{name}"
    reserved = keyword.iskeyword(name) or keyword.issoftkeyword(name) or name in _PROGRAM or hasattr(builtins, name) or name in linkable()
    return f"{name}_" if reserved or name.endswith(_SUFFIXES) or "_at_" in name else name


def attribute(name: str) -> str:
    """A name of the game as an attribute of the state, or as the end of a function's name."""
    taken = name in ("k", "seed", "device", "good", "answered") or name.startswith(("rng_", "rule_", "order_", "key_", "came_", "next_"))
    return f"{name}_" if keyword.iskeyword(name) or taken or name.endswith(("_", "_table")) else name


def handle(net: ir.Net) -> str:
    """The Python name of a network's explicit parameters."""
    return spelled(net.handle) if net.handle != net.name else f"{spelled(net.name)}_params"


def point_name(own: str, point: str) -> str:
    """A thing that is owned, at a named point: `x`, `x_at_ahead`; no name of the game looks so."""
    return own if point == NOW else f"{own}_at_{point}"


def gradient_name(own: str, name: str) -> str:
    """The gradient in a thing that is owned: `g_x`, `g_x_at_past`."""
    return f"g_{own}" if name == GRADIENT else f"g_{own}_at_{name}"


def target(names: list[str]) -> str:
    """The left side of an assignment that unpacks a tuple."""
    return ", ".join(names) if len(names) > 1 else f"({names[0]},)"


def unused(base: str, taken: set[str]) -> str:
    """The first of base, base_2, base_3, ... that is not taken; it is taken from then on."""
    name, k = base, 2
    while name in taken:
        name, k = f"{base}_{k}", k + 1
    taken.add(name)
    return name
