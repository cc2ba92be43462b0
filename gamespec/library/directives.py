"""The directives of a schedule and the settings of `run`: what each takes, with defaults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gamespec.library.base import REQUIRED, Option
from gamespec.library.registry import words
from gamespec.library.rules.decay import DECAY


@dataclass(frozen=True, slots=True)
class Directive:
    """One directive. `role` says what it decides about a player.

    "move": how it steps; "inner": how it answers before its leader moves; "choice": a discrete answer;
    "repeat": moves per turn; "beam": copies; "keep": how a network stays in its set; "through": how a derivative passes through it;
    "price": how its constraints are paid for.
    """

    word: str
    role: str
    options: tuple[Option, ...] = ()
    summary: str = ""


_STEPS = Option("steps", int, 0)


FIXED: dict[str, Directive] = {
    d.word: d
    for d in [
        Directive("descent", "move", (Option("lr", float, 0.1), *DECAY, _STEPS), "plain gradient steps of a minimiser"),
        Directive("ascent", "move", (Option("lr", float, 0.1), *DECAY, _STEPS), "plain gradient steps of a maximiser"),
        Directive(
            "pgd", "inner",
            (Option("steps", int, 10), Option("lr", float, None), Option("start", str, "uniform", ("zero", "uniform", "warm")),
             Option("restarts", int, 1), Option("surrogate", tuple, ())),
            "projected sign-gradient steps, one answer per sample, a gradient each; start = warm goes on from the last visit (Shafahi et al. 2019)",
        ),
        Directive(
            "langevin", "inner",
            (Option("steps", int, 10), Option("lr", float, None), Option("noise", float, 0.01), Option("sign", bool, False),
             Option("start", str, "uniform", ("zero", "uniform", "warm"))),
            "gradient steps with normal noise of that spread, each projected: one particle per sample; noise sqrt(2 lr T) for temperature T",
        ),
        Directive(
            "hedge", "move", (Option("lr", float, 0.1), Option("decay", str, "constant", ("constant", "sqrt")), _STEPS),
            "exponential weights: of a player on a simplex, of a finite set, of particles; one gradient a step (Freund and Schapire 1999)",
        ),
        Directive(
            "particles", "particles", (Option("n", int, REQUIRED),),
            "a distribution as n particles, networks or points of a box; a gradient is of the sum over all pairs (Domingo-Enrich et al. 2020)",
        ),
        Directive("newton", "inner", (Option("steps", int, 50), Option("tol", float, 1e-12)), "solve the follower's optimality condition"),
        Directive("enumerate", "choice", (), "try every element: one value for each, and the slope of the best"),
        Directive("repeat", "repeat", (Option("times", int, REQUIRED),), "moves per turn"),
        Directive("beam", "beam", (Option("K", int, REQUIRED),), "keep K candidates and answer to the best"),
        Directive(
            "augmented", "price", (Option("rho", float, 1.0), Option("lr", float, 0.0)),
            "weight of the square in the augmented Lagrangian of a constraint, 0 for none; step of its multiplier (0: rho/2)",
        ),
        Directive("spectral", "keep", (), "keep a network in `Lipschitz(c)`: layers that stretch more than their share are scaled down"),
        Directive("clip", "keep", (Option("c", float, 0.01),), "keep every weight of a network in -c..c instead"),
        Directive("through", "through", (Option("response", str, REQUIRED),), "how a derivative passes through this player"),
    ]
}  # fmt: skip


class _Directives(Mapping[str, Directive]):
    """The directives above, and one for every step rule: its file says what it takes, and a follower adds `steps`."""

    def __getitem__(self, word: str) -> Directive:
        if word in FIXED:
            return FIXED[word]
        rule = words("rules")[word]
        return Directive(word, "move", (*rule.options, _STEPS), rule.source)

    def __iter__(self) -> Iterator[str]:
        return iter([*FIXED, *words("rules")])

    def __len__(self) -> int:
        return len(list(iter(self)))


DIRECTIVES: Mapping[str, Directive] = _Directives()

SETTINGS: dict[str, Option] = {
    o.name: o
    for o in [
        Option("steps", int, 0), Option("epochs", float, 0.0), Option("batch", int, 0), Option("seed", int, 0),
        Option("tol", float, None), Option("schedule", str, ""), Option("every", int, 0), Option("trace", bool, False),
        Option("precision", str, "", ("float32", "float64", "mixed")), Option("probe", tuple, ()),
        Option("compile", str, "auto", ("auto", "on", "off")), Option("keep", tuple, ()),
    ]
}  # fmt: skip
