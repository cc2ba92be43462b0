"""The parse table of the grammar: read from `game.json`, or made by lark where that file is not of this grammar."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

PLACES = (
    Path(__file__).resolve().parents[1] / "grammars",
    Path(__file__).resolve().parents[2] / "grammars",
)
END = "$END"


@dataclass(frozen=True, slots=True)
class Rule:
    """A production: `action` names what is built; `fill` counts the absent optional symbols before each position."""

    origin: str
    action: str
    length: int
    transparent: bool
    fill: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """What the lexer and the parser need of the grammar.

    `rows[state][symbol]` is n >= 0 for "go to state n" and -1 - n for "reduce by rule n".
    """

    lexer: re.Pattern[str]
    words: dict[str, str]
    ignored: frozenset[str]
    rules: tuple[Rule, ...]
    rows: tuple[dict[str, int], ...]
    starts: dict[str, int]
    ends: dict[str, int]


def grammar() -> Path:
    """Where the grammar lies: inside the wheel, or beside the package in a checkout."""
    return next(place / "game.lark" for place in PLACES if (place / "game.lark").is_file())


@cache
def table() -> Table:
    """The table of the one grammar."""
    path = grammar()
    text = path.read_text(encoding="utf-8")
    made = path.with_suffix(".json")
    stored = json.loads(made.read_text(encoding="utf-8")) if made.is_file() else {}
    return from_json(stored if stored.get("grammar") == fingerprint(text) else generate(text))


def fingerprint(text: str) -> str:
    """The digest by which a stored table knows its grammar."""
    return hashlib.sha256(text.replace("\r\n", "\n").encode()).hexdigest()


def from_json(stored: dict[str, Any]) -> Table:
    """The table that `generate` wrote."""
    lexer = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in stored["terminals"]))
    symbols = stored["symbols"]
    shapes = [{symbols[s]: action for s, action in zip(row[::2], row[1::2], strict=True)} for row in stored["shapes"]]
    return Table(
        lexer=lexer,
        words=stored["words"],
        ignored=frozenset(stored["ignored"]),
        rules=tuple(Rule(o, a, n, t, tuple(fill)) for o, a, n, t, fill, _ in stored["rules"]),
        rows=tuple(shapes[i] for i in stored["rows"]),
        starts=stored["starts"],
        ends=stored["ends"],
    )


def generate(text: str) -> dict[str, Any]:
    """The table of a grammar as JSON values; lark refuses a grammar that has conflicts."""
    from lark import Lark
    from lark.grammar import Rule as LarkRule
    from lark.lexer import PatternStr, TerminalDef

    made = Lark(text, parser="lalr", lexer="basic", start=["start", "expr"], keep_all_tokens=True)
    data, memo = made.memo_serialize([TerminalDef, LarkRule])
    parser = data["parser"]["parser"]
    rules = {key: _rule(value) for key, value in memo.items() if value["__type__"] == "Rule"}
    ordered = sorted(rules.values())
    number = {key: ordered.index(rule) for key, rule in rules.items()}
    symbols = sorted(parser["tokens"].values())
    moves = {
        state: sorted((symbols.index(parser["tokens"][symbol]), *entry) for symbol, entry in row.items())
        for state, row in parser["states"].items()
    }
    states = _renumber(moves, parser["start_states"].values())
    rows = [
        [part for symbol, kind, to in moves[state] for part in (symbol, -1 - number[to["@"]] if kind else states[to])]
        for state in states
    ]
    shapes = sorted(set(map(tuple, rows)))
    where = {shape: i for i, shape in enumerate(shapes)}
    terminals = sorted(made.terminals, key=lambda t: (-t.priority, -t.pattern.max_width, -len(t.pattern.value), t.name))
    name = next(t for t in terminals if t.name == "NAME")
    words = {
        t.pattern.value: t.name
        for t in terminals
        if isinstance(t.pattern, PatternStr) and re.fullmatch(name.pattern.to_regexp(), t.pattern.value)
    }
    return {
        "grammar": fingerprint(text),
        "terminals": [[t.name, t.pattern.to_regexp()] for t in terminals if t.name not in words.values()],
        "words": words,
        "ignored": sorted(made.ignore_tokens),
        "symbols": symbols,
        "rules": ordered,
        "shapes": shapes,
        "rows": [where[tuple(row)] for row in rows],
        "starts": {key: states[state] for key, state in parser["start_states"].items()},
        "ends": {key: states[state] for key, state in parser["end_states"].items()},
    }


def _renumber(moves: dict[int, list[Any]], starts: Iterable[int]) -> dict[int, int]:
    """The states in the order in which they are met: lark's own numbers change from run to run."""
    met = dict.fromkeys(starts)
    queue = list(met)
    for state in queue:
        for _, kind, to in moves[state]:
            if not kind and to not in met:
                met[to] = None
                queue.append(to)
    return {state: i for i, state in enumerate(met)}


def _rule(rule: dict[str, Any]) -> list[Any]:
    absent = rule["options"]["empty_indices"]
    expansion = [symbol["name"] for symbol in rule["expansion"]]
    length = len(expansion)
    fill = [len(ones) for ones in "".join(str(int(a)) for a in absent).split("0")] if absent else [0] * (length + 1)
    origin = rule["origin"]["name"]
    transparent = rule["options"]["expand1"] and not rule["alias"]
    return [origin, rule["alias"] or origin, length, transparent, fill, expansion]


def write() -> None:
    """Write `game.json` beside the grammar."""
    path = grammar()
    stored = generate(path.read_text(encoding="utf-8"))
    text = ",\n".join(
        f'"{key}": {json.dumps(value, sort_keys=True, separators=(",", ":"))}' for key, value in stored.items()
    )
    path.with_suffix(".json").write_text("{\n" + text + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    write()
