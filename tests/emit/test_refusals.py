"""What this version cannot write is said at the place where it stands, and nothing else escapes."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
import torch

from gamespec.check.shape import Shaped
from gamespec.emit.expr import Writer
from gamespec.emit.link import link
from gamespec.emit.piece import constant_text, number
from gamespec.emit.refuse import UnsupportedError, refuse
from gamespec.emit.scene import problem_text
from gamespec.emit.sets import box, draw, projection
from gamespec.emit.write import Request as Asked
from gamespec.emit.write import emit
from gamespec.ir import game as ir
from gamespec.ir.expr import Array, Call, Draw, Grad, Index, Num, Reduce, Ref, Word
from gamespec.ir.types import vector
from gamespec.plan.ops import Adjust
from gamespec.report.diagnostic import GameError
from tests.emit.build import compiled, played, program

HEAD = "language 1\ngame forms\n"
DIGITS = 'data tr: (x: R[64] in [0, 1], y: class[10]) = digits("train")\nnet h: R[64] -> logits[10] = linear()\n'
GAN = (
    "data r: R[2] = mog(modes = 8, radius = 2, std = 0.05)\ndist noise: R[8] = Normal(0, 1)\ndist unit: R = Uniform(0, 1)\n"
    "net G: R[8] -> R[2] = mlp(16)\nnet D: R[2] -> prob = mlp(16, out = sigmoid)\nnet C: R[2] -> R = mlp(16)\n"
)
NS = "solve { generator: min{G}[ -E{z ~ noise}[log(D(G(z)))] ]\n discriminator: max{D}[ E{x ~ r}[log(D(x))] + E{z ~ noise}[log(1 - D(G(z)))] ] }"
XY = "var x: R init 1\nvar y: R init 1\n"
WORKS = {
    "several variables of one player": "var x: R init 1\n"
        "var z: R[2] init 0.5\n"
        "var y: R init 1\n"
        "solve min{x, z} max{y} [ x^2 + norm(z)^2 + x*y + sum(z)*y - y^2 ]",
    "a matrix": "var A: R[2, 3] init 0.5\nvar y: R[3] in Simplex(3)\nsolve min{A} max{y} [ norm(A @ y)^2 + 0.1*norm(A)^2 - norm(y)^2 ]",
    "two followers": "var u: R init 1\n"
        "var a: R\n"
        "var b: R\n"
        "solve min{u} [ (a - 1)^2 + b^2 + u^2 s.t. a = argmin{a}[ (a - u)^2 ], b = argmin{b}[ (b + u)^2 ] ]",
    "a network and a number": DIGITS + "var t: R init 1\nsolve min{h, t} [ E{(x, y) ~ tr}[ce(t*h(x), y)] + 0.1*t^2 ]",
    "a maximiser with a network and a number": DIGITS + "var t: R init 1\nsolve max{h, t} [ -E{(x, y) ~ tr}[ce(t*h(x), y)] - 0.1*t^2 ]",
    "a shared perturbation": DIGITS + "var d: R[64] in Linf(0.1)\nsolve min{h} max{d} [ E{(x, y) ~ tr}[ ce(h(x + d), y) ] ]",
    "a Euclidean ball": DIGITS + "solve min{h} E{(x, y) ~ tr} max{d in L2(0.5)} [ ce(h(x + d), y) ]",
    "a GAN in an order": GAN + NS + " order generator then discriminator",
    "a GAN in the other order": GAN + NS + " order discriminator then generator",
    "a GAN without an order": GAN + NS,
    "a gradient penalty": GAN + "solve min{G} max{C} [ E{x ~ r}[C(x)] - E{z ~ noise}[C(G(z))]\n"
    " - 10*E{x ~ r, z ~ noise, t ~ unit}[ (norm(grad{p}[C(p)]) - 1)^2 where p = t*x + (1 - t)*G(z) ] ]\nschedule { C: adam(lr = 1e-3), repeat(3) }",
    "stop": XY + "solve min{x} max{y} [ x^2 + stop(x)*y - y^2 ]",
    "if": XY + "solve min{x} max{y} [ (if x > 0 and x < 9 or not (x > 3) then x^2 else -x) + (if x > 1 then 1 else 0) + x*y - y^2 ]",
    "numbers": "param e = 2\n" + XY + "solve min{x} max{y} [ exp(e)*x^2 + log(2)*x*y - max(e, 3)*y^2 + (if e > 1 and not (e > 7) then x else y)"
        " + softplus(e)*cos(e)*x^2 ]",
    "index sums": "var x: R[3] init [1, 2, 3]\n"
        "var y: R init 1\n"
        "solve min{x} max{y} [ sum{i in 1..2}[x[i]^2] + prod{i in 0..2}[x[i]]*y - y^2 + norm(x)^2 ]",
    "extremes": "var x: R[3] init [1, 2, 3]\n"
        "var y: R init 1\n"
        "solve min{x} max{y} [ max(x[0], x[1]) + max(0, y, y^2) - min(x[0], 3)*y - 9*y^2 + mean(x)^2 ]",
    "divergences": "var p: R[3] in Simplex(3)\nvar q: R[3] in Simplex(3)\nsolve min{p} max{q} [ kl(p, [0.2, 0.3, 0.5]) - mse(q, p) ]",
    "three levels of one objective": "var x: R init 1\nvar y: R init 1\nvar z: R init 1\nsolve min{x} max{y} min{z} [ x^2 + x*y - y^2 + z*y + z^2 ]",
    "norms": "var x: R[3] init [1, 2, 3]\nvar y: R init 1\nsolve min{x} max{y} [ norm(x) + norm(x, 1) + norm(y)*x[0] - norm(y)^2 + norm(x)^2 ]",
    "a beam of vectors": "var u: R[2] in [-1, 1] init 0.3\n"
        "var v: R[2] in Simplex(2) init uniform\n"
        "solve min{u} max{v} [ -norm(u)^2 + norm(v)^2 + 2*sum(u*v) ]\n"
        "schedule { method: k_beam(K = 4) }",
}  # fmt: skip


@pytest.mark.parametrize("name", WORKS)
def test_a_form_compiles_and_runs(name):
    """Two steps, and every look at the result."""
    module, s, losses = played(HEAD + WORKS[name] + ("\nrun { batch = 16 }" if "data" in WORKS[name] else ""))
    module.probe(s)
    values = module.measure(s)
    module.expectations(s, values, "finished")
    module.restore(s, module.save(s))
    if module.KIND == "scalar" and hasattr(module, "stationary_near"):
        module.stationary_near(module.point(s))

    assert all(bool(torch.isfinite(torch.as_tensor(v))) for v in losses.values())
    assert all(entry["value"] == entry["value"] for entry in module.certify(s))


@pytest.mark.parametrize(("text", "said"), [
    ("var u: R init 1\nvar a: R\nvar b: R\nsolve min{u} [ (a - 1)^2 + b^2 + u^2 s.t. a = argmin{a}[ (a - u)^2 ], b = argmin{b}[ (b + u)^2 ] ]\n"
     "schedule { a: sgd(steps = 3), through(unroll)  b: sgd(steps = 4), through(unroll) }", "several ways"),
    (DIGITS.replace("linear()", "linear()  params w") + "var u: R init 1\nvar t: R\nsolve min{u} [ E{(x, y) ~ tr}[ce(h(x; w), y)] + u^2 + t^2\n"
     " s.t. (w, t) = argmin{w, t}[ E{(p, q) ~ tr}[u*ce(t*h(p; w), q)] + norm(w)^2 ] ]", ""),
    (DIGITS + "solve min{h} E{(x, y) ~ tr} max{d in Linf(0.1), e: R[64] in Linf(0.1)} [ ce(h(x + d + e), y) ]", "one answer per sample"),
    (DIGITS + "solve min{h} E{(x, y) ~ tr} max{d in L2(0.1) & (domain(x) - x)} [ ce(h(x + d), y) ]", "box"),
])  # fmt: skip
def test_what_cannot_be_written_is_said(text, said):
    """A diagnostic, never a traceback: GE292 from here, or one of the checks before it."""
    with pytest.raises(GameError) as caught:
        compiled(HEAD + text)
    found = [d for d in caught.value.diagnostics if d.code.startswith("GE")]

    assert found
    assert not said or any(d.code in ("GE290", "GE292") and said in d.message for d in found)


def test_a_table_is_drawn_once_in_an_expectation():
    """Two tables in one expectation would pair rows that have nothing to do with each other."""
    text = HEAD + 'data a: (x: R[64], y: class[10]) = digits("train")\ndata b: (p: R[64], q: class[10]) = digits("test")\nvar u: R[64]\n'
    with pytest.raises(GameError) as caught:
        compiled(text + "solve min{u} [ E{(x, y) ~ a, (p, q) ~ b}[ norm(u - x - p)^2 ] ]")

    assert "two tables" in str(caught.value)


def bare(names=None, **more):
    """A writer for a game with one variable and nothing else."""
    game = compiled(HEAD + "var x: R[2] init 1\nsolve min{x} [ norm(x)^2 ]")[0].game
    return Writer(game, {"x": Shaped(vector(2)), "r": Shaped(vector(2), rows=True), "n": Shaped(vector(), rows=True)} | (names or {}), **more)


@pytest.mark.parametrize(("expr", "said"), [
    (Grad(name="x", body=Ref(name="x")), "where its name stands"),
    (Reduce(op="max", draws=(Draw(names=("x", "y"), over="tr"),), body=Ref(name="y")), "`max` over samples"),
    (Reduce(op="sum", draws=(Draw(names=("x", "y"), over="tr"),), body=Num(value=Fraction(1))), "no sample changes"),
    (Reduce(op="sum", draws=(Draw(names=("i",), first=0, last=2), Draw(names=("j",), first=0, last=2)), body=Ref(name="i")), "two index sets"),
])  # fmt: skip
def test_an_expression_that_cannot_be_written_is_named(expr, said):
    """The writer never guesses."""
    game = compiled(HEAD + DIGITS + "solve min{h} [ E{(x, y) ~ tr}[ce(h(x), y)] ]")[0].game
    with pytest.raises(UnsupportedError, match=said):
        Writer(game, {"x": Shaped(vector(64))}).write(expr)


@pytest.mark.parametrize(("expr", "text"), [
    (Call(fn="mul", args=(Ref(name="x"), Call(fn="div", args=(Ref(name="x"), Num(value=Fraction(8, 255)))))), "x * (x / (8 / 255))"),
    (Call(fn="sub", args=(Ref(name="x"), Call(fn="sub", args=(Ref(name="x"), Ref(name="x"))))), "x - (x - x)"),
    (Call(fn="add", args=(Ref(name="r"), Ref(name="n"))), "r + n[:, None]"),
    (Call(fn="matmul", args=(Ref(name="r"), Ref(name="r"))), "(r * r).sum(dim=1)"),
    (Call(fn="matmul", args=(Ref(name="x"), Ref(name="r"))), "(x * r).sum(dim=1)"),
    (Call(fn="matmul", args=(Ref(name="A"), Ref(name="r"))), "r @ A.mT"),
    (Call(fn="matmul", args=(Ref(name="B"), Ref(name="r"))), "(B @ r[:, :, None])[:, :, 0]"),
    (Call(fn="matmul", args=(Ref(name="r"), Ref(name="B"))), "(r[:, None, :] @ B)[:, 0]"),
    (Call(fn="sum", args=(Ref(name="B"),)), "B.flatten(1).sum(dim=1)"),
    (Call(fn="max", args=(Ref(name="B"),)), "B.flatten(1).amax(dim=1)"),
    (Call(fn="max", args=(Ref(name="n"),)), "n"),
    (Call(fn="mean", args=(Ref(name="n"),)), "n"),
    (Call(fn="norm", args=(Ref(name="n"),)), "torch.abs(n)"),
    (Call(fn="norm", args=(Num(value=Fraction(-2)),)), "abs(-2)"),
    (Call(fn="kl", args=(Ref(name="n"), Num(value=Fraction(1, 2)))), "torch.xlogy(n, n) - torch.xlogy(n, torch.tensor(0.5, dtype=DTYPE))"),
    (Call(fn="cos", args=(Ref(name="r"), Ref(name="x"))), "F.cosine_similarity(r, x, dim=-1)"),
    (Call(fn="cos", args=(Ref(name="B"), Ref(name="A"))), "F.cosine_similarity(B.flatten(1), A.flatten(), dim=-1)"),
    (Call(fn="cos", args=(Ref(name="n"),)), "torch.cos(n)"),
    (Call(fn="pow", args=(Call(fn="norm", args=(Ref(name="n"),)), Num(value=Fraction(2)))), "n ** 2"),
    (Index(base=Ref(name="r"), indices=(Num(value=Fraction(1)),)), "r[:, 1]"),
    (Index(base=Ref(name="r"), indices=(Ref(name="n"),)), "r[torch.arange(len(n), device=n.device), n]"),
    (Word(value="a"), "'a'"),
    (Ref(name="pi"), "math.pi"),
    (Array(items=(Ref(name="n"), Num(value=Fraction(1)))), "torch.stack([n, torch.tensor(1, dtype=DTYPE)], dim=-1)"),
])  # fmt: skip
def test_rows_and_grouping_are_written_out(expr, text):
    """One dimension more for samples, and parentheses as in the game."""
    names = {"A": Shaped(vector(2, 2)), "B": Shaped(vector(2, 2), rows=True)}

    assert bare(names).write(expr).text == text


@pytest.mark.parametrize(("value", "text"), [(Fraction(3), "3"), (Fraction(-3, 20), "-0.15"), (Fraction(8, 255), "8 / 255"), (Fraction(-1), "-1")])
def test_numbers_are_exact(value, text):
    """A decimal where it is exact, else a fraction."""
    assert number(value).text == text
    assert constant_text(Num(value=value)) == text


def test_constants_of_every_form():
    """Infinity, fractions, signs and nested arrays; None for what is no constant."""
    one = Num(value=Fraction(1))

    assert constant_text(Word(value="-inf")) == "-math.inf"
    assert constant_text(Array(items=(Call(fn="neg", args=(one,)), Call(fn="div", args=(one, Num(value=Fraction(3))))))) == "[-1, 1 / 3]"
    assert constant_text(Array(items=(Ref(name="x"),))) is None
    assert constant_text(Call(fn="neg", args=(Ref(name="x"),))) is None
    assert constant_text(Call(fn="div", args=(one, Num(value=Fraction(0))))) is None


def test_sets_that_meet():
    """The tightest sides of several boxes, open ones, and two that move at once."""
    write = bare({"r": Shaped(vector(2), rows=True)})
    low = ir.Part(word="Box", args=(Num(value=Fraction(0)), Word(value="inf")))
    ball = ir.Part(word="Linf", args=(Num(value=Fraction(1, 2)),))
    shifted = ir.Part(word="Box", args=(Num(value=Fraction(0)), Num(value=Fraction(1))), shift=Ref(name="r"))
    both = box(ir.Set(parts=(low, ball)), write)

    assert (both.lo, both.hi) == ("max(0.0, -0.5)", "0.5")
    assert projection(ir.Set(parts=(low,)), "z", write, rows=False) == "project_box(z, 0.0, None)"
    assert draw(ir.Set(parts=(low,)), "(2,)", "rng", write, rows=False).startswith("0.0 + torch.abs(rng.normal((2,)")
    assert draw(None, "(2,)", "rng", write, rows=False).startswith("rng.normal((2,)")
    assert "2 * eps" in draw(ir.Set(parts=(ir.Part(word="Linf", args=(Ref(name="eps"),)),)), "(2,)", "rng", write, rows=False)
    assert box(ir.Set(parts=(shifted,)), write).lo == "(0.0 - r)"
    with pytest.raises(UnsupportedError, match="two shifted sets"):
        box(ir.Set(parts=(shifted, shifted)), write)


def test_plans_that_no_program_can_follow():
    """A function of the field that needs step sizes finds none in a rule with a memory, and nor does a step in a geometry."""
    checked, made = compiled(HEAD + XY + "solve min{x} max{y} [ x*y ]\nschedule { method: simultaneous  x: adam(lr = 0.1) }")
    draw, _, move = made.plan.body
    together = replace(made.plan, body=(draw, Adjust(move.nodes, "now", "gradients", rates=True), move))
    with pytest.raises(UnsupportedError, match="enters the equations"):
        emit(checked.game, together, made.choice.table, Asked(), {}, checked.source)
    refuse(checked.game, made.plan)


def test_only_what_is_there_can_be_linked():
    """A name that no file defines is our fault."""
    with pytest.raises(KeyError):
        link({"nothing_of_the_kind"})


def test_a_problem_is_quoted_with_its_bracket():
    """Comments and line ends go, nested brackets stay, and what is long is cut."""
    text = "min{x in [0, 1]} [ x[0] # why\n + 1 ] rest"

    assert problem_text(text, 0, 16) == "min{x in [0, 1]} [ x[0] + 1 ]"
    assert problem_text("min{x} " + "[ " + "x + " * 90 + "x ]", 0, 6).endswith("+ ...")


def test_a_program_has_its_module_constants():
    """Params that are numbers stand at the top, exact."""
    module = program(HEAD + "param eps = 8/255\nvar x: R[2] in Linf(eps) init uniform\nsolve min{x} [ sum(x) ]\nrun { tol = 1e-6 }")

    assert module.eps == 8 / 255
    assert module.TOL == 1e-6
    assert module.train()[1] == "converged"
