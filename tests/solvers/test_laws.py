"""What every method keeps by joining the directory: a solver in its file is under all of these tests."""

from __future__ import annotations

import re

import pytest
import torch

from gamespec.library import registry
from gamespec.library.registry import words
from gamespec.report.diagnostic import GameError
from gamespec.solvers.choose import rejection
from tests.emit.build import compiled, program
from tests.extend import two_ahead
from tests.reference.test_reference import beside

HEAD = "language 1\ngame laws\n"
SADDLE = "(x - 1)^2/2 + 3*(x - 1)*(y + 0.5) - (y + 0.5)^2"
SOLUTION = (1.0, -0.5)
"""The saddle point, where the slopes are 0 without rounding."""

HOMES = {
    "descent": ("var x: R{}\nsolve OUTER{{x}} [ SIGN((x - 1)^2/2 + (x - 1)^4) ]", [" init 1", " init 2"]),
    "linear_program": (
        "let A = [[3, 1, 4], [0, 5, 2]]\nvar x in Simplex(2){}\nvar y in Simplex(3){}\nsolve OUTER{{x}} INNER{{y}} [ SIGN(x @ A @ y) ]",
        [" init [1/2, 1/2]", "", " init [0, 1/3, 2/3]", ""],
    ),
    "lexicographic": (
        "var x in [-1, 1]{}\nvar y in [-1, 1]{}\n"
        "solve OUTER{{x}} [ SIGN(x^2 + y) s.t. y in argOUTER{{y}}[ SIGN(1 + x^2)*(y^2 - 1/4)^2 ] ]  ties optimistic",
        [" init 0", " init 1", " init -1/2", " init 1"],
    ),
}
"""Methods that do not play every two players, each at a game of its own, with starts at its solution and elsewhere."""


def methods():
    """All that play any two players: every file of the directory but those above."""
    return [w for w in words("solvers") if w not in HOMES]


METHODS = methods()

DENSE = ("stackelberg",)
"""Compared with dense formulas in tests/emit/test_leading.py: the interpreter passes through answers only by finding them."""

GLOBAL = {
    "curvature_eg_plus": "one length for all numbers",
    "k_beam": "one best candidate for all numbers",
    "kiwiel": "one step length for all numbers",
    "normalised": "one length for all numbers of a player",
    "symplectic": "one sign for all numbers",
}
"""Methods whose step in one number looks at all others, why."""


def game(text, *, method, x="R init 1", y="R init 1", more="steps = 50", roles="min{x} max{y}", sets=""):
    """A game of two variables under a method."""
    variables = f"var x: {x}{sets}\nvar y: {y}{sets}\n".replace("R init 1 in [-2, 2]", "R in [-2, 2] init 1")
    return f"{HEAD}{variables}solve {roles} [ {text} ]\nschedule {{ method: {method} }}\nrun {{ {more}  seed = 0 }}"


def home(method, *, solved=False, turned=False):
    """The game at which a method is at home, from its solution or from elsewhere, as written or with all signs turned."""
    text, starts = HOMES[method]
    outer, inner, sign = ("max", "min", "-") if turned else ("min", "max", "")
    text = text.format(*starts[0 if solved else 1 :: 2]).replace("OUTER", outer).replace("INNER", inner).replace("SIGN", sign)
    few = "(leader = 21, follower = 41)" if method == "lexicographic" else ""
    return f"{HEAD}{text}\nschedule {{ method: {method}{few} }}\nrun {{ seed = 0 }}"


def path(text, steps, lane="auto"):
    """The points of a run."""
    module = program(text, lane=lane)
    s = module.start(0)
    found = [module.point(s)]
    for _ in range(steps):
        module.step(s)
        found.append(module.point(s))
    return found


@pytest.mark.parametrize("method", METHODS)
def test_a_solution_is_not_left(method):
    """At the saddle point nobody moves."""
    x, y = (f"R init {v!r}" for v in SOLUTION)
    last = path(game(SADDLE, method=method, x=x, y=y), 5)[-1]

    assert last == pytest.approx(SOLUTION, abs=1e-12)


@pytest.mark.parametrize("method", HOMES)
def test_at_home_a_solution_is_not_left_and_names_and_signs_do_not_matter(method):
    """The laws above and below, of methods that play other games."""
    one = path(home(method), 3)

    # A search compares values, which tells points apart to the root of their rounding.
    assert path(home(method, solved=True), 3)[-1] == pytest.approx(path(home(method, solved=True), 0)[0], abs=1e-8)
    assert one == path(home(method, turned=True), 3)
    assert one == path(re.sub(r"\bx\b", "zeta", home(method)), 3)
    assert one[-1] != one[0]


@pytest.mark.parametrize("method", METHODS)
def test_both_lanes_walk_one_path(method):
    """The loop over plain numbers and the program of tensors, to rounding."""
    one, other = (path(game(SADDLE, method=method, x="R", y="R"), 8, lane) for lane in ("auto", "torch"))

    assert torch.allclose(torch.tensor(one), torch.tensor(other), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_a_maximum_is_the_minimum_of_the_negative(method):
    """(min x, max y) of f and (max x, min y) of -f are one game: the same path, bit for bit, whatever the names."""
    one = path(game(SADDLE, method=method, x="R", y="R"), 8)
    other = path(game(f"-({SADDLE})", method=method, x="R", y="R", roles="max{x} min{y}"), 8)
    renamed = path(re.sub(r"\bx\b", "zeta", game(SADDLE, method=method, x="R", y="R")), 8)

    assert one == other
    assert one == renamed


@pytest.mark.parametrize("method", [m for m in METHODS if words("solvers")[m].accepts.order == "simultaneous"])
def test_who_is_written_first_does_not_matter(method):
    """Where all move at once, `max{y} min{x}` walks the path of `min{x} max{y}`."""
    one, other = (path(game(SADDLE, method=method, x="R", y="R", roles=roles), 8) for roles in ("min{x} max{y}", "max{y} min{x}"))

    assert torch.allclose(torch.tensor(one), torch.tensor(other), rtol=0, atol=1e-12)


def bound(method):
    """A game for the interpreter: in sets where the method takes them."""
    if words("solvers")[method].accepts.sets:
        return (
            f"{HEAD}var p: R[3] in Simplex(3)\nvar q: R[2] in [-1, 1] init 0.5\nparam A = [[1, 2], [0, -1], [3, 1]]\n"
            f"solve min{{p}} max{{q}} [ p @ A @ q - norm(q)^2 ]\nschedule {{ method: {method} }}\nrun {{ steps = 9  seed = 0 }}"
        )
    return game("sum(x)*y - y^3/3 + norm(x)^2", method=method, x="R[2] init [1, 0.5]")


@pytest.mark.parametrize("method", [m for m in METHODS if m not in DENSE])
def test_a_program_makes_the_steps_of_the_interpreter(method):
    """The same bits as an interpreter that evaluates the plan op by op."""
    module, s, oracle = beside(bound(method), None)
    for _ in range(6):
        module.step(s)
        oracle.step()

        assert {v: getattr(s, v).tolist() for v in oracle.point} == {v: t.tolist() for v, t in oracle.point.items()}


@pytest.mark.parametrize("method", [m for m in METHODS if m not in GLOBAL])
def test_many_starts_at_once_are_many_runs(method):
    """A batch of independent games in one program walks the paths of the games alone."""
    starts = [(1.0, 1.0), (-0.5, 2.0), (0.25, -1.0)]
    x, y = (f"R[3] init [{', '.join(str(s[k]) for s in starts)}]" for k in (0, 1))
    together = torch.tensor(path(game("sum(x^2)/2 + 3*sum(x*y) - sum(y^2)", method=method, x=x, y=y), 6)).view(-1, 2, 3)
    alone = [path(game("x^2/2 + 3*x*y - y^2", method=method, x=f"R init {a}", y=f"R init {b}"), 6) for a, b in starts]

    assert torch.allclose(together, torch.tensor(alone).permute(1, 2, 0), rtol=1e-9, atol=1e-9)


def test_many_starts_of_one_player_are_many_runs():
    """The laws of two players, for the method that moves one: the interpreter's bits, and the paths of single numbers."""
    alone = f"{HEAD}var x: R{{}} init {{}}\nsolve min{{{{x}}}} [ sum((x - 1)^2/2 + (x - 1)^4) ]\nschedule {{{{ method: descent }}}}"
    module, s, oracle = beside(alone.format("[3]", "[0.5, 2, -0.25]"), None)
    singles = [path(alone.format("", x).replace("sum", ""), 6) for x in (0.5, 2, -0.25)]
    for k in range(6):
        module.step(s)
        oracle.step()

        assert s.x.tolist() == oracle.point["x"].tolist()
        assert s.x.tolist() == pytest.approx([one[k + 1][0] for one in singles], rel=1e-12)


NETWORK = (
    HEAD + "data tr: (x: R[3], y: class[4]) = given\nnet h: R[3] -> logits[4] = mlp(5, act = tanh)\nvar t: R init 1\n"
    "solve min{{h}} max{{t}} [ E{{(x, y) ~ tr}}[ce(t*h(x), y)] - t^2 ]\nschedule {{ method: {} }}\nrun {{ batch = 6  precision = float64 }}"
)
ALONE = NETWORK.replace("min{{h}} max{{t}} [ E{{(x, y) ~ tr}}[ce(t*h(x), y)] - t^2 ]", "min{{h}} [ E{{(x, y) ~ tr}}[ce(h(x), y)] ]").replace(
    "var t: R init 1\n", ""
)
SAMPLES = (
    HEAD + "data tr: (x: R[3], y: class[4]) = given\nnet h: R[3] -> logits[4] = mlp(5)\n"
    "solve min{{h}} E{{(x, y) ~ tr}} max{{d in Linf(0.1)}} [ ce(h(x + d), y) ]\nschedule {{ method: {} }}\nrun {{ batch = 6 }}"
)


@pytest.mark.parametrize("method", [m for m in words("solvers") if m not in DENSE])
def test_a_network_plays_or_is_refused_with_the_reason(method):
    """Where networks are accepted, three steps are those of the interpreter; elsewhere GE505 says why."""
    accepts = words("solvers")[method].accepts
    text = (ALONE if accepts.needs == "one player" else NETWORK).format(method)
    if not accepts.networks:
        with pytest.raises(GameError) as caught:
            compiled(text)
        assert caught.value.diagnostics[0].code == "GE505"
        assert accepts.reason in caught.value.diagnostics[0].primary.text
        return
    rng = torch.Generator().manual_seed(1)
    batch = {"tr": (torch.randn(6, 3, generator=rng, dtype=torch.float64), torch.tensor([0, 1, 2, 3, 1, 2]))}
    module, s, oracle = beside(text, None, batch)
    before = [p.clone() for p in s.h.parameters()]
    for _ in range(3):
        module.step(s, batch)
        oracle.step(batch)

    assert all(torch.allclose(getattr(s, v), oracle.point[v], rtol=0, atol=1e-10) for v in oracle.point)
    assert not all(torch.equal(p, b) for p, b in zip(s.h.parameters(), before, strict=True))
    for mine, theirs in zip(s.h.parameters(), oracle.nets["h"].parameters(), strict=True):
        assert torch.allclose(mine, theirs, rtol=0, atol=1e-10)


@pytest.mark.parametrize("method", words("solvers"))
def test_one_answer_per_sample_is_played_or_refused_with_the_reason(method):
    """A method that keeps its followers in place has no place for one of every sample, and says so."""
    accepts = words("solvers")[method].accepts
    if "per_sample" in accepts.followers:
        compiled(SAMPLES.format(method))
        return
    with pytest.raises(GameError) as caught:
        compiled(SAMPLES.format(method))

    assert caught.value.diagnostics[0].code == "GE505"
    why = {"descent": "the game has several players", "lexicographic": "nobody says how ties are broken"}
    assert f"{why.get(method, 'the game has one follower per sample')}; {method} {accepts.reason}" in caught.value.diagnostics[0].primary.text


@pytest.mark.parametrize("method", METHODS)
def test_what_a_method_does_not_take_is_said(method):
    """Sets and rules with a memory, where a method cannot have them."""
    solver = words("solvers")[method]
    checked, _ = compiled(game("x*y", method="simultaneous", sets=" in [-2, 2]"))

    assert ("is bound to a set" in rejection(checked.game, solver)) == (not solver.accepts.sets)
    if solver.accepts.plain:
        with pytest.raises(GameError) as caught:
            compiled(game("x*y", method=f"{method}  x: adam(lr = 0.1)"))
        assert "the step sizes of" in caught.value.diagnostics[0].primary.text
        assert "write `x: sgd(lr = 0.1)`" in caught.value.diagnostics[0].primary.text


def test_a_file_that_joins_is_under_these_laws():
    """A solver from elsewhere, once it is in the directory, is in the lists that parametrise them, and keeps them."""
    registry.register(two_ahead)
    try:
        assert set(methods()) - set(METHODS) == {"two_ahead"}
        test_a_solution_is_not_left("two_ahead")
        test_a_maximum_is_the_minimum_of_the_negative("two_ahead")
        test_who_is_written_first_does_not_matter("two_ahead")
        test_both_lanes_walk_one_path("two_ahead")
        test_a_program_makes_the_steps_of_the_interpreter("two_ahead")
        test_many_starts_at_once_are_many_runs("two_ahead")
        test_a_network_plays_or_is_refused_with_the_reason("two_ahead")
        test_one_answer_per_sample_is_played_or_refused_with_the_reason("two_ahead")
    finally:
        registry.forget(two_ahead)


def test_a_network_in_a_set_does_not_look_ahead():
    """What would be put back into its set only where it stands is refused, with another method to type."""
    text = (
        HEAD + "data r: R[2] = mog(modes = 8, radius = 2, std = 0.05)\ndist z: R[4] = Normal(0, 1)\nnet G: R[4] -> R[2] = mlp(8)\n"
        "net D: R[2] -> R = mlp(16, 16)  in Lipschitz(1/2)\nsolve min{G} max{D} [ E{x ~ r}[D(x)] - E{w ~ z}[D(G(w))] ]\n"
    )
    compiled(text + "schedule { method: optimistic }")
    with pytest.raises(GameError) as caught:
        compiled(text + "schedule { method: extragradient }")

    assert "not where it looks ahead" in caught.value.diagnostics[0].message
