"""Games written in Python: terms with operators, binders and statements, which together are the text of a `.game` file.

The builder writes the language and nothing else, so a game made here means what its text means, and every mistake in it
is reported against that text. Best used as `from gamespec import builder as b`: some names are those of Python's own functions.
"""

from gamespec.builder.forms import (
    E,
    argmax,
    argmin,
    block,
    both,
    either,
    finite,
    formal,
    grad,
    max,
    mean,
    min,
    names,
    nash,
    negation,
    number,
    pair,
    player,
    prod,
    span,
    stack,
    sum,
    when,
    word,
)  # fmt: skip
from gamespec.builder.statements import Builder
from gamespec.builder.terms import Bind, Binding, Item, Player, Stacked, Term, chain

__all__ = [
    "Bind", "Binding", "Builder", "E", "Item", "Player", "Stacked", "Term", "argmax", "argmin", "block", "both", "chain", "either", "finite",
    "formal", "grad", "max", "mean", "min", "names", "nash", "negation", "number", "pair", "player", "prod", "span", "stack", "sum", "when", "word",
]  # fmt: skip
