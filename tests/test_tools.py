"""The commands on texts: fmt, check --fix, rule, schema, expand, emit --to, and what other machines read."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from gamespec import cli, pipeline
from gamespec.ir.game import Game
from gamespec.notation.expand import expanded
from gamespec.report.source import Source
from gamespec.syntax.read import read

SPECS = sorted((Path(__file__).resolve().parents[1] / "specs").rglob("*.game"))
UGLY = "var u in [0,1] # here\nsolve min{u}[2u  && 3]\n"
PLAIN = "language 1\nvar u in [0, 1]  # here\nsolve min{u} [ 2*u ]\n"


@pytest.fixture
def gamec(monkeypatch, tmp_path, capsys):
    """Run a command in an empty folder; gives exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*argv, stdin=""):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        try:
            code = cli.main(argv)
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return call


def write(text: str, name: str = "a.game") -> Path:
    """Write a game in the folder of the test."""
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


# ------------------------------------------------------------------ fmt


def test_fmt_rewrites_what_is_not_in_the_layout(gamec):
    """Twice is once; what was right is not touched."""
    path = write("language 1 var u in [0,1] # here\nsolve min{u}[2*u]\n")

    assert gamec("fmt", "a.game")[::2] == (0, "a.game changed\n1 of 1 files changed\n")
    assert path.read_text() == PLAIN
    assert gamec("fmt", "a.game")[::2] == (0, "0 of 1 files changed\n")


def test_fmt_check_changes_nothing(gamec):
    """It ends with 1 where something would change."""
    path = write(PLAIN.replace("[ 2*u ]", "[2*u]"))

    assert gamec("fmt", "--check", "a.game")[0] == 1
    assert gamec("fmt", "--diff", "a.game")[:2] == (
        1,
        "--- a.game\n+++ a.game\n@@ -1,3 +1,3 @@\n language 1\n var u in [0, 1]  # here\n-solve min{u} [2*u]\n+solve min{u} [ 2*u ]\n",
    )
    assert "[2*u]" in path.read_text()


def test_fmt_goes_through_folders_and_stdin(gamec):
    """`-` from stdin to stdout; a folder with all below it, its library too."""
    write(PLAIN, "games/a.game")
    write("def f(x)=x", "games/lib/b.game")

    assert gamec("fmt", "-", stdin="let a=1")[:2] == (0, "let a = 1\n")
    assert gamec("fmt", "--unicode", "-", stdin="let a = b <= 2")[1] == "let a = b ≤ 2\n"
    assert "1 of 2 files changed" in gamec("fmt", "games")[2]


def test_fmt_of_a_mistake_is_the_mistake(gamec):
    """And the other files are still done."""
    write(UGLY, "bad.game")
    good = write("let a=1")
    code, _, err = gamec("fmt", "bad.game", "a.game")

    assert (code, "GE003" in err) == (1, True)
    assert good.read_text() == "let a = 1\n"


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_the_meaning_of_a_game_does_not_depend_on_its_layout(path):
    """The hash of the IR is that of the text in its one layout, in either alphabet."""
    from gamespec.syntax.layout import layout

    source = read(path)
    hashes = {
        pipeline.check(Source(source.name, text)).game.model_copy(update={"expects": ()}).hash()
        for text in (source.text, layout(source), layout(source, unicode=True))
    }

    assert len(hashes) == 1


# ------------------------------------------------------------------ fixes


def test_fixes_that_are_safe_are_made(gamec):
    """What they leave is reported."""
    path = write(UGLY)
    code, _, err = gamec("check", "--fix", "a.game")

    assert (code, "a.game: 3 fixed" in err) == (1, True)
    assert path.read_text() == "language 1\nvar u in [0,1] # here\nsolve min{u}[2*u  and 3]\n"


def test_fixes_can_be_seen_first(gamec):
    """`--diff` writes nothing."""
    path = write(UGLY)
    code, out, _ = gamec("check", "--diff", "a.game")

    assert (code, "+solve min{u}[2*u  and 3]" in out) == (1, True)
    assert path.read_text() == UGLY


def test_guesses_are_made_only_where_asked_for(gamec):
    """`--unsafe` also takes the nearest word."""
    path = write(PLAIN.replace("2*u", "ab(u)"))
    gamec("check", "--fix", "a.game")
    before = path.read_text()
    gamec("check", "--fix", "--unsafe", "a.game")

    assert ("ab(u)" in before, "abs(u)" in path.read_text()) == (True, True)


LEARN = """language 1
data train: (a: R[64] in [0, 1], b: class[10]) = digits("train")
net h: R[64] -> logits[10] = linear()
solve min{h} E{(a, b) ~ train} max{d in Linf(0.1) & (domain(a) - a)} [ ce(h(a + d), b) ]
"""


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("max{d", "argmax{d"),
        ("Linf(0.1)", "Linff(0.1)"),
        ("Linf(8/255)", "Linf(8)"),
        (" & (domain(a) - a)", ""),
        ("ce(h", "cee(h"),
        ("[0, 1]", "[1, 0]"),
        ("logits", "logit"),
        ('"train"', "'train'"),
        ("language 1", "language 3"),
    ],
)
def test_a_mistake_in_a_game_is_mended_as_meant(gamec, right, wrong):
    """The fix is what stood there before."""
    text = LEARN.replace("Linf(0.1)", right) if right.startswith("Linf") else LEARN
    path = write(text.replace(right, wrong, 1))

    assert gamec("check", "--fix", "--unsafe", "a.game")[0] == 0
    assert path.read_text() == text


def test_nothing_to_fix_is_fine(gamec):
    """Exit 0."""
    write(PLAIN)

    assert gamec("check", "--fix", "a.game")[0] == 0


# ------------------------------------------------------------------ rule and schema


def test_rule_explains_a_code(gamec):
    """With the program before and after."""
    code, out, _ = gamec("rule", "ge003")

    assert code == 0
    assert out.startswith("error[GE003] missing-operator")
    assert "  - solve min{u} [ 2u + u^2 ]\n  + solve min{u} [ 2*u + u^2 ]\n" in out


def test_rule_lists_all_codes(gamec):
    """One line each; as JSON with everything."""
    assert "GE204  a number is needed\n" in gamec("rule")[1]
    assert len(json.loads(gamec("--output", "json", "rule")[1])["rules"]) > 50


def test_rule_knows_what_was_meant(gamec):
    """A code that is none is a mistake of the command line."""
    code, _, err = gamec("rule", "GE20")

    assert (code, "did you mean `G" in err) == (2, True)


def fits(value: object, schema: dict, root: dict) -> bool:
    """Tell whether a value fits a schema, of the words that ours use."""
    if "$ref" in schema:
        return fits(value, root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root)
    if "const" in schema or "enum" in schema:
        return value in schema.get("enum", [schema.get("const")])
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
    if not isinstance(value, kinds[schema["type"]]) or not re.match(schema.get("pattern", ""), str(value)):
        return False
    if isinstance(value, dict):
        inside = schema["properties"]
        return set(schema["required"]) <= value.keys() and all(fits(value[key], inside[key], root) for key in inside)
    if isinstance(value, list):
        return all(fits(item, schema["items"], root) for item in value)
    return isinstance(value, str) or value >= schema.get("minimum", value)


def test_what_json_says_fits_its_schema(gamec):
    """Every diagnostic of a file full of mistakes."""
    write(UGLY + "let f = (a\nsovle x\nlet g = 'b'")
    schema = json.loads(gamec("schema", "diagnostics")[1])
    document = json.loads(gamec("--output", "json", "check", "a.game")[1])

    assert len(document["diagnostics"]) >= 3
    assert fits(document, schema, schema)
    assert not fits(document | {"format_version": "2"}, schema, schema)


def test_the_schema_of_the_ir_names_its_version(gamec):
    """It is that of the model."""
    made = json.loads(gamec("schema", "ir")[1])

    assert made["properties"]["ir_version"]["const"] == "1.0"
    assert made["additionalProperties"] is False


# ------------------------------------------------------------------ notations


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_an_expanded_game_is_the_same_game(path):
    """It checks, its plans are the same, and nothing is left to be chosen."""
    before = pipeline.check(read(path))
    after = pipeline.check(Source("e.game", expanded(before)))

    for schedule in before.game.schedules:
        plans = [pipeline.compile(checked, schedule.name).plan for checked in (before, after)]
        assert replace(plans[0], defaults=()) == replace(plans[1], defaults=())
        assert plans[1].defaults == ()


def test_expand_writes_what_is_not_there(gamec):
    """A game without schedule, run and language gets all of them."""
    write("var u in [0, 1]\nvar v in [0, 1]\nsolve min{u} max{v} [ u*v ]\n")
    out = gamec("expand", "a.game")[1]

    assert out.startswith("language 1\n")
    assert "schedule { method: extragradient" in out
    assert "run { steps = 1000" in out


def test_the_ir_goes_round(gamec):
    """What `emit --to ir` prints is the game."""
    text = gamec("emit", "--to", "ir", str(SPECS[0]))[1]

    assert Game.model_validate_json(text) == pipeline.check(read(SPECS[0])).game


def test_the_graph_has_a_box_for_each_player(gamec):
    """With what it chooses; an arrow for what its leader sees."""
    path = next(str(path) for path in SPECS if path.stem == "pgd_digits")
    mermaid, dot = (gamec("emit", "--to", kind, path)[1] for kind in ("mermaid", "dot"))

    assert "max: d<br/>one for each (a, b)" in mermaid
    assert '-->|"value"|' in mermaid
    assert dot.startswith('digraph "pgd_digits" {')
    assert '[label="value"]' in dot


# ------------------------------------------------------------------ other machines


def test_github_gets_workflow_commands(gamec):
    """On stdout, each on its line, with what would break them escaped."""
    write(UGLY)
    code, out, err = gamec("--output", "github", "check", "a.game")

    assert (code, err) == (1, "")
    assert out.startswith("::error file=a.game,line=2,endLine=2,col=15,endColumn=16,title=GE003 missing-operator::missing operator")
    assert out.count("\n") == 1
    assert "%0Ahelp: " in out


SARIF = {
    "log": ({"$schema", "version", "runs"}, {"version", "runs"}),
    "run": ({"tool", "results", "columnKind"}, {"tool"}),
    "driver": ({"name", "version", "rules"}, {"name"}),
    "rule": ({"id", "name", "shortDescription", "fullDescription", "help", "defaultConfiguration"}, {"id"}),
    "result": ({"ruleId", "ruleIndex", "level", "message", "locations", "relatedLocations", "fixes"}, {"message"}),
    "location": ({"id", "physicalLocation", "message"}, set()),
    "place": ({"artifactLocation", "region"}, {"artifactLocation"}),
    "region": ({"startLine", "startColumn", "endLine", "endColumn"}, {"startLine"}),
    "fix": ({"description", "artifactChanges"}, {"artifactChanges"}),
    "change": ({"artifactLocation", "replacements"}, {"artifactLocation", "replacements"}),
    "replacement": ({"deletedRegion", "insertedContent"}, {"deletedRegion"}),
}


def shaped(kind: str, value: dict) -> dict:
    """Give a part of a log that has the properties which SARIF 2.1.0 knows of and asks for."""
    known, needed = SARIF[kind]

    assert needed <= value.keys() <= known, kind
    return value


def test_sarif_has_the_shape_of_its_standard(gamec):
    """Properties, enumerations, lines from 1, and ends behind their starts, as sections 3.13 to 3.57 ask."""
    write(UGLY + "let f = (a]\nlet ε = 'b'\nlet µ = × 2", "a b.game")
    log = shaped("log", json.loads(gamec("check", "--output", "sarif", "a b.game")[1]))
    (run,) = log["runs"]
    rules = [shaped("rule", rule)["id"] for rule in shaped("driver", shaped("run", run)["tool"]["driver"])["rules"]]
    seen = 0
    for result in run["results"]:
        shaped("result", result)
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in {"none", "note", "warning", "error"}
        places = [shaped("location", place)["physicalLocation"] for place in [*result["locations"], *result.get("relatedLocations", [])]]
        changes = [shaped("change", change) for fix in result.get("fixes", []) for change in shaped("fix", fix)["artifactChanges"]]
        regions = [shaped("place", place)["region"] for place in places]
        regions += [shaped("replacement", edit)["deletedRegion"] for change in changes for edit in change["replacements"]]
        for region in map(lambda r: shaped("region", r), regions):
            seen += 1
            assert 1 <= region["startLine"] <= region["endLine"]
            assert min(region.values()) >= 1
        assert {place["artifactLocation"]["uri"] for place in places} == {"a%20b.game"}

    assert (log["version"], run["columnKind"], len(set(rules)) == len(rules)) == ("2.1.0", "unicodeCodePoints", True)
    assert seen > 5


# ------------------------------------------------------------------ terminals


def test_colors_only_where_they_are_wanted(gamec, monkeypatch):
    """`NO_COLOR` and a pipe mean none; `--color always` means always."""
    write(UGLY)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    colored = gamec("check", "a.game")[2]
    monkeypatch.setenv("NO_COLOR", "1")

    assert ("\x1b[" in gamec("--color", "always", "check", "a.game")[2], "\x1b[" in gamec("check", "a.game")[2]) == (True, False)
    assert "\x1b[" not in gamec("--color", "never", "check", "a.game")[2]
    assert colored


def test_columns_count_letters_and_marks_follow_tabs(gamec):
    """Greek letters are one column each, in every output."""
    write("language 1\nlet λε = 1\n\tlet ∇f = αβ γ\n")
    _, _, err = gamec("check", "a.game")
    short = gamec("--output", "short", "check", "a.game")[2]

    assert "a.game:3:6: error[GE013]" in short or "a.game:3:6: error" in short
    assert all("\t" not in line for line in err.splitlines())
