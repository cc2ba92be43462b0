"""What a right program means: scopes, owners, signs, names, order."""

from __future__ import annotations

import pytest

from gamespec import cli, pipeline
from gamespec.ir import game as ir
from gamespec.ir.expr import Num, Value
from gamespec.report.diagnostic import GameError
from gamespec.report.source import Source
from tests.check.programs import BETA, BILEVEL, GAN, NASH, ROBUST, SADDLE, codes, errors, said, under
from tests.check.test_mistakes import change


def game(text: str, sets: tuple[tuple[str, str], ...] = ()) -> ir.Game:
    """The IR of a program that is right."""
    return pipeline.check(Source("a.game", text), sets).game


def scopes(found: ir.Game) -> dict[str, list[str]]:
    """The sources that each variable has one value per sample of."""
    return {v.name: [d.over for d in v.scope] for v in found.vars}


# ------------------------------------------------------------------ scope by dependency


def test_a_follower_that_mentions_the_sample_is_one_per_sample():
    """`d` depends on `a`, so there is one for each."""
    assert scopes(game(ROBUST)) == {"d": ["train"]}


def test_a_follower_that_mentions_no_sample_is_shared():
    """A perturbation outside the expectation is universal; its shape comes from the sample inside."""
    text = change(ROBUST, "E{(a, b) ~ train} max{d in Linf(eps) & (domain(a) - a)}", "max{d in Linf(eps)} E{(a, b) ~ train}")
    text = change(text, "pgd(steps = 10, lr = 0.04)", "sgd(lr = 0.1)")

    found = game(text)
    assert scopes(found) == {"d": []}
    assert str(found.vars[0].type) == "image[1, 8, 8]"


def test_only_the_draws_that_are_mentioned_count():
    """Inside `E{(a, b) ~ train, z ~ noise}` a follower that mentions `a` alone is per `(a, b)`."""
    text = change(ROBUST, "net h:", "dist noise: R = Normal(0, 1)\nnet h:")
    text = change(text, "E{(a, b) ~ train} max{d in Linf(eps) & (domain(a) - a)} [ ce(h(a + d), b) ]",
                  "E{(a, b) ~ train, z ~ noise}[ z * max{d in Linf(eps) & (domain(a) - a)}[ ce(h(a + d), b) ] ]")  # fmt: skip

    assert scopes(game(text)) == {"d": ["train"]}


def test_a_name_that_hides_a_sample_is_no_sample():
    """An index called as the sample outside it does not make a follower one per sample."""
    text = change(ROBUST, "[ ce(h(a + d), b) ]", "[ ce(h(a + d), b) + max{s in [0, 1]}[ s * sum{b in 0..2}[ b ] ] ]")

    assert scopes(game(text))["s"] == []


def test_dependence_passes_through_definitions_and_local_names():
    """A sample behind `where` and `def` counts as mentioned."""
    text = change(ROBUST, "max{d in Linf(eps) & (domain(a) - a)} [ ce(h(a + d), b) ]",
                  "[ worst(h, p) where p = a ]\ndef worst(net_, p) = max{d: image[1, 8, 8] in Linf(eps)}[ sum(net_(p + d)) ]")  # fmt: skip

    assert scopes(game(text)) == {"d": ["train"]}


def test_a_family_of_answers_leaves_out_the_label():
    """`d[k] forall k` without the label has nine members per sample, and `j` is an index among them."""
    found = {v.name: v for v in game(BETA).vars}

    assert found["d"].axis == 9
    assert found["d"].skip is not None
    assert found["j"].type.kind == "index"
    assert scopes(game(BETA)) == {"d": ["train"], "j": ["train"]}


def test_answers_may_stand_in_any_order():
    """`j` uses `d` and may be written before it."""
    head, _, tail = BETA.partition("s.t. ")
    first, second = tail.split("] ]\nrun")[0].split(",\n       ")
    swapped = f"{head}s.t. {second}],\n {first} ]\nrun{tail.split('] ]' + chr(10) + 'run')[1]}"

    assert [n.id for n in game(swapped).nodes] == [n.id for n in game(BETA).nodes]


# ------------------------------------------------------------------ samples


def test_draws_of_one_source_share_the_batch_whatever_they_are_called():
    """Two expectations over one source name one sample."""
    text = change(ROBUST, "E{(a, b) ~ train} max{d in Linf(eps) & (domain(a) - a)} [ ce(h(a + d), b) ]",
                  "[ E{(a, b) ~ train}[ ce(h(a), b) ] + E{(p, q) ~ train}[ ce(h(p), q) ] ]").replace("d: pgd(steps = 10, lr = 0.04)", "")  # fmt: skip
    node = game(text).nodes[0]

    assert "'p'" not in repr(node)
    assert repr(node).count("names=('a', 'b')") == 2


def test_a_metric_may_use_the_names_of_the_problem():
    """`a` and `b` of a metric are samples of its own source."""
    found = game(ROBUST)

    assert "names=('a', 'b'), over='test'" in repr(found.metrics[0])


# ------------------------------------------------------------------ signs


@pytest.mark.parametrize(
    ("solve", "expected"),
    [
        ("min{x} max{y} [ x*y ]", []),
        ("min{x} [ x^2 + max{y in [0, 1]}[ x*y ] ]", []),
        ("min{x} [ x^2 + min{y in [0, 1]}[ x*y ] ]", ["GW301"]),
        ("min{x} [ x^2 - max{y in [0, 1]}[ x*y ] ]", ["GW301"]),
        ("min{x} [ x^2 - min{y}[ x*y + y^2 ] ]", []),
        ("min{x} [ x^2 + min{y}[ x*y + y^2 ] ]", ["GN303"]),
        ("min{x} [ x^2 + 2 * min{y}[ x*y + y^2 ] ]", ["GN303"]),
        ("min{x} [ x^2 + p * min{y}[ x*y + y^2 ] ]", ["GN303"]),
        ("min{x} [ x^2 + n * min{y}[ x*y + y^2 ] ]", []),
        ("min{x} [ x^2 + x * max{y}[ x*y - y^2 ] ]", ["GN305"]),
        ("min{x} [ x^2 + sin(max{y}[ x*y - y^2 ]) ]", ["GN305"]),
        ("min{x} [ x^2 + exp(max{y}[ x*y - y^2 ]) ]", []),
        ("min{x} [ x^2 + max{y}[ x*y - y^2 ] / 2 ]", []),
        ("min{x} [ x^2 + (if x > 0 then max{y}[ x*y - y^2 ] else 0) ]", []),
        ("min{x} max{y} [ x*y + min{s in [0, 1]}[ s*x ] ]", []),
    ],
)
def test_who_opposes_whom(solve, expected):
    """The sign of a value decides: coalition, merging, unknown, or nothing to say."""
    text = f"language 1\nparam p in [0, inf] = 1\nparam n in [-2, 0] = -1\nvar x: R\nvar y: R\nsolve {solve}\n"

    assert [c for c in codes(text) if c not in ("GE307", "GW115")] == expected


def test_merged_players_are_one():
    """`w` joins `g`, and the note stands on its binder."""
    text = change(SADDLE, "min{x} max{y} [ x*y ]", "min{x} [ x^2 + min{y}[ (x - y)^2 ] ]")
    found = game(text)

    assert found.merged == ("y",)
    assert found.node("main").owns == ("x", "y")
    assert [under(text, d) for d in said(text)] == ["min{y}"]


# ------------------------------------------------------------------ order, params, words


@pytest.mark.parametrize(
    ("tail", "order", "word"),
    [
        ("", (), ""),
        ("order auto", (), "auto"),
        ("order simultaneous", (), "simultaneous"),
        ("order x then y", (("main",), ("main/max:y",)), ""),
        ("order main then y", (("main",), ("main/max:y",)), ""),
    ],
)
def test_the_order_is_kept(tail, order, word):
    """Ranks become nodes, words stay."""
    found = game(change(SADDLE, "x*y ]", f"x*y ] {tail}"))

    assert (found.order, found.order_word) == (order, word)


@pytest.mark.parametrize(
    ("key", "text", "code", "span", "hint"),
    [
        ("eps", "2", "GE405", "2", "`1`"),
        ("eps", "fast", "GE207", "fast", "a number"),
        ("eps", "[1, 2]", "GE207", "[1, 2]", "a number"),
        ("eps", "1/0", "GE401", "0", "another"),
        ("eps", "1 +", "GE001", "", ""),
        ("ep", "1", "GE504", "1", "--set eps=1"),
        ("h", "1", "GE504", "1", "eps"),
    ],
)
def test_a_wrong_override_is_named_where_it_was_typed(key, text, code, span, hint):
    """`--set` values are parsed and checked like the file, and errors point at them."""
    found = errors(ROBUST, ((key, text),))

    assert [d.code for d in found] == [code] or code == "GE001"
    assert found[0].primary.span.file == f"--set {key}"
    assert under(text, found[0]) == span or not span
    assert hint in found[0].hint


def test_an_override_is_exact():
    """`--set eps=8/255` is the fraction."""
    found = game(ROBUST, (("eps", "8/255"),))

    assert str(found.params[0].value.value if isinstance(found.params[0].value, Num) else "") == "8/255"


def test_a_follower_of_a_metric_can_be_scheduled_as_it_is_written():
    """`robust.d` means the `d` of the metric, although the problem has a `d` too."""
    text = change(ROBUST, "schedule {", "metric robust = E{(a, b) ~ test} min{d in Linf(eps) & (domain(a) - a)} [ correct(h(a + d), b) ]\nschedule {")
    text = change(text, "d: pgd(steps = 10, lr = 0.04)", "d: pgd(steps = 10)  robust.d: pgd(steps = 3, surrogate = [ce])")

    assert {e.target for e in game(text).schedules[0].entries} == {"h", "d", "robust.d_2"}


def test_a_schedule_extends_another():
    """Entries of the child replace those of the parent."""
    text = SADDLE + "schedule a { x: sgd(lr = 1) y: sgd(lr = 1) }\nschedule b extends a { y: sgd(lr = 2) }\n"
    found = {s.name: {e.target: str(e.directives[0].options[0].value.value) for e in s.entries} for s in game(text).schedules}

    assert found == {"default": {}, "a": {"x": "1", "y": "1"}, "b": {"x": "1", "y": "2"}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SADDLE[len("language 1\n") :], ["GW001"]),
        ("param norm = 1\n" + SADDLE, ["GW110", "GW115"]),
        (change(GAN, "E{x ~ ring8}[log(D(x))]", "E{log ~ ring8}[D(log)]"), ["GW110"]),
        (change(ROBUST, " & (domain(a) - a)", ""), ["GW411"]),
        (change(SADDLE, "x*y ]", "x*y + log(y) ]").replace("var y: R", "var y in [-1, 1]"), ["GW403"]),
        (change(SADDLE, "x*y ]", "x*y + log(y) ]").replace("var y: R", "var y in [0, 1]"), []),
        ("param unused = 1\nlet idle = unused + x\ndef nothing(t) = t\nvar spare: R\nnet n: R -> R = mlp(4)\n" + SADDLE, ["GW115", "GW115"]),
        (change(NASH, "min{q[i]}", "min{q[i]}"), []),
    ],
)
def test_warnings_leave_the_game_alone(text, expected):
    """A warning or a note does not keep a game from being played; definitions may wait unused, as in a library."""
    assert codes(text) == expected


def test_a_definition_names_the_dimensions_of_its_arguments():
    """`z: R[K]` takes any length, the same `K` for all."""
    text = change(SADDLE, "x*y ]", "x*y + dot([1, 2], [3, 4]) ]\ndef dot(s: R[K], t: R[K]) = s @ t")

    assert codes(text) == []
    assert [d.code for d in errors(text.replace("[3, 4]", "[3, 4, 5]"))] == ["GE203"]


def test_sets_pass_through_definitions_and_lets():
    """A ball can have a name, and be an argument."""
    text = """language 1
let ball = Linf(0.1)
def around(a, r) = Linf(r) & (domain(a) - a)
def worst(a, b, S) = max{d in S}[ ce(h(a + d), b) ]
data train: (a: image[1, 8, 8] in [0, 1], b: class[10]) = digits("train")
net h: image[1, 8, 8] -> logits[10] = small_cnn(16)
solve min{h} E{(a, b) ~ train} [ worst(a, b, around(a, 0.1)) + max{e in ball}[ ce(h(a + e), b) ] ]
"""
    found = {v.name: [p.word for p in v.set.parts] for v in game(text).vars if v.set}

    assert found == {"d": ["Linf", "Box"], "e": ["Linf"]}


GREEK = """language 1
game παίγνιο
param ε in [0, 1] = 1/2
var υ in [-ε, ε] init 0.3
var ν in [-ε, ε] init 0.1
def φ(ζ) = ζ^2
solve min{υ} max{ν} [ φ(υ) - φ(ν) + 2*υ*ν ]
schedule { method: extragradient(lr = 0.1) }
metric μέτρο = abs(υ)
run { steps = 2000  tol = 1e-9  seed = 0 }
expect abs(υ) <= 1e-4
expect μέτρο <= 1e-4
"""


def test_a_game_in_greek_letters_runs(tmp_path, capsys):
    """Names in Greek letters pass through check, emit and run."""
    path = tmp_path / "παίγνιο.game"
    path.write_text(GREEK, encoding="utf-8")

    assert cli.main(["check", str(path), "--strict"]) == 0
    assert cli.main(["emit", str(path), "-o", str(tmp_path / "a.py")]) == 0
    assert cli.main(["run", str(path), "--quiet", "--out", str(tmp_path)]) == 0
    assert "μέτρο" in capsys.readouterr().out


def test_an_answer_in_a_set_is_a_variable_of_its_own():
    """`w = argmin{w in [0, 1]}` needs no `var`."""
    text = change(BILEVEL, "var w: R\n", "").replace("argmin{w}", "argmin{w in [0, 1]}")

    assert [v.name for v in game(text).vars] == ["u", "w"]
    assert game(text).edges[0].unique


def test_everything_a_label_points_at_is_in_the_file():
    """Second labels stand on the text they speak of."""
    text = SADDLE + "var x: R\n"
    found = errors(text)[0]

    assert [text[label.span.start : label.span.end] for label in found.related] == ["x"]


TURNS = "language 1\nvar a in [0, 10]\nvar b in [0, 10]\nvar c in [0, 10]\nsolve {{ first: {0}  second: {1}  third: {2} }} order {3}\n"


def test_a_block_with_an_order_is_a_leader_with_followers():
    """Whoever comes later answers: by a response of its own, or as the inner player where the objective is the leader's, turned around."""
    found = game(TURNS.format("min{a} [ a*b ]", "max{b} [ a*b ]", "min{c} [ (c - b)^2 ]", "first then second then third"))
    assert found.root == ("first",)
    assert [(e.kind, e.parent, e.child) for e in found.edges] == [("value", "first", "second"), ("response", "second", "third")]
    assert found.node("first").objective == Value(node="second")

    found = game(TURNS.format("min{a} [ a*b*c ]", "min{b} [ b*c + a ]", "min{c} [ c + a ]", "first then (second, third)"))
    assert [(e.kind, e.parent, e.child) for e in found.edges] == [("response", "first", "second"), ("response", "first", "third")]
    assert [g.nodes for g in found.groups] == [("second", "third")]


ANSWER = "c = argmin{{c}}[ (c - a - b)^2 ]"
SHARED = f"language 1\nvar a in [0, 10]\nvar b in [0, 10]\nvar c in [0, 10]\nsolve {{{{ first: {{0}}  second: {{1}}  s.t. {ANSWER}{{2}} }}}} {{3}}\n"


def test_a_follower_in_the_st_of_a_block_is_led_by_all_of_it():
    """Whether it is written after `s.t.` or comes last in the order: every player has an edge to it; the last ones where they take turns."""
    below = [("response", "first", "group/min:c"), ("response", "second", "group/min:c")]
    written = game(SHARED.format("min{a} [ a*b*c ]", "min{b} [ b*c + a ]", "", ""))
    assert [(e.kind, e.parent, e.child) for e in written.edges] == below
    assert (written.root, written.concept, written.order) == (("first", "second"), "block", ())
    assert all(e.unique for e in written.edges)

    ranked = game(TURNS.format("min{a} [ a*b*c ]", "min{b} [ b*c + a ]", "min{c} [ (c - a - b)^2 ]", "(first, second) then third"))
    assert [(e.kind, e.parent, e.child) for e in ranked.edges] == [("response", "first", "third"), ("response", "second", "third")]
    assert (ranked.root, ranked.concept, ranked.order) == (written.root, written.concept, written.order)
    assert ranked.groups == written.groups

    turns = game(SHARED.format("min{a} [ a*b*c ]", "min{b} [ b*c + a ]", "", "order first then second"))
    assert [(e.kind, e.parent, e.child) for e in turns.edges] == [("response", "second", "group/min:c"), ("response", "first", "second")]

    assert [c.fn for g in game(SHARED.format("min{a} [ a*b*c ]", "min{b} [ b*c + a ]", ", a + c <= 3", "")).groups for c in g.constraints] == ["le"]


FAMILY = TURNS.replace("solve {{", "var q[i in 0..1]: R\nsolve {{ many: min{{q[i]}}[ q[i]^2 - a ] forall i in 0..1 ")
PRIVATE = "var v: R\n" + SHARED.replace("(c - a - b)^2", "(c - v)^2")


TRAINED = "net h: R -> R = linear()  params v\n" + SHARED.replace("(c - a - b)^2", "(c - h(1))^2")
TRAINED = TRAINED.format("min{a}[ a  s.t. v = argmin{v}[ (h(2) - a)^2 ] ]", "min{b}[ b*c ]", "", "")
DEEPER = "language 1\nvar a: R\nvar b: R\nvar c: R\nvar u: R\nvar v: R\nsolve min{u} [ a + b + u^2  s.t. (a, b) = nash { min{a}[ (a - c - u)^2\n"
DEEPER += "  s.t. v = argmin{v}[ (v - a)^2 ] ] min{b}[ (b - c)^2 ] s.t. c = argmin{c}[ (c - v)^2 ] } ]\n"


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        (FAMILY.format("min{a}[ a ]", "min{b}[ b ]", "min{c}[ c ]", "many then (first, second, third)"), "GE290", "a family of leaders in turn"),
        (SHARED.format("min{a}[ a*c ]", "min{b}[ b*c ]", "", "order first then second then c"), "GE308", "`c` follows players of the block"),
        (PRIVATE.format("min{a}[ a  s.t. v = argmin{v}[ (v - a)^2 ] ]", "min{b}[ b*c ]", "", ""), "GE290", "`c` follows all players"),
        (TRAINED, "GE290", "`c` follows all players, and answers `h`"),
        (DEEPER, "GE290", "`c` follows all players, and answers `v`"),
        (SHARED.format("min{a}[ a*c ]", "min{b}[ b*c ]", ", a <= zeta", ""), "GE101", "unknown name `zeta`"),
    ],
)
def test_what_players_of_a_block_cannot_share_is_refused(text, code, message):
    """Nobody is silently played in another order, and nobody answers whom only one of its leaders foresees."""
    with pytest.raises(GameError) as caught:
        game(text)
    (found,) = (d for d in caught.value.diagnostics if d.code.startswith("GE"))
    assert found.code == code
    assert found.message.startswith(message)
