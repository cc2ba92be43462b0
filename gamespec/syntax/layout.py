"""One layout for every text: what `gamec fmt` prints. The tree and the comments stay as they are."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

from gamespec.report.diagnostic import InternalError
from gamespec.report.source import Source
from gamespec.syntax.concrete import Comments, Form, Part, attach, concrete
from gamespec.syntax.lex import Token, lex
from gamespec.syntax.parse import parse
from gamespec.syntax.phrases import ASCII, WIDE, Phrases, between
from gamespec.syntax.pretty import WIDTH, Doc, Group, Line, Nest, flat, render
from gamespec.syntax.table import table

# Where a statement of a kind may be spread so that it lines up with those of its kind around it.
TYPED = {"data_stmt", "dist_stmt", "net_stmt"}
CUTS = {"COLON": TYPED, "EQUAL": TYPED | {"param_stmt", "dim_stmt", "let_stmt", "metric_stmt"}}
WIDEST_PAD = dict.fromkeys(TYPED, 24) | {"metric_stmt": 12, "schedule_stmt": 12}


@dataclass(frozen=True, slots=True)
class _Row:
    """A statement: its columns, the comments around it, and whether an empty line stands before each of these."""

    kind: str
    columns: tuple[Doc, ...]
    before: tuple[tuple[bool, str], ...]
    after: str
    apart: bool

    @property
    def adjoins(self) -> bool:
        return not self.before and not self.apart


def layout(source: Source, *, unicode: bool = False) -> str:
    """The text in its one layout. Raises GameError where it does not parse."""
    parse(source)
    lexed = lex(source, table())
    around, loose = attach(source, lexed.tokens, lexed.comments)
    # Before a letter, `params` is a word of the grammar: the name `params` keeps the sign that follows it.
    kept = frozenset(sign.start for name, sign in pairwise(lexed.tokens) if name.text == "params")
    page = _Page(source, around, tuple(around), kept, unicode)
    rows = [page.row(form) for form in concrete(source, lexed.tokens)]
    lines: list[str] = []
    for run in _runs(rows):
        for row, text in zip(run, _aligned(run), strict=True):
            for apart, comment in row.before:
                lines += ["", comment] if apart else [comment]
            lines += ["", text + row.after] if row.apart else [text + row.after]
    for left in loose:
        lines += ["", left.text.rstrip()] if _apart(source, left.start) else [left.text.rstrip()]
    made = "\n".join(lines).lstrip("\n") + "\n"
    _same(source, made)
    return made


@dataclass(frozen=True, slots=True)
class _Page:
    """A text and its comments: by the token that each stands at, and the places of these tokens in order."""

    source: Source
    around: dict[int, Comments]
    places: tuple[int, ...]
    kept: frozenset[int]
    unicode: bool

    def row(self, form: Form) -> _Row:
        """A statement; the comments at its ends belong to the lines around it and not to its words."""
        first, last = _first(form), _last(form)
        before = self.around.get(first.start, Comments()).before
        after = self.around.get(last.start, Comments()).after
        places = self.places[bisect_left(self.places, first.start) : bisect_right(self.places, last.start)]
        inner = {at: self.around[at] for at in places}
        for token, bare in ((first, {"before": ()}), (last, {"after": ()})):
            left = replace(inner.pop(token.start, Comments()), **bare)
            if left != Comments():
                inner[token.start] = left
        return _Row(
            form.name,
            _columns(form, Phrases(inner, self.kept, self.unicode)),
            tuple((_apart(self.source, comment.start), comment.text.rstrip()) for comment in before),
            "".join("  " + comment.text.rstrip() for comment in after),
            _apart(self.source, first.start),
        )


def _apart(source: Source, offset: int) -> bool:
    """Whether an empty line stands before this place."""
    begin = offset
    while begin and source.text[begin - 1].isspace():
        begin -= 1
    return source.text.count("\n", begin, offset) > 1


def _first(part: Part) -> Token:
    return part if isinstance(part, Token) else _first(part.parts[0])


def _last(part: Part) -> Token:
    return part if isinstance(part, Token) else _last(part.parts[-1])


# ------------------------------------------------------------------ statements


def _columns(form: Form, say: Phrases) -> tuple[Doc, ...]:
    """A statement as columns that may line up with those of the statements around it."""
    if form.name == "solve_stmt":
        return (_solve(form, say),)
    if form.name in {"schedule_stmt", "run_stmt"}:
        return _braced(form, say)
    if form.name == "def_stmt":
        return (_def(form, say),)
    columns: list[list[Part]] = [[]]
    for part in form.parts:
        kind = part.type if isinstance(part, Token) else ""
        if kind == "EQUAL" and form.name in CUTS[kind]:
            columns.append([])
        columns[-1].append(part)
        if kind == "COLON" and form.name in CUTS[kind]:
            columns.append([])
    return tuple(_words(column, say) for column in columns)


def _words(parts: Sequence[Part], say: Phrases) -> Doc:
    docs: list[Doc] = []
    for part in parts:
        kind = part.type if isinstance(part, Token) else part.name
        doc = say.meaning(part) if isinstance(part, Form) and kind == "body" else say(part)
        if kind.startswith("opt_"):
            docs.append(Group(Nest((WIDE, doc))))
        else:
            docs.append(("" if not docs or kind in {"COLON", "family"} else " ", doc))
    return tuple(docs)


def _def(form: Form, say: Phrases) -> Doc:
    closing = next(i for i, part in enumerate(form.parts) if isinstance(part, Token) and part.type == "RPAR")
    head = (say(form.parts[0]), " ", say(form.parts[1]), say.bracketed(form.parts[2 : closing + 1]))
    return (*head, " ", _words(form.parts[closing + 1 :], say))


def _solve(form: Form, say: Phrases) -> Doc:
    tails = form.forms("tail_order", "tail_ties")
    head = form.parts[: len(form.parts) - len(tails) - 1]
    game = form.parts[len(head)]
    assert isinstance(game, Form)
    solved = (_words(head, say), " ", say.game(game))
    behind = Nest(tuple((WIDE, say(tail)) for tail in tails))
    # A block ends on a line of its own, where there is room behind it.
    return (solved, Group(behind)) if game.name == "block" else Group((solved, behind))


def _braced(form: Form, say: Phrases) -> tuple[Doc, ...]:
    entries = form.forms("sched", "setting")
    opening = len(form.parts) - len(entries) - 2
    return _words(form.parts[:opening], say), say.entries(form.parts[opening], entries, form.parts[-1])


# ------------------------------------------------------------------ lines


def _runs(rows: Sequence[_Row]) -> list[list[_Row]]:
    """Statements of one kind that follow each other without an empty line or a comment between."""
    runs: list[list[_Row]] = []
    for row in rows:
        if runs and row.adjoins and runs[-1][-1].kind == row.kind:
            runs[-1].append(row)
        else:
            runs.append([row])
    return runs


def _aligned(run: Sequence[_Row]) -> list[str]:
    """The statements of a run, their columns lined up among those that take one line each."""
    cells = [_cells(row) for row in run]
    found: list[str] = []
    for several, group in groupby(range(len(run)), key=lambda i: len(cells[i] or ())):
        rows = list(group)
        if several:
            found += _lined_up([cells[i] or () for i in rows], WIDEST_PAD.get(run[0].kind, 8))
        else:
            found += [_broken(run[i]) for i in rows]
    return found


def _broken(row: _Row) -> str:
    """A statement that takes several lines; one with a type begins a new one before its `=`."""
    if row.kind in TYPED:
        *head, source = row.columns
        return render(Group((between(head, " "), Nest((Line(), source)))))
    return render(between(row.columns, " "))


def _lined_up(rows: Sequence[tuple[str, ...]], widest_pad: int) -> list[str]:
    """The rows as lines; a column begins at the same place in all of them where the lines stay short enough."""
    lines = [row[0] for row in rows]
    for column in range(1, len(rows[0])):
        widest = max(map(len, lines))
        padded = [line.ljust(widest) for line in lines]
        rests = [" ".join(row[column:]) for row in rows]
        narrow = all(len(line) + 1 + len(rest) <= WIDTH for line, rest in zip(padded, rests, strict=True))
        if narrow and widest - min(map(len, lines)) <= widest_pad:
            lines = padded
        lines = [f"{line} {row[column]}" for line, row in zip(lines, rows, strict=True)]
    return lines


def _cells(row: _Row) -> tuple[str, ...] | None:
    """The columns of a statement that fits on a line."""
    cells = [flat(column) for column in row.columns]
    known = tuple(cell for cell in cells if cell is not None)
    return known if len(known) == len(cells) and len(" ".join(known)) <= WIDTH else None


# ------------------------------------------------------------------ what must not change


def _same(source: Source, made: str) -> None:
    """A layout that says something else would be our fault: the words are compared before anyone sees it."""
    before, after = (lex(Source(source.name, text), table()) for text in (source.text, made))
    words = ([_canonical(token) for token in lexed.tokens] for lexed in (before, after))
    comments = ([comment.text.rstrip() for comment in lexed.comments] for lexed in (before, after))
    if after.problems or len(set(map(tuple, words))) > 1 or len(set(map(tuple, comments))) > 1:
        raise InternalError(f"the layout of {source.name} does not say what {source.name} says")


def _canonical(token: Token) -> tuple[str, str]:
    if token.type in {"_ST", "_WHERE"}:
        return "side", ""
    return token.type, ASCII.get(token.text, token.text)
