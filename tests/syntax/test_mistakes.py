"""Every curated mistake is named, placed and answered with something that can be typed."""

from __future__ import annotations

import pytest

from gamespec.report.diagnostic import GameError
from gamespec.report.source import Source
from gamespec.syntax.parse import parse, parse_expression

# The mistake, its code, the text under the caret, words of the message, words of the hint.
MISTAKES = [
    ("let f = 2u*v", "GE003", "u", "missing operator", "`2*u`"),
    ("let f = 2(a)", "GE003", "(", "missing operator", "`2*(..)`"),
    ("let f = 2[a]", "GE003", "[", "missing operator", "write the operator"),
    ("let f = a b", "GE003", "b", "missing operator", "`a*b`"),
    ("let f = (a) b", "GE003", "b", "missing operator", "write the operator"),
    ("let f = g(a b)", "GE003", "b", "missing operator", "`,` or an operator before `b`"),
    ("let f = [1 2]", "GE003", "2", "missing operator", "`,` or an operator"),
    ("let f = (a + b", "GE002", "(", "`(` is never closed", "`)`"),
    ("let f = (", "GE002", "(", "`(` is never closed", "`)`"),
    ("solve min{u} [ f", "GE002", "[", "`[` is never closed", "`]`"),
    ("solve min{u [ f ]", "GE002", "{", "`{` is never closed", "`}`"),
    ("net h: R[2 -> R = f()", "GE002", "[", "`[` is never closed", "`]`"),
    ("net h: R[2 -> R = f(]) ", "GE002", "[", "`[` is never closed", "`]`"),
    ("net h: R[2 -> R = f(1)]", "GE001", "->", "does not fit", "for example"),
    ("let f = (a]", "GE002", "]", "`(` is closed by `]`", "`)` before"),
    ("let f = a)", "GE002", ")", "`)` closes nothing", "remove"),
    (") let f = 2", "GE002", ")", "`)` closes nothing", "remove"),
    ("solve min_{u} [ f ]", "GE013", "min_", "`min` binds in braces", "`min{u}`"),
    ("let a = E_{x ~ p}[x]", "GE013", "E_", "`E` binds in braces", "`E{x ~ p}`"),
    ("let a = E_{x ~ {1}}[x]", "GE013", "E_", "`E` binds in braces", "`E{..}`"),
    ("solve min u: f", "GE013", "min", "`min` binds in braces", "`min{u}`"),
    ("solve min(u) [ f ]", "GE013", "min", "`min` binds in braces", "`min{u}`"),
    ("solve min_u max_v [ f ]", "GE013", "min_u", "`min` binds in braces", "`min{u}`"),
    ("solve minimize{u} [ f ]", "GE016", "minimize", "written `min`", "`min`"),
    ("let a = mean b", "GE013", "mean", "`mean` binds in braces", "`mean(b)`, or `mean{i in S}[ .. ]`"),
    ("let a = min 3", "GE013", "min", "`min` binds in braces", "`min{u}`"),
    ("let a = min_loss b", "GE003", "b", "missing operator", "`min_loss*b`"),
    ("solve min{u}, max{v} [ f ]", "GE013", ",", "side by side", "`min{u} max{v} [ .. ]`"),
    ("solve min{u} max{v} f", "GE013", "f", "body stands in brackets", "`[ f .. ]`"),
    ("solve min{u} max{v}", "GE013", "}", "the body is missing", "`min{u} max{v} [ f ]`"),
    ("let f = |x|", "GE013", "|", "no bracket", "`abs(x)`"),
    ("let f 3", "GE014", "3", "`let` needs `=`", "`let f = 3`"),
    ("param x 3", "GE014", "3", "`param` needs `=`", "`param x = 3`"),
    ("def f(x) x + 1", "GE014", "x", "`def` needs `=`", "`def f(x) = x`"),
    ("let f(x) = 2", "GE014", "let", "a function is made with `def`", "`def`"),
    ("let f == 3", "GE014", "==", "given with `=`", "`=`"),
    ("let f : 3", "GE014", ":", "given with `=`", "`=`"),
    ("expect a = b", "GE014", "=", "a comparison is `==`", "`==`"),
    ("run { steps: 3 }", "GE014", ":", "given with `=`", "`=`"),
    ("schedule { u = adam() }", "GE014", "=", "after `:`", "`:`"),
    ("data x = 3", "GE015", "x", "`x` needs a type", "`data x: R[2] = ..`"),
    ("let f =", "GE015", "=", "not finished", "for example `let f = u^2`"),
    ("solve", "GE015", "solve", "not finished", "for example `solve"),
    ("let a = if b then c", "GE015", "c", "not finished", "`if a < b then a else b`"),
    ("let f = x**2", "GE016", "**", "written `^`", "`^`"),
    ("let f = a && b", "GE016", "&&", "written `and`", "`and`"),
    ("let f = a || b", "GE016", "||", "written `or`", "`or`"),
    ("let f := 3", "GE016", ":=", "written `=`", "`=`"),
    ("expect a => b", "GE016", "=>", "written `>=`", "`>=`"),
    ("solve min{u} [ f s.t w = 3 ]", "GE016", "s.t", "written `s.t.`", "`s.t.`"),
    ("solve min{u} [ f such that w = 3 ]", "GE016", "such that", "written `s.t.`", "`s.t.`"),
    ("solve min{u} [ f st w = 3 ]", "GE016", "st", "written `s.t.`", "`s.t.`"),
    ("solve nash { min{q[i]} [f] for all i in S }", "GE016", "for all", "written `forall`", "`forall`"),
    ("solve nash { min{q[i]} [f] for i in S }", "GE016", "for", "written `forall`", "`forall`"),
    ("solve min{u} [ f s.t. u <= 1 for all i in S ]", "GE016", "for all", "written `forall`", "`forall`"),
    ("solve min{u} [ f s.t. u <= 1 for i in S ]", "GE016", "for", "written `forall`", "`forall`"),
    ("run { steps = 3, seed = 2 }", "GE001", ",", "nothing needs a `,`", "remove the `,`"),
    ("let a = 1; let b = 2", "GE001", ";", "nothing needs a `;`", "remove the `;`"),
    ("solve { min{u}[u], max{v}[v] }", "GE001", ",", "nothing needs a `,`", "remove the `,`"),
    ("let f = g(a, )", "GE001", ")", "an expression is missing", "for example"),
    ("let f = 0..", "GE015", "..", "not finished", "for example"),
    ("net h R[2]", "GE001", "R", "`:` is missing", "for example `net h: "),
    ("run steps = 3", "GE001", "steps", "`{` is missing", "for example `run {"),
    ("let  = 3", "GE001", "=", "a name is missing", "for example `let"),
    ("let f = (a; b)", "GE001", ";", "does not fit here", "for example"),
    ("dim n = 3 ->", "GE001", "->", "does not fit here", "for example `dim n = 4`"),
    ("sovle min{u} [f]", "GE009", "sovle", "begins no statement", "did you mean `solve`?"),
    ("let f = 2\nsovle min{u} [f]", "GE009", "sovle", "begins no statement", "did you mean `solve`?"),
    ("let f = 2\nfoo bar", "GE009", "foo", "begins no statement", "assume, data, def"),
    ("let f = 2\nfoo", "GE009", "foo", "begins no statement", "assume, data, def"),
    ("let f = 2\n  foo + 2", "GE003", "foo", "missing operator", "`2*foo`"),
    ("2 * 3", "GE009", "2", "begins no statement", "`let f = ..`"),
    ("let net = 3", "GE010", "net", "`net` is a reserved word", "`net_1`"),
    ("let order = 3", "GE010", "order", "`order` is a reserved word", "`order_1`"),
    ("let then = 3", "GE010", "then", "`then` is a reserved word", "`then_1`"),
    ("let f = g(x, in)", "GE010", "in", "`in` is a reserved word", "another name"),
    ("let f = net + 2\nlet g = 3", "GE010", "net", "`net` is a reserved word", "`net_1`"),
    ("solve min{u} [ net(u) + data(u) ]", "GE010", "net", "`net` is a reserved word", "`net_1`"),
    ('let f = "abc', "GE011", '"', "the string has no end", '`"` on the same line'),
    ('let f = "abc\nlet g = 2', "GE011", '"', "the string has no end", '`"` on the same line'),
    ("let f = a × b", "GE012", "×", "`×` is not part of the language", "`*`"),
    ("let f = a − b", "GE012", "−", "`−` is not part of the language", "`-`"),
    ("let f = a $$$ b", "GE012", "$$$", "`$` is not part of the language", "TeX"),
    ("let f = \u200ba", "GE012", "\u200b", "an invisible character", "remove it"),
    ("let f = 'a b'", "GE012", "'a b'", "double quotes", '`"a b"`'),
    ("let f = 'a", "GE012", "'", "not part", "double quotes"),
    ("let f = “a”", "GE012", "“a”", "double quotes", '`"a"`'),
    ("let ｌｅｔ = 3", "GE012", "ｌｅｔ", "is not a name", "ordinary letters"),
    ("let f = x²", "GE017", "²", "written with `^`", "`x^2`"),
    ("let a = 1e99999", "GE008", "1e99999", "too long", "`inf`"),
    ("let a = 1e999999999", "GE008", "1e999999999", "too long", "`inf`"),
    (f"let a = {'1' * 101}", "GE008", "1" * 101, "too long", "fewer digits"),
    ("language 1.5", "GE008", "1.5", "whole number", "`language 1`"),
    ("let f = g(a = 1, b)", "GE018", "b", "by place come first", "to the front"),
    ("net h: R = f() frozen frozen", "GE019", "frozen", "`frozen` is written twice", "keep one"),
    ("solve min{u}[u] order a order b", "GE019", "order b", "`order` is written twice", "keep one"),
    ('let s = "a\\d"', "GE020", "\\d", "unknown escape", "`\\\\`"),
    ("", "GE004", "", "the file is empty", "the smallest game: `var u"),
    ("# only this\n", "GE004", "", "the file is empty", "the smallest game: `var u"),
]


@pytest.mark.parametrize(("text", "code", "marked", "message", "hint"), MISTAKES, ids=[row[0][:40] for row in MISTAKES])
def test_a_mistake_is_named_placed_and_answered(text, code, marked, message, hint, texts):
    """There is one diagnostic, with this code, at this place, with these words."""
    (found,) = texts.mistakes(text)
    span = found.primary.span

    assert (found.code, text[span.start : span.end]) == (code, marked)
    assert message in found.message
    assert hint in found.hint


@pytest.mark.parametrize("text", [row[0] for row in MISTAKES], ids=[row[0][:40] for row in MISTAKES])
def test_a_safe_fix_parses(text, texts):
    """Where a fix is safe, making it removes the mistake."""
    for diagnostic in texts.mistakes(text):
        for fix in diagnostic.fixes:
            if fix.safe:
                (edit,) = fix.edits
                assert texts.mistakes(text[: edit.span.start] + edit.text + text[edit.span.end :]) == ()


def test_the_smallest_game_of_the_hint_parses(texts):
    """What is offered for an empty file is a game."""
    (found,) = texts.mistakes("")

    assert texts.mistakes(found.hint.split("`")[1]) == ()


def test_an_unclosed_bracket_shows_where_its_statement_ends(texts):
    """The second label of an unclosed bracket is the last token of the statement."""
    (found,) = texts.mistakes("let f = (a + b\nlet g = 2")

    assert [(label.span.start, label.text) for label in found.related] == [(13, "the statement ends here")]


def test_a_wrong_closing_bracket_shows_its_opening_one(texts):
    """The second label of a wrong bracket is the one that is open."""
    (found,) = texts.mistakes("let f = (a]")

    assert [(label.span.start, label.text) for label in found.related] == [(8, "opens here")]


@pytest.mark.parametrize(
    ("text", "code", "start"),
    [
        ("", "GE004", 0),
        ("  # c", "GE004", 0),
        ("8/", "GE015", 1),
        ("1 2", "GE003", 2),
        ("'a'", "GE012", 0),
        ("f(a = 1, 2)", "GE018", 9),
    ],
)
def test_expressions_have_the_same_mistakes(text, code, start):
    """A wrong value on the command line is answered like one in a file."""
    with pytest.raises(GameError) as caught:
        parse_expression(Source("--set eps", text))
    (found,) = caught.value.diagnostics

    assert (found.code, found.primary.span.start, found.primary.span.file) == (code, start, "--set eps")
    assert found.hint


def test_every_mistake_is_in_the_table_of_codes(texts):
    """No diagnostic of the parser has a code without an explanation."""
    from gamespec.report.codes import CODES

    assert {d.code for row in MISTAKES for d in texts.mistakes(row[0])} <= CODES.keys()


@pytest.mark.parametrize("text", ["let f = 2{0}", "let f = a {0}", "{0}", "let {0} 3", "data {0} = 2", "let f = {0}²"])
def test_messages_stay_short(text, texts):
    """However long a name, what is said about it is not."""
    for found in texts.mistakes(text.format("x" * 10_000)):
        assert len(found.message + found.hint + found.primary.text) < 400


def test_positions_count_characters_not_bytes():
    """An offset after letters outside ASCII still points at the mistake."""
    text = "let é = 𝔼{x ∼ p}[x]\nlet f = 2u"
    with pytest.raises(GameError) as caught:
        parse(Source("t.game", text))

    assert text[caught.value.diagnostics[0].primary.span.start] == "u"
