"""The responses: the ways in which a derivative passes through a follower, with what each is worth and what it costs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gamespec.library.base import Option

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class ResponseWord:
    """A word inside `through(..)`.

    `exact` says how far the derivative is from that of the leader's value at the follower's optimum; `cost` counts
    gradients of the follower's objective and products with its second derivatives (as dear as one gradient more) for a
    hypergradient, beside the follower's own steps; `memory` what is kept beside one graph.
    """

    word: str
    options: tuple[Option, ...]
    summary: str
    exact: str
    cost: str
    memory: str
    source: str


SOLVES = ("auto", "newton", "cg", "neumann", "gmres", "approxgrad")
"""How the linear system of the implicit function theorem is solved."""

RESPONSES: dict[str, ResponseWord] = {
    r.word: r
    for r in [
        ResponseWord(
            "stop", (), "the answer is a constant to its leader",
            "no: the indirect part is left out", "nothing", "nothing",
            "first-order methods, as in Finn et al. 2017, section 5.2",
        ),
        ResponseWord(
            "envelope", (), "the answer is a constant because its indirect part is 0",
            "at an optimum of the leader's own objective; error of the order of the follower's own", "nothing", "nothing",
            "Danskin 1967",
        ),
        ResponseWord(
            "hull", (Option("eps", float, None),),
            "by the shortest slope in the hull of those at all restarts of `pgd`, or at those within eps of the best, sample by sample",
            "where the answers span those that count: then it descends, or is 0 where nothing does", "1 gradient of the leader for each restart",
            "a gradient of the leader for each restart",
            "Latorre et al. 2023, algorithm 1 (Danskin's descent direction), without its normalisation: `normalized_sgd` has it",
        ),
        ResponseWord(
            "unroll",
            (Option("mode", str, "reverse", ("reverse", "forward")), Option("last", int, 0), Option("recompute", bool, None)),
            "through the steps that the follower takes, by any rule; last = k through the last k only",
            "for the steps taken (adam: of slope lr/eps where gradients fall below eps); for the last k short by (1 - lr a)^k at curvature a",
            "reverse: 1 product a step, 1 gradient more with recompute; forward: 1 product a step for each number of the leader",
            "reverse: graphs of all steps, with recompute the iterates; forward: as many copies of the follower as the leader has numbers",
            "Franceschi et al. 2017, algorithms 1 and 2; Shaban et al. 2019 for last",
        ),
        ResponseWord(
            "implicit",
            (Option("by", str, "auto", SOLVES), Option("iters", int, 20), Option("tol", float, 1e-10), Option("rate", float, 0.0)),
            "by the implicit function theorem, its linear system solved as `by` says",
            "in the limit of iters, at the follower's optimum; neumann: after k terms short by (1 - rate a)^k",
            "1 gradient, then 1 product an iteration (2 of approxgrad; newton: one for each number of the follower, for each of its steps)",
            "cg, neumann, approxgrad: a few vectors; gmres: iters vectors; newton: a square matrix",
            "Pedregosa 2016; neumann: Lorraine et al. 2020; gmres: Saad and Schultz 1986; approxgrad: Mehra and Hamm 2021",
        ),
        ResponseWord(
            "differences", (Option("iters", int, 1), Option("scale", float, 0.01)),
            "implicit with first derivatives only: products are differences of gradients",
            "as the last iters of the unrolled steps, and O(scale^2)", "2 gradients an iteration, and 2", "a few vectors",
            "Liu, Simonyan and Yang 2019, equation 8 (DARTS)",
        ),
        ResponseWord(
            "penalty",
            (Option("gamma", float, 1.0), Option("growth", float, 1.0), Option("when", float, math.inf), Option("multiplier", bool, False)),
            "the follower lowers the leader's objective + gamma/2 |own slope|^2; the price grows once slopes are below `when`",
            "O(1/gamma); in the limit of growing gamma, or of the multiplier (augmented Lagrangian)", "1 gradient and 1 product", "nothing",
            "Mehra and Hamm 2021, algorithm 1",
        ),
        ResponseWord(
            "f2sa", (Option("gamma", float, 1.0), Option("growth", float, 1.0)),
            "the follower lowers the leader's objective + gamma * what it loses; first derivatives only",
            "O(1/gamma); in the limit of growing gamma", "the follower's steps twice, and 2 gradients", "one copy of the follower",
            "Kwon et al. 2023, algorithm 1",
        ),
        ResponseWord(
            "bome", (Option("pace", float, 0.5),),
            "leader and follower move at once, as fast as what the follower loses falls; first derivatives only",
            "in the limit, at a rate that pace sets", "the follower's steps, and 2 gradients", "one copy of the follower",
            "Ye et al. 2022, algorithm 1",
        ),
    ]
}  # fmt: skip


def listed(signature: Callable[[ResponseWord], str]) -> tuple[list[dict[str, str]], str]:
    """All responses as rows for programs and as a text; `signature` writes the options of one."""
    rows, text = [], []
    for r in RESPONSES.values():
        options = signature(r)
        word = f"through({r.word}{f'({options})' if options else ''})"
        said = {"exact": r.exact, "cost": r.cost, "memory": r.memory, "source": r.source}
        rows.append({"word": word, "about": r.summary, **said})
        text.append("\n".join([f"{word}: {r.summary}", *(f"  {key.ljust(7)} {value}" for key, value in said.items())]))
    return rows, "\n\n".join(text)
