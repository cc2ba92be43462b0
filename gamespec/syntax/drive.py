"""The LALR automaton: drives tokens through the table, and says what could have stood where it stops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from gamespec.report.source import Span
from gamespec.syntax.table import END

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gamespec.syntax.lex import Token
    from gamespec.syntax.table import Rule, Table

MAX_DEPTH = 200


class Builder(Protocol):
    """What makes values of productions: the tree of `syntax.build`, or the forms of `syntax.concrete`."""

    file: str

    def action(self, name: str) -> Callable[[list[Any], Span], Any]:
        """What builds the production of this name."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Where the automaton could not go on: the index of the token, and the terminals that it would have taken.

    `deep` says that nothing is wrong with the token but that too much is open around it.
    """

    at: int
    accepts: frozenset[str]
    deep: bool = False


@dataclass(slots=True)
class _Part:
    """A value on the stack, where it was written, and how many productions it nests."""

    value: Any
    start: int
    end: int
    depth: int


def drive(table: Table, tokens: Sequence[Token], start: str, build: Builder) -> Any | Stop:  # noqa: ANN401  # any node; until 2027-11
    """What `build` makes of the tokens, the last of which is the end; or where and why they are no sentence."""
    states = [table.starts[start]]
    parts: list[_Part] = []
    i = 0
    while True:
        token = tokens[i]
        while (action := table.rows[states[-1]].get(token.type)) is None or action < 0:
            if action is None:
                return Stop(i, _accepts(table, tokens[:i], start))
            rule = table.rules[-1 - action]
            if not (rule.transparent and rule.length == 1):
                part = _reduce(rule, parts, build)
                if part.depth > MAX_DEPTH:
                    return Stop(i, frozenset(), deep=True)
                parts.append(part)
            del states[len(states) - rule.length :]
            states.append(table.rows[states[-1]][rule.origin])
            if token.type == END and states[-1] == table.ends[start]:
                return parts[-1].value
        states.append(action)
        parts.append(_Part(token, token.start, token.end, 0))
        if len(states) > 20 * MAX_DEPTH:
            return Stop(i, frozenset(), deep=True)
        i += 1


def _reduce(rule: Rule, parts: list[_Part], build: Builder) -> _Part:
    taken = parts[-rule.length :]
    del parts[-rule.length :]
    start, end, depth = taken[0].start, taken[-1].end, max(part.depth for part in taken)
    # A list grows in place, by its own rule: copying it for each item would take quadratic time.
    values: list[Any] = taken[0].value if isinstance(taken[0].value, list) else [taken[0].value]
    values[:0] = [None] * rule.fill[0]
    for missing, part in zip(rule.fill[1:], taken[1:], strict=False):
        values.extend([None] * missing)
        if isinstance(part.value, list):
            values.extend(part.value)
        else:
            values.append(part.value)
    values.extend([None] * rule.fill[-1])
    if rule.origin.startswith("_"):
        return _Part(values, start, end, depth)
    return _Part(build.action(rule.action)(values, Span(build.file, start, end)), start, end, depth + 1)


def _accepts(table: Table, tokens: Sequence[Token], start: str) -> frozenset[str]:
    """The terminals that could follow these tokens."""
    states = [table.starts[start]]
    for token in tokens:
        states = _after(table, states, token.type, start) or states
    return frozenset(
        symbol for symbol in table.rows[states[-1]] if (symbol == END or symbol.isupper()) and _after(table, states, symbol, start) is not None
    )


def _after(table: Table, states: list[int], symbol: str, start: str) -> list[int] | None:
    """The states after one more terminal, or None where it cannot stand."""
    states = list(states)
    while (action := table.rows[states[-1]].get(symbol)) is not None:
        if action >= 0:
            return [*states, action]
        rule = table.rules[-1 - action]
        del states[len(states) - rule.length :]
        states.append(table.rows[states[-1]][rule.origin])
        if symbol == END and states[-1] == table.ends[start]:
            return states
    return None
