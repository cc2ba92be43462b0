"""The forces in a game of two numbers: each player's own gradient, where it vanishes, and what kind of point that is."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gamespec.ir.game import Node
from gamespec.ir.walk import problem
from gamespec.lazy import torch
from gamespec.view.opened import Opened, Undrawable

if TYPE_CHECKING:
    from torch import Tensor

_STEPS = 60
_SIDE = 15
"""Newton's method starts from a grid of so many points a side."""

_STILL = 1e-8
_SAME = 1e-4
"""Two stationary points this near, relative to the window, are one."""


@dataclass(frozen=True)
class Forces:
    """Objectives of the players of x and of y as functions of two 0-d tensors, with 1 for min and -1 for max."""

    names: tuple[str, str]
    objectives: tuple[Callable[[Tensor, Tensor], Tensor], Callable[[Tensor, Tensor], Tensor]]
    senses: tuple[int, int]
    sequential: bool
    """Whether the player of the second variable answers that of the first."""

    def gradient(self, z: Tensor) -> Tensor:
        """The signed own gradients, against which the players move. Shapes: z and the result are [2]."""
        own = [torch.func.grad(lambda v, k=k: self.senses[k] * self._at(k, z, v))(z[k]) for k in (0, 1)]
        return torch.stack(own)

    def _at(self, k: int, z: Tensor, own: Tensor) -> Tensor:
        return self.objectives[k](own, z[1]) if k == 0 else self.objectives[k](z[0], own)

    def value(self, z: Tensor) -> Tensor:
        """The objective of the first player. Shapes: z is [2], the result 0-d."""
        return self.objectives[0](z[0], z[1])

    def zero_sum(self, points: Tensor) -> bool:
        """Whether one player's gain is the other's loss at these points. Shapes: points is [n, 2]."""
        both = [torch.func.vmap(lambda z, f=f: f(z[0], z[1]))(points) for f in self.objectives]
        total = self.senses[0] * both[0] + self.senses[1] * both[1]
        return bool(total.std() <= 1e-9 * (1 + both[0].abs().max()))


@dataclass(frozen=True, slots=True)
class Stationary:
    """A point at which nobody's own gradient pulls, its kind, and what small steps do near it."""

    at: tuple[float, float]
    kind: str
    motion: str


def forces(run: Opened) -> Forces:
    """The forces of a game with exactly two numbers; Undrawable for any other game."""
    game = problem(run.game)
    shared = [v for v in game.vars if not v.scope]
    if run.module.KIND != "scalar" or len(shared) != 2 or any(v.type.shape for v in shared) or len(game.vars) != 2:
        raise Undrawable("the game is not one of two numbers")
    owners = [n for v in shared for n in game.nodes if v.name in n.owns and not n.axis]
    if len(owners) != 2:
        raise Undrawable("a variable has no player of its own")
    found = [_objective(run, n) for n in owners]
    objectives = [_bound(f, [v.name for v in shared], run) for f in found]
    first, second = owners
    ordered = any(e.child == second.id for e in game.edges) and first.id != second.id and game.order_word != "simultaneous"
    return Forces(
        (shared[0].name, shared[1].name),
        (objectives[0], objectives[1]),
        (1 if first.sense == "min" else -1, 1 if second.sense == "min" else -1),
        ordered,
    )


def _objective(run: Opened, node: Node) -> Any:  # noqa: ANN401  # of the program; until 2027-11
    """The function of a player's objective: a program calls it by the player's label, its node or its variables."""
    names = (node.label, node.id, "_".join(node.owns))
    return next((f for n in names if n and (f := getattr(run.module, f"objective_{n}", None))), None)


def _bound(function: Any, names: list[str], run: Opened) -> Callable[[Tensor, Tensor], Tensor]:  # noqa: ANN401  # of the program; until 2027-11
    """An objective as a function of the two variables alone, constants taken from the state."""
    if function is None:
        raise Undrawable("the program has no function for a player's objective")
    wanted = list(inspect.signature(function).parameters)
    own = {p: k for k, n in enumerate(names) for p in wanted if p in (n, f"{n}_")}
    fixed = {p: getattr(run.state, p) for p in wanted if p not in own and hasattr(run.state, p)}
    unknown = [p for p in wanted if p not in own and p not in fixed]
    if unknown:
        raise Undrawable(f"the objective depends on a sample `{unknown[0]}`")
    return lambda x, y: function(**fixed, **{p: (x, y)[k] for p, k in own.items()})


def over(function: Callable[[Tensor], Tensor], points: Tensor) -> Tensor:
    """The function at every point. Shapes: points is [n, 2]; the result is [n, ...]."""
    found: Tensor = torch.func.vmap(function)(points)
    return found.detach()


def stationary_points(f: Forces, low: tuple[float, float], high: tuple[float, float]) -> list[Stationary]:
    """The stationary points inside a window, by Newton's method from a grid of starts, from left to right."""
    corner, span = torch.tensor(low, dtype=torch.float64), torch.tensor(high, dtype=torch.float64) - torch.tensor(low, dtype=torch.float64)
    line = torch.linspace(0.0, 1.0, _SIDE, dtype=torch.float64)
    z = corner + span * torch.cartesian_prod(line, line)  # [n, 2]
    slope = torch.func.vmap(torch.func.jacrev(f.gradient))
    for _ in range(_STEPS):
        pull, turn = over(f.gradient, z), slope(z).detach()
        move = torch.linalg.pinv(turn, rtol=1e-10) @ pull.unsqueeze(-1)  # [n, 2, 1]
        move = torch.nan_to_num(move.squeeze(-1), 0.0, 0.0, 0.0)
        # A step of at most a tenth of the window keeps the starts of different points apart.
        z = z - move * (0.1 * span.norm() / move.norm(dim=1, keepdim=True).clamp_min(1e-300)).clamp(max=1.0)
    still = over(f.gradient, z).abs().amax(1) <= _STILL
    inside = ((z >= corner - 1e-9) & (z <= corner + span + 1e-9)).all(1)
    found: list[Tensor] = []
    for point in z[still & inside]:
        if all(float(((point - other) / span).norm()) > _SAME for other in found):
            found.append(point)
    kept = sorted(found, key=lambda p: (round(float(p[0]), 6), float(p[1])))
    return [_classified(f, p) for p in kept]


def _classified(f: Forces, z: Tensor) -> Stationary:
    """The kind by second derivatives, the motion by the eigenvalues of the field that the players follow."""
    turn = torch.func.jacrev(f.gradient)(z).detach()
    (a, b), (c, d) = turn.tolist()
    if a > 0 and d > 0:
        kind = "local Nash"
    elif f.sequential and d > 0 and a - b * c / d > 0:
        kind = "local minimax"
    elif min(a, d) > -1e-9:
        kind = "stationary, flat"
    else:
        kind = "neither"
    rates = torch.linalg.eigvals(-turn).real.tolist()
    if max(rates) < -1e-9:
        motion = "attracts"
    elif max(abs(r) for r in rates) <= 1e-9:
        motion = "is circled"
    elif min(rates) > 1e-9:
        motion = "repels"
    else:
        motion = "is a saddle of the motion"
    x, y = (0.0 if abs(v) < 5e-10 else v for v in z.tolist())
    return Stationary((x, y), kind, motion)
