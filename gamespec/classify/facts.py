"""What is known of a game, each fact with its reason: what each player's problem is, and what follows for the order."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Source = Literal["proved", "refuted", "assumed", "unknown"]
Order = Literal["sequential", "simultaneous"]
Point = tuple[tuple[str, Fraction], ...]
Coupling = Literal["none", "bilinear", "general", "unknown"]
SADDLE = "minimax = maximin"
"""The name of the fact whether a saddle point exists."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a fact holds, fails or is open; `point` is the counterexample of what is refuted at one point."""

    text: str
    source: Source
    point: Point = ()

    def __str__(self) -> str:
        """The text, with the point where there is one."""
        return f"{self.text} at {spell_point(self.point)}" if self.point else self.text


@dataclass(frozen=True, slots=True)
class Fact:
    """A claim called `name`: True, False or open (None)."""

    name: str
    verdict: bool | None
    reason: Reason

    def __str__(self) -> str:
        """As `gamec explain` prints it."""
        return f"{self.name}: {self.reason.source}{f' ({self.reason})' if str(self.reason) else ''}"


def proved(name: str, text: str) -> Fact:
    """A fact that holds."""
    return Fact(name, verdict=True, reason=Reason(text, "proved"))


def refuted(name: str, text: str, point: Point = ()) -> Fact:
    """A fact that fails."""
    return Fact(name, verdict=False, reason=Reason(text, "refuted", point))


def unknown(name: str, text: str) -> Fact:
    """A fact that is open."""
    return Fact(name, verdict=None, reason=Reason(text, "unknown"))


def settled(name: str, verdict: bool | None, text: str) -> Fact:
    """The fact with this verdict."""
    if verdict is None:
        return unknown(name, text)
    return proved(name, text) if verdict else refuted(name, text)


def short(value: Fraction | float) -> str:
    """A number for a person."""
    return str(value) if isinstance(value, Fraction) and value.denominator < 1000 else f"{float(value):.4g}"


def spell_float(x: float) -> str:
    """A float for a person: six digits."""
    return f"{x:.6g}" if x else "0"


def spell_point(point: Point) -> str:
    """`u = 1/2`, or `(x, y) = (1, 0)`."""
    names, values = [name for name, _ in point], [str(value) for _, value in point]
    if len(point) == 1:
        return f"{names[0]} = {values[0]}"
    return f"({', '.join(names)}) = ({', '.join(values)})"


@dataclass(frozen=True, slots=True)
class PlayerFacts:
    """One node's problem with the other players' variables held still.

    `sense` is that of the objective as the root sees it: `-min{v}[f]` is a player that maximises. `convexity` is called
    "convex" for a minimiser and "concave" for a maximiser; `reverse` is the other one. `modulus` bounds the strong
    convexity from below (0: not known to be strong). `size` counts the numbers of one member, None where unknown;
    `count` the members of a family. `per_sample` says what its variable depends on, "" for a shared decision.
    """

    node: str
    sense: Literal["min", "max"]
    owns: tuple[str, ...]
    level: int
    size: int | None
    count: int
    convexity: Fact
    reverse: Fact
    strict: Fact
    strong: Fact
    modulus: Fraction
    affine: Fact
    compact: Fact
    convex_set: Fact
    smooth: Fact
    unique: Fact
    coupling: Coupling
    per_sample: str
    place: str

    def __str__(self) -> str:
        """The player's row and its facts."""
        size = "" if self.size is None else f", {self.size} number{'s' if self.size != 1 else ''}"
        each = f", {self.per_sample}" if self.per_sample else ""
        members = f" (x{self.count})" if self.count > 1 else ""
        closed = ", compact" if self.compact.verdict else ""
        head = (
            f"  level {self.level}    {self.sense}  {', '.join(self.owns)}{members}   {self.place}{closed}{size}{each}"
        )
        rows = [self.convexity]
        if self.strict.verdict:
            rows.append(self.strong if self.modulus else self.strict)
        if self.level > 1:
            rows.append(self.unique)
        return "\n".join([head, *(f"{' ' * 13}{row}" for row in rows)])


@dataclass(frozen=True, slots=True)
class Facts:
    """All facts of a game. `kind` is its name in words; `order` is how it is solved and `order_reason` why.

    `saddle` is True where minimax equals maximin, False where no saddle point exists. `monotone` speaks of the joint
    field of all players' gradients, `apart` of general-sum games in turn.
    `notes` are remarks for the reader, those of `gamec rule` with their code first.
    """

    name: str
    kind: str
    zero_sum: Fact
    constant_sum: Fact
    identical: Fact
    potential: Fact
    levels: int
    order: Order
    order_text: str
    order_reason: str
    saddle: Fact
    monotone: Fact
    apart: Fact
    players: tuple[PlayerFacts, ...]
    notes: tuple[str, ...] = ()

    def player(self, node: str) -> PlayerFacts:
        """The facts of the player at a node of the game; those that only a metric uses have none."""
        return next(p for p in self.players if p.node == node)

    @property
    def convex_concave(self) -> bool:
        """Whether every player's problem is proved convex (concave for those who maximise)."""
        return all(p.convexity.verdict for p in self.players)

    @property
    def order_matters(self) -> bool | None:
        """Whether another order of play may have another solution; None where that is open."""
        if self.saddle.verdict is not None:
            return not self.saddle.verdict
        return False if self.identical.verdict else self.apart.verdict

    def __str__(self) -> str:
        """As `gamec explain` prints them."""
        # The kind says how the objectives add up; what it leaves open is not listed again.
        facts = [self.saddle] if self.zero_sum.verdict else []
        facts += [fact for fact in (self.monotone, self.apart) if fact.verdict is not None]
        lines = [f"{self.name}: {self.kind}", *map(str, self.players)]
        lines += [f"  {'facts' if k == 0 else '':<9}  {fact}" for k, fact in enumerate(facts)]
        lines.append(f"  order      {self.order_text}   ({self.order_reason})")
        lines += [f"  note       {note}" for note in self.notes]
        return "\n".join(lines)
