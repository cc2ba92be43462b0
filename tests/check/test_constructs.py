"""Every construct of the language has the meaning that the game shows: imports, several games, equilibria, sets of functions."""

from __future__ import annotations

from pathlib import Path

import pytest

from gamespec import cli, pipeline
from gamespec.report.diagnostic import GameError
from gamespec.report.source import Source
from tests.check.programs import BILEVEL, GAN, ROBUST, SADDLE, codes, errors, said

LIB = """language 1
param scale = 2
dist noise: R[8] = Normal(0, 1)
let S = Linf(0.1)
def twice(z) = scale * z
def margin(z: R[K], j: class[K], b: class[K]) -> R = z[j] - z[b]
"""


def checked(folder: Path, files: dict[str, str], main: str = "main.game", solve: str | None = None):
    """Check `main` among files of a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return pipeline.check(Source(str(folder / main), files[main]), (), solve)


def refused(folder: Path, files: dict[str, str]):
    """The errors of `main.game` among files of a folder."""
    with pytest.raises(GameError) as caught:
        checked(folder, files)
    return caught.value.diagnostics


def main_of(line: str, body: str = "x*y") -> str:
    """The saddle with a line before it and another objective."""
    return SADDLE.replace("language 1\n", f"language 1\n{line}\n").replace("x*y", body)


# ------------------------------------------------------------------ imports


def test_a_definition_of_another_file_is_written_out(tmp_path):
    """`atk.twice(x)` is what the definition says, with the constants of its own file."""
    found = checked(tmp_path, {"lib/a.game": LIB, "main.game": main_of('import "lib/a.game" as atk', "atk.twice(x)*y")})

    assert found.diagnostics == ()
    assert "atk_scale" in [p.name for p in found.game.params]
    assert str(tmp_path / "lib/a.game") in found.sources


def test_sets_and_distributions_are_imported(tmp_path):
    """A `let` that is a set, and a `dist`, have their meaning under a dotted name."""
    text = GAN.replace("dist noise: R[8] = Normal(0, 1)\n", 'import "a.game" as atk\n').replace("~ noise", "~ atk.noise")
    found = checked(tmp_path, {"a.game": LIB, "main.game": text})

    assert [d.name for d in found.game.dists] == ["atk_noise"]


def test_imports_are_relative_to_the_file_that_imports(tmp_path):
    """A library may import its neighbour."""
    files = {"lib/b.game": "def half(z) = z / 2\n", "lib/a.game": 'import "b.game" as b\ndef quarter(z) = b.half(b.half(z))\n'}
    found = checked(tmp_path, {**files, "main.game": main_of('import "lib/a.game" as atk', "atk.quarter(x)*y")})

    assert found.diagnostics == ()


def test_an_import_is_not_in_the_hash_of_its_layout(tmp_path):
    """A comment in a library changes nothing."""
    main = main_of('import "a.game" as atk', "atk.twice(x)*y")
    games = [checked(tmp_path, {"a.game": text, "main.game": main}).game for text in (LIB, "# a comment\n" + LIB)]

    assert games[0].hash() == games[1].hash()


@pytest.mark.parametrize(
    ("line", "code", "cause"),
    [
        ('import "../a.game" as atk', "GE106", "leaves the project"),
        ('import "/etc/passwd" as atk', "GE106", "path from the folder"),
        ('import "" as atk', "GE106", "path from the folder"),
        ('import "none.game" as atk', "GE106", "cannot read"),
        ('import "main.game" as atk', "GE105", "circle"),
        ('import "a.game" as x', "GE102", "twice"),
    ],
)
def test_an_import_that_may_not_be(tmp_path, line, code, cause):
    """Paths stay inside the project, exist, and make no circle."""
    (tmp_path / "a.game").write_text(LIB)
    found = refused(tmp_path / "in", {"a.game": LIB, "main.game": main_of(line)})

    assert found[0].code == code
    assert cause in found[0].message


def test_a_link_does_not_lead_out_of_the_project(tmp_path):
    """Where a link points to is what counts."""
    (tmp_path / "in").mkdir()
    (tmp_path / "out.game").write_text(LIB)
    (tmp_path / "in" / "a.game").symlink_to(tmp_path / "out.game")

    assert [d.code for d in refused(tmp_path / "in", {"main.game": main_of('import "a.game" as atk')})] == ["GE106"]


def test_the_project_is_the_folder_of_the_repository(tmp_path):
    """With `.git` above, `..` may be written down to it."""
    (tmp_path / ".git").mkdir()
    files = {"lib/a.game": LIB, "specs/main.game": main_of('import "../lib/a.game" as atk', "atk.twice(x)*y")}

    assert checked(tmp_path, files, "specs/main.game").diagnostics == ()


def test_a_circle_of_files_is_shown_whole(tmp_path):
    """The chain is in the message."""
    files = {"a.game": 'import "b.game" as b\n', "b.game": 'import "a.game" as a\n', "main.game": main_of('import "a.game" as atk')}
    found = refused(tmp_path, files)

    assert found[0].code == "GE105"
    assert found[0].primary.text == "a.game -> b.game -> a.game"


@pytest.mark.parametrize("line", ["solve min{u}[ u^2 ]", "run { steps = 3 }", "var u: R", "metric m = 1", "schedule { }", "expect 1 <= 2"])
def test_an_imported_file_only_defines(tmp_path, line):
    """Games, players and schedules stay in the file that is run."""
    found = refused(tmp_path, {"a.game": f"{LIB}{line}\n", "main.game": main_of('import "a.game" as atk')})

    assert [d.code for d in found] == ["GE107"]
    assert found[0].primary.span.file.endswith("a.game")


def test_a_mistake_in_an_imported_file_stands_there(tmp_path, capsys):
    """The caret is in the library, at the word."""
    bad = LIB.replace("scale * z", "scal * z")
    (tmp_path / "a.game").write_text(bad)
    (tmp_path / "main.game").write_text(main_of('import "a.game" as atk', "atk.twice(x)*y"))

    assert cli.main(["check", str(tmp_path / "main.game")]) == 1
    shown = capsys.readouterr().err
    assert "a.game:5:16" in shown
    assert "did you mean `scale`" in shown


def test_the_names_of_an_import_are_offered(tmp_path):
    """A typing mistake behind the dot has its nearest name."""
    found = refused(tmp_path, {"a.game": LIB, "main.game": main_of('import "a.game" as atk', "atk.twise(x)*y")})

    assert found[0].code == "GE101"
    assert "atk.twice" in found[0].hint


# ------------------------------------------------------------------ several games

TWO = """language 1
var x: R
var y: R
solve min{x} max{y} [ x*y ]
solve alone: min{x} [ x^2 ]
schedule { x: sgd(lr = 0.1)  y: sgd(lr = 0.2) }
"""


def test_the_first_game_is_solved_unless_another_is_asked_for():
    """`--solve` names a label; schedules may speak of the players of either game."""
    first, second = (pipeline.check(Source("a.game", TWO), (), label) for label in (None, "alone"))

    assert [n.owns for n in first.game.nodes] == [("y",), ("x",)]
    assert [n.owns for n in second.game.nodes] == [("x",)]
    assert [e.target for e in second.game.schedules[0].entries] == ["x"]


def test_the_commands_take_a_label(tmp_path, capsys):
    """`explain --solve` speaks of that game, and a label that is not there is named."""
    path = tmp_path / "a.game"
    path.write_text(TWO)

    assert cli.main(["explain", str(path), "--solve", "alone"]) == 0
    assert "single-level" in capsys.readouterr().out
    assert cli.main(["explain", str(path), "--solve", "alon"]) == 1
    assert "did you mean `alone`" in capsys.readouterr().err
    assert cli.main(["check", str(path), "--solve", "alone"]) == 0


# ------------------------------------------------------------------ what is kept in the game


def game_of(text: str):
    """The game of a program without errors."""
    assert errors(text) == []
    return pipeline.check(Source("a.game", text)).game


def test_followers_in_equilibrium_are_a_group():
    """Each is answered to its leader, and they move at once."""
    text = BILEVEL.replace("w = argmin{w}[ (w - u - 1)^2 ]", "(w, v) = nash { min{w}[ (w - v - u)^2 ] max{v}[ w*v - v^2 + u ] }") + "var v: R\n"
    game = game_of(text)

    assert [g.nodes for g in game.groups] == [("main/min:w", "main/max:v")]
    assert {(e.kind, e.child) for e in game.edges} == {("response", "main/min:w"), ("response", "main/max:v")}


def test_a_condition_is_kept_at_its_draw():
    """`E{(a, b) ~ test | b == 3}` draws such samples only."""
    game = game_of(ROBUST.replace("(a, b) ~ test}", "(a, b) ~ test | b == 3}"))

    assert game.metrics[0].value.draws[0].cond.fn == "eq"


@pytest.mark.parametrize("word", ["optimistic", "pessimistic", "any"])
def test_ties_stand_at_the_responses(word):
    """Which answer counts is said of every follower that may have several."""
    game = game_of(BILEVEL.replace("w = argmin", "w in argmin").replace("^2 ] ]", f"^2 ] ] ties {word}"))

    assert [e.ties for e in game.edges] == [word]


def test_constraints_are_kept_where_they_stand():
    """Of one player at its node, shared ones at the group."""
    own = game_of(SADDLE.replace("x*y ]", "x*y s.t. x + y <= 1 ]"))
    shared = game_of("language 1\nvar q[i in 0..2]: R\nsolve nash { min{q[i]}[ q[i]^2 ] forall i in 0..2 s.t. q[i] >= 0 forall i in 0..2 }\n")

    assert [len(n.constraints) for n in own.nodes] == [1, 0] or [len(n.constraints) for n in own.nodes] == [0, 1]
    assert len(shared.groups[0].constraints) == 1


def test_no_saddle_is_claimed_under_a_constraint():
    """The sets of two players are then no product, and no theorem speaks of them."""
    text = SADDLE.replace(": R", ": R in [0, 1]")
    plain, bound = (pipeline.explain(pipeline.check(Source("a.game", t))) for t in (text, text.replace("x*y ]", "x*y s.t. x + y <= 1 ]")))

    assert "minimax equals maximin" in plain
    assert "minimax equals maximin" not in bound


def test_a_dimension_is_told_by_the_data():
    """`dim n` takes the size of the column that it describes."""
    text = 'language 1\ndim n\ndim k\ndata t: (a: R[n] in [0, 1], b: class[k]) = digits("train")\nnet h: R[n] -> logits[k] = linear()\n'
    game = game_of(text + "solve min{h} E{(a, b) ~ t}[ ce(h(a), b) / n ]\n")

    assert {p.name: str(p.value.value) for p in game.params} == {"n": "64", "k": "10"}


def test_assumptions_are_kept_and_explained():
    """What the author assumes is in the game, and `explain` says so."""
    text = "assume convex(x^2 - y, x)\nassume unique(x*y)\n" + SADDLE
    found = pipeline.check(Source("a.game", text))

    assert [a.text for a in found.game.assumptions] == ["convex in x", "unique"]
    assert "assumed    convex in x" in pipeline.explain(found)


def test_parameters_are_perturbed():
    """`h(a; h + delta)` is the network at moved parameters."""
    inner = "E{(a, b) ~ train} max{d in Linf(eps) & (domain(a) - a)} [ ce(h(a + d), b) ]"
    text = ROBUST.replace(inner, "max{delta: params(h) in L2(eps)} E{(a, b) ~ train} [ ce(h(a; h + 2*delta), b) ]")
    text = text.replace("  d: pgd(steps = 10, lr = 0.04)", "")
    game = game_of(text)

    assert [v.type.net for v in game.vars] == ["h"]
    assert game.nodes[0].objective.body.args[0].at is not None


def test_distributions_are_players():
    """Mixed strategies draw the parameters that a network stands at."""
    text = GAN.replace("solve min{G} max{D} [", "var p: Dist(params(G))\nsolve min{p} max{D} E{u ~ p} [").replace("G(z)", "G(z; u)")
    game = game_of(text)

    assert [v.type.kind for v in game.vars] == ["dist"]


def test_code_from_outside_is_declared_and_never_imported(tmp_path):
    """`check`, `explain` and `compile` do not look for the module: only a run does, where it is allowed to."""
    text = GAN.replace("R[2] = mlp(32)", 'R[2] = py("nowhere_at_all:Net", width = 3, deep = [1, -1/2])')
    found = pipeline.check(Source("a.game", text))

    assert [o.key for o in found.game.nets[0].source.options] == ["width", "deep"]
    assert 'nets["G"]' in pipeline.compile(found).program.text


UNWRITTEN = {
    "ties of many": BILEVEL.replace("w = argmin", "w in argmin")
    .replace("^2 ] ]", "^2 ] ] ties pessimistic")
    .replace("w: R", "w: R[3]")
    .replace("w - u", "sum(w) - u")
    .replace("u - w", "u - sum(w)"),
    "ties without a box": BILEVEL.replace("w = argmin", "w in argmin").replace("^2 ] ]", "^2 ] ] ties optimistic"),
    "distribution": GAN.replace("solve min{G} max{D} [", "var p: Dist(params(G))\nsolve min{p} max{D} E{u ~ p} [").replace("G(z)", "G(z; u)")
    + "schedule many { p: particles(99) }\nrun { schedule = many }\n",
}


@pytest.mark.parametrize("name", UNWRITTEN)
def test_what_no_program_has_yet_is_said_and_explained(name):
    """`check` and `explain` know it; compiling ends in GE292 with a place and a hint."""
    found = pipeline.check(Source("a.game", UNWRITTEN[name]))

    assert "no program yet" in pipeline.explain(found)
    with pytest.raises(GameError) as caught:
        pipeline.compile(found)
    only = caught.value.diagnostics[0]
    assert only.code == "GE292"
    assert only.hint
    assert only.primary.span.end > 0


# ------------------------------------------------------------------ units, influence


@pytest.mark.parametrize(("radius", "notes"), [("0.031", ["GN413"]), ("8/255", []), ("0.0157", ["GN413"]), ("0.15", []), ("0.05", [])])
def test_a_rounded_radius_is_noted(radius, notes):
    """Decimals near a few levels of grey have the fraction beside them."""
    assert codes(ROBUST.replace("= 0.15", f"= {radius}")) == notes


def test_a_follower_that_ignores_its_leader_is_warned_of():
    """Its answer is the same whatever the leader does."""
    assert codes(BILEVEL.replace("(w - u - 1)^2 ]", "(w - 1)^2 ]")) == ["GW313"]


def test_a_term_that_nobody_moves_is_warned_of():
    """A `stop` around all of it leaves the value and takes the slope."""
    found = said(SADDLE.replace("x*y ]", "x*y + exp(stop(x)) ]"))

    assert [d.code for d in found] == ["GW314"]
    assert "`x`" in found[0].primary.text


def test_a_metric_on_the_training_data_is_warned_of():
    """Remembering is not measured as learning."""
    assert codes(ROBUST.replace("~ test}", "~ train}")) == ["GW507"]


@pytest.mark.parametrize(("objective", "code"), [
    ("mean{i in 0..2 | i > 0}[ u[i]^2 ]", "GE208"), ("max{i in 0..2 | i > 0}[ u[i]^2 ]", "GE208"),
    ("norm(u)^2 + max{v: R in [0, 1] | v > 0}[ v*u[0] ]", "GE208"), ("sum{i in 0..2 | u[0] > 0}[ u[i]^2 ]", "GE207"),
    ("sum{i in 0..2 | i + 1}[ u[i]^2 ]", "GE207"),
])  # fmt: skip
def test_a_condition_where_nothing_is_sifted_is_refused(objective, code):
    """Means and extremes of ranges, players, and conditions that see no index: each with what to write."""
    with pytest.raises(GameError) as caught:
        pipeline.check(Source("a.game", f"language 1\nvar u: R[3] init 1\nsolve min{{u}} [ {objective} ]\n"))
    found = [d for d in caught.value.diagnostics if d.code.startswith("GE")]

    assert [d.code for d in found] == [code]
    assert found[0].hint
