"""Every place of the grammar: a shortest beginning of a text for each set of words that could follow it."""

from __future__ import annotations

from collections import deque
from functools import cache

from gamespec.syntax.drive import _accepts, _after
from gamespec.syntax.expected import expected
from gamespec.syntax.lex import Token
from gamespec.syntax.table import END, table

SAMPLES = {
    "NAME": "a", "NUMBER": "1", "STRING": '"s"', "OP": "min", "CONCEPT": "nash", "KEYWORD_KEY": "init", "_IN": "in", "_ST": "s.t.",
    "_WHERE": "where", "_PARAMS": "params", "_FROM": "~", "_MINUSSET": "\\", "CMP": "<", "ARROW": "->", "DOTS": "..", "AMPERSAND": "&",
    "AT": "@", "CIRCUMFLEX": "^", "COLON": ":", "COMMA": ",", "DOT": ".", "EQUAL": "=", "LBRACE": "{", "LPAR": "(", "LSQB": "[",
    "MINUS": "-", "PLUS": "+", "RBRACE": "}", "RPAR": ")", "RSQB": "]", "SEMICOLON": ";", "SLASH": "/", "STAR": "*", "VBAR": "|",
}  # fmt: skip


@cache
def places(longest: int = 9) -> dict[frozenset[str], tuple[str, ...]]:
    """Give, for each set of terminals that can be expected, the shortest terminals before it within a statement."""
    made = table()
    found: dict[frozenset[str], tuple[str, ...]] = {}
    queue = deque([((made.starts["start"],), ())])
    met = {(made.starts["start"],)}
    while queue:
        states, before = queue.popleft()
        accepts = _accepts(made, [Token(kind, "", 0, 0) for kind in before], "start")
        found.setdefault(accepts, before)
        if len(before) == longest:
            continue
        for kind in sorted(accepts - {END}):
            after = _after(made, list(states), kind, "start")
            if after is None or (END in accepts and before and kind in made.rows[made.starts["start"]]):
                continue
            # What is open around a place matters only as far as the three innermost states tell.
            key = tuple(after[-3:])
            if key not in met:
                met.add(key)
                queue.append((tuple(after), (*before, kind)))
    return found


def text(kinds: tuple[str, ...]) -> str:
    """Give terminals as a text."""
    words = {kind: word for word, kind in table().words.items()}
    return " ".join(SAMPLES.get(kind) or words[kind] for kind in kinds)


def catalogue() -> str:
    """Give every place with what is said about it, one line each."""
    return "".join(f"{text(before) or '(nothing)'}\n    {expected(accepts)}\n" for accepts, before in places().items())


if __name__ == "__main__":
    import sys

    sys.stdout.write(catalogue())
