"""How diagnostics look, character by character."""

from __future__ import annotations

import json

import pytest

from gamespec.report.diagnostic import Diagnostic, Edit, Fix, GameError, Label
from gamespec.report.render import as_json, human, short, summary
from gamespec.report.source import Source, Span
from gamespec.syntax.parse import parse


def place(source: Source, words: str, text: str = "") -> Label:
    """Give the label on the first place where these words stand."""
    start = source.text.index(words)
    return Label(Span(source.name, start, start + len(words)), text)


TOY = Source("toy.game", "language 1\n\nlet f = -u^2 + 2u*v\n")
GAN = Source("gan.game", "language 1\n" * 5 + "dist p: R[100] = N()\nnet h: R[128] -> R = f()\n\n\nsolve [ d(h(w)) ]\n")
SHAPES = Diagnostic(
    code="GE203",
    message="shapes do not match",
    primary=place(GAN, "h(w)", "R[100] given, R[128] needed"),
    related=(place(GAN, "R[100]", "`w` is R[100]"), place(GAN, "R[128]", "`h` takes R[128]")),
    notes=("the first dimension counts",),
    hint="make `p` R[128],\nor change the input of `h`",
)


def test_a_mistake_of_syntax_looks_like_this():
    """Title, place, line, mark and help."""
    with pytest.raises(GameError) as caught:
        parse(TOY)

    assert human(caught.value.diagnostics, {"toy.game": TOY}) == (
        "error[GE003]: missing operator\n"
        " --> toy.game:3:17\n"
        "  |\n"
        "3 | let f = -u^2 + 2u*v\n"
        "  |                 ^ expected an operator before `u`\n"
        "  = help: multiplication is explicit: write `2*u`"
    )


def test_related_places_are_shown_in_the_order_of_the_file():
    """Every line is shown once, the gutter is as wide as the longest number, long help is indented."""
    assert human([SHAPES], {"gan.game": GAN}) == (
        "error[GE203]: shapes do not match\n"
        "  --> gan.game:10:11\n"
        "   |\n"
        " 6 | dist p: R[100] = N()\n"
        "   |         ------ `w` is R[100]\n"
        " 7 | net h: R[128] -> R = f()\n"
        "   |        ------ `h` takes R[128]\n"
        "10 | solve [ d(h(w)) ]\n"
        "   |           ^^^^ R[100] given, R[128] needed\n"
        "   = note: the first dimension counts\n"
        "   = help: make `p` R[128],\n"
        "           or change the input of `h`"
    )


def test_two_marks_on_one_line_share_it():
    """The mark further right comes first, as its words are nearest to the line."""
    source = Source("a.game", "let f = (a]")
    found = Diagnostic("GE002", "no", place(source, "]", "here"), related=(place(source, "(", "opens"),))

    assert human([found], {"a.game": source}).split("\n")[3:] == [
        "1 | let f = (a]",
        "  |           ^ here",
        "  |         - opens",
    ]


def test_related_places_may_be_in_another_file():
    """The other file has its own arrow."""
    one, two = Source("a.game", "import x"), Source("b.game", "\nlet x = 2")
    found = Diagnostic("GE101", "no", place(one, "x", "here"), related=(place(two, "x", "there"),))

    assert human([found], {"a.game": one, "b.game": two}) == (
        "error[GE101]: no\n --> a.game:1:8\n  |\n1 | import x\n  |        ^ here\n"
        " ::: b.game:2:5\n  |\n2 | let x = 2\n  |     - there"
    )


def test_a_file_without_text_is_named():
    """A file that could not be read has no line to show."""
    found = Diagnostic("GE603", "cannot read", Label(Span("no.game", 0, 0), "no such file"), hint="check the path")

    assert human([found], {}) == ("error[GE603]: cannot read\n --> no.game\n  = no such file\n  = help: check the path")
    assert human([Diagnostic("GE603", "x", Label(Span("no.game", 0, 0)))], {}) == "error[GE603]: x\n --> no.game"
    assert short([found], {}) == "no.game: error[GE603]: cannot read"


def test_a_fix_is_the_help_where_there_is_no_hint():
    """The message of the fix is shown."""
    fix = Fix("write `2*u`", (Edit(Span("toy.game", 28, 28), "*"),), safe=True)
    found = Diagnostic("GW001", "x", Label(Span("toy.game", 0, 8)), fixes=(fix,))

    assert human([found], {"toy.game": TOY}).endswith("1 | language 1\n  | ^^^^^^^^\n  = help: write `2*u`")


@pytest.mark.parametrize(
    ("line", "mark", "shown", "marks"),
    [
        ("\tlet x", "x", "1 |     let x", "  |         ^"),
        ("a\tx", "x", "1 | a   x", "  |     ^"),
        ("名名 x", "x", "1 | 名名 x", "  |      ^"),
        ("名名 x", "名名", "1 | 名名 x", "  | ^^^^"),
        ("e\u0301 x", "x", "1 | e\u0301 x", "  |   ^"),
        ("e\u0301x", "\u0301", "1 | e\u0301x", "  |  ^"),
        ("a\x1b[31mx", "x", "1 | a\\x1b[31mx", "  |          ^"),
        ("a\u202ex", "x", "1 | a\\u202ex", "  |        ^"),
        ("\ud800x", "x", "1 | \\ud800x", "  |       ^"),
        ("\U000e0001x", "x", "1 | \\U000e0001x", "  |           ^"),
    ],
)
def test_marks_stand_under_what_is_seen(line, mark, shown, marks):
    """Tabs, wide letters, accents and control characters move the marks as they move the text."""
    source = Source("a.game", line + "\n")

    assert human([Diagnostic("GE001", "no", place(source, mark))], {"a.game": source}).split("\n")[3:] == [shown, marks]


@pytest.mark.parametrize("at", [0, 5, 60, 1000, 1985, 1999])
def test_long_lines_are_cut_around_the_mark(at):
    """Of a long line about a hundred columns are shown, with the mark in them."""
    source = Source("a.game", "~" * at + "X" + "~" * (1999 - at))
    found = Diagnostic("GE001", "no", place(source, "X", "here"))
    line, marks = human([found], {"a.game": source}).split("\n")[3:]

    assert len(line) <= 110
    assert line[marks.index("^")] == "X"
    assert line.startswith("1 | ...") == (at >= 60)


def test_a_mark_over_several_lines_ends_with_the_first():
    """The line end is not marked."""
    source = Source("a.game", "let f = [\n1]\n")
    found = Diagnostic("GE001", "no", place(source, "[\n1]"))

    assert human([found], {"a.game": source}).split("\n")[3:] == ["1 | let f = [", "  |         ^"]


def test_a_mark_at_the_end_of_the_file_is_one_wide():
    """An empty place is still marked."""
    source = Source("a.game", "let f =")
    found = Diagnostic("GE001", "no", Label(Span("a.game", 7, 7)))

    assert human([found], {"a.game": source}).split("\n")[3:] == ["1 | let f =", "  |        ^"]
    assert human([found], {"a.game": Source("a.game", "")}).split("\n")[3:] == ["1 |", "  | ^"]


def test_words_of_the_user_cannot_act_on_the_terminal():
    """Control characters in messages, labels and file names are shown, not sent."""
    source = Source("a\x1b.game", "x")
    found = Diagnostic("GE001", "a\x1b[2J", Label(Span(source.name, 0, 1), "b\x07"), notes=("c\x1b",), hint="d\x1b")

    assert "\x1b" not in human([found], {source.name: source})
    assert "\x1b" not in short([found], {source.name: source})


def test_color_adds_nothing_but_color():
    """Without its escapes the coloured text is the plain one."""
    import re

    colored = human([SHAPES], {"gan.game": GAN}, color=True)

    assert colored != human([SHAPES], {"gan.game": GAN})
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == human([SHAPES], {"gan.game": GAN})


def test_short_is_one_line_each():
    """File, line, column, code and message."""
    assert short([SHAPES, SHAPES], {"gan.game": GAN}) == "\n".join(
        ["gan.game:10:11: error[GE203]: shapes do not match"] * 2
    )


@pytest.mark.parametrize(
    ("codes", "text"),
    [
        (["GE001", "GE002", "GW001"], "2 errors, 1 warning"),
        (["GN310"], "1 note"),
        (["GW001", "GW110", "GN303"], "2 warnings, 1 note"),
        ([], "no errors"),
    ],
)
def test_the_summary_counts_by_severity(codes, text):
    """Errors, then warnings, then notes; what there is none of is not said."""
    assert summary([Diagnostic(code, "x", Label(Span("a", 0, 0))) for code in codes]) == text


def test_json_says_everything():
    """One document with positions, related places, hints and edits; it survives a round trip."""
    fix = Fix("make p R[128]", (Edit(Span("gan.game", 63, 69), "R[128]"),))
    pinned = Diagnostic("GW001", "x", Label(Span("?", 0, 1)), fixes=(fix,))
    document = as_json([SHAPES, pinned], {"gan.game": GAN}, "0.1.0")

    assert json.loads(json.dumps(document)) == document
    assert {key: document[key] for key in ("format_version", "tool", "tool_version", "valid", "counts")} == {
        "format_version": "1.0",
        "tool": "gamec",
        "tool_version": "0.1.0",
        "valid": False,
        "counts": {"error": 1, "warning": 1, "note": 0},
    }
    first, second = document["diagnostics"]
    assert (first["code"], first["name"], first["severity"]) == ("GE203", "shape-mismatch", "error")
    assert first["primary"] == {
        "file": "gan.game",
        "start": {"line": 10, "column": 11, "offset": 113},
        "end": {"line": 10, "column": 15, "offset": 117},
        "label": "R[100] given, R[128] needed",
    }
    assert [label["label"] for label in first["related"]] == ["`w` is R[100]", "`h` takes R[128]"]
    assert (first["notes"], first["hint"]) == (list(SHAPES.notes), SHAPES.hint)
    assert second["primary"]["start"] == {"line": 1, "column": 1, "offset": 0}
    assert second["fixes"] == [
        {
            "message": "make p R[128]",
            "applicability": "unsafe",
            "edits": [{"file": "gan.game", "start": 63, "end": 69, "text": "R[128]"}],
        }
    ]
    assert as_json([], {})["valid"] is True
