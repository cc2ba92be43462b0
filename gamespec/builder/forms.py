"""Words, binders and blocks: everything of the language that is no operator of Python."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from gamespec.builder.terms import AND, IF, NOT, OR, SPAN, SUM, Bind, Item, Player, Stacked, Term, Value, bound, literal, plain, written


class _Words:
    """Every name of the language: `word.ce`, `word.Linf`, `word.x`."""

    def __getattr__(self, name: str) -> Term:
        if name.startswith("__"):
            raise AttributeError(name)
        return Term(name)


word = _Words()
"""Every name of the language as a term: `word.ce(h(a), b)`, `word.Linf(eps)`, `word.digits("train")`."""


def number(value: int | float | Fraction | Decimal) -> Term:
    """A number of the game: `number(1) / 3` is exactly one third, which Python's `1 / 3` is not."""
    return literal(value)


def names(text: str) -> list[Term]:
    """Terms for what binders bind: the string "a b" gives two."""
    return [Term(n) for n in text.split()]


def pair(*parts: Value) -> Term:
    """`(a, b)`: the parts of one sample, or several answers at once."""
    return Term(f"({', '.join(map(written, parts))})")


def span(first: Value, last: Value) -> Term:
    """`first..last`, both included."""
    return Term(f"{written(first, SUM)}..{written(last, SUM)}", SPAN)


def finite(*items: Value) -> Term:
    """`{a, b}`, a finite set."""
    return Term(f"{{{', '.join(map(written, items))}}}")


def both(*parts: Value) -> Term:
    """`a and b`."""
    return Term(" and ".join([written(parts[0], AND), *(written(p, NOT) for p in parts[1:])]), AND)


def either(*parts: Value) -> Term:
    """`a or b`."""
    return Term(" or ".join([written(parts[0], OR), *(written(p, AND) for p in parts[1:])]), OR)


def negation(part: Value) -> Term:
    """`not a`."""
    return Term(f"not {written(part, NOT)}", NOT)


def when(condition: Value, then: Value, otherwise: Value) -> Term:
    """`if condition then .. else ..`."""
    return Term(f"if {written(condition)} then {written(then)} else {written(otherwise)}", IF)


def stack(*parts: object) -> Term:
    """Several binders before one body: `stack(min(h), E(x.drawn(p)), max(d), body)` is `min{h} E{x ~ p} max{d} [ body ]`."""
    *binders, body = parts
    return Term(f"{' '.join(map(plain, binders))} [ {plain(body)} ]")


def _operator(name: str, meaning: str) -> Callable[..., Any]:
    def operator(*binds: object, body: object = None) -> Term | Stacked:
        head = Stacked(f"{name}{{{', '.join(map(bound, binds))}}}")
        return head if body is None else stack(head, body)

    operator.__name__ = operator.__qualname__ = name
    operator.__doc__ = f"""{meaning}: `{name}(x, body=f)` is `{name}{{x}} [ f ]`; without `body` a binder for `stack`."""
    return operator


min = _operator("min", "The least value over what the player chooses")
max = _operator("max", "The greatest value over what the player chooses")
argmin = _operator("argmin", "The choice with the least value")
argmax = _operator("argmax", "The choice with the greatest value")
E = _operator("E", "The expectation over draws")
sum = _operator("sum", "The sum over a finite set")
mean = _operator("mean", "The mean over a finite set")
prod = _operator("prod", "The product over a finite set")
grad = _operator("grad", "The gradient in a bound name")


def player(game: Term, label: str = "") -> Player:
    """A player of a block: `player(min(q[i], body=cost(i)), "firm").for_all(i, span(0, 2))`."""
    return Player(f"{label}: {game.text}" if label else game.text)


def block(*players: Player | Term, side: Iterable[Term | Item | Bind] = (), nash: bool = False) -> Term:
    """Players beside each other, with the constraints and the followers that they share."""
    items = ", ".join(map(plain, side))
    return Term(f"{'nash ' if nash else ''}{{ {' '.join(map(plain, players))}{' s.t. ' if items else ''}{items} }}")


def nash(*players: Player | Term, side: Iterable[Term | Item | Bind] = ()) -> Term:
    """A Nash equilibrium of these players."""
    return block(*players, side=side, nash=True)


def formal(name: Term, type: str = "") -> str:
    """An argument of a definition with its type: `z: R[K]`."""
    return f"{name}: {type}" if type else name.text
