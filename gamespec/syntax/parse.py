"""From text to tree: `parse` for a file, `parse_expression` for a value on the command line."""

from __future__ import annotations

from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any

from gamespec.report.diagnostic import Diagnostic, GameError, Label
from gamespec.report.source import Source, Span
from gamespec.syntax import tree as t
from gamespec.syntax.build import Build
from gamespec.syntax.drive import Stop, drive
from gamespec.syntax.expected import statement_words
from gamespec.syntax.hints import explain, reserved
from gamespec.syntax.lex import MAX_PROBLEMS, STRAY, Token, lex
from gamespec.syntax.mistake import Mistake
from gamespec.syntax.read import read
from gamespec.syntax.table import END, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["parse", "parse_expression", "read"]

SMALLEST = "var u in [0, 1]  solve min{u} [ u^2 ]"


def parse(source: Source) -> t.Spec:
    """The tree of a file, or a GameError with every syntax error in it."""
    lexed = lex(source, table())
    build = Build(source.name)
    statements, problems = _statements(source, lexed.tokens, build)
    if not lexed.tokens:
        problems.append(_empty(source, "file", f"the smallest game: `{SMALLEST}`"))
    _raise(*lexed.problems, *build.problems, *problems)
    return t.Spec(tuple(statements), _docs(statements, lexed.comments))


def parse_expression(source: Source) -> t.Expr:
    """The tree of one expression, or a GameError with every syntax error in it."""
    lexed = lex(source, table())
    if not lexed.tokens:
        _raise(_empty(source, "expression", "write a value: `8/255`"))
    build = Build(source.name)
    found = _attempt(source, lexed.tokens, "expr", build)
    mistakes = (explain(found),) if isinstance(found, Mistake) else ()
    _raise(*lexed.problems, *build.problems, *mistakes)
    expr: t.Expr = found
    return expr


def _raise(*problems: Diagnostic) -> None:
    if problems:
        raise GameError(problems[:MAX_PROBLEMS])


def _statements(source: Source, tokens: Sequence[Token], build: Build) -> tuple[list[t.Statement], list[Diagnostic]]:
    """The statements and the mistakes: each statement is parsed alone, so a mistake in one hides none in the next."""
    statements: list[t.Statement] = []
    problems: list[Diagnostic] = []
    previous: Mistake | None = None
    failed = 0
    results = (_attempt(source, chunk, "start", build) for chunk in _chunks(tokens))
    for result, following in pairwise(chain(results, [None])):
        if not isinstance(result, Mistake):
            statements.extend(result or ())
            previous = None
            continue
        if previous is None or not previous.runs_into(result):
            cut = isinstance(following, Mistake) and result.wants_name() and result.runs_into(following)
            problems.append(reserved(source, following.tokens[0]) if cut else explain(result))
        previous = result
        failed += 1
        if failed > MAX_PROBLEMS:
            break
    return statements, problems


def _chunks(tokens: Sequence[Token]) -> Iterator[tuple[Token, ...]]:
    """The tokens cut before every statement word: none of these words stands inside a statement."""
    words = statement_words()
    cuts = [i for i, token in enumerate(tokens) if token.type in words or i == 0]
    for start, end in pairwise([*cuts, len(tokens)]):
        yield tuple(tokens[start:end])


def _attempt(source: Source, tokens: Sequence[Token], start: str, build: Build) -> Any:  # noqa: ANN401  # any node; until 2027-11
    """What the tokens say, the mistake in them, or None where the lexer has named it already."""
    end = Token(END, "", tokens[-1].end, tokens[-1].end)
    whole = (*tokens, end)
    result = drive(table(), whole, start, build)
    if not isinstance(result, Stop):
        return result
    if whole[result.at].type == STRAY:
        return None
    return Mistake(source, whole, result.at, result.accepts, result.deep)


def _docs(statements: Sequence[t.Statement], comments: Sequence[Token]) -> tuple[tuple[int, str], ...]:
    """The `##` comments between the end of one statement and the start of the next, by the index of the latter."""
    docs: list[tuple[int, str]] = []
    end = 0
    for i, statement in enumerate(statements):
        lines = [
            comment.text.lstrip("#").strip()
            for comment in comments
            if end <= comment.start < statement.span.start and comment.text.startswith("##")
        ]
        if lines:
            docs.append((i, "\n".join(lines)))
        end = statement.span.end
    return tuple(docs)


def _empty(source: Source, what: str, hint: str) -> Diagnostic:
    place = Label(Span(source.name, 0, 0), "nothing is written here")
    return Diagnostic(code="GE004", message=f"the {what} is empty", primary=place, hint=hint)
