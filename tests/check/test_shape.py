"""The shapes that later stages read off the IR are those that `check` found."""

from __future__ import annotations

import pytest

from gamespec import pipeline
from gamespec.check.shape import Shaped, ShapeError, draw_names, globals_of, infer
from gamespec.ir.expr import Array, Call, Num, Word
from gamespec.ir.types import BOOL, INDEX, REAL, Type, vector
from gamespec.report.source import Source
from tests.check.programs import WORKING
from tests.check.test_fuzz import SHIPPED

SHAPES = """language 1
data tr: (a: R[64] in [0, 1], b: class[10], i: index) = digits("train")
dist z: R[3] = Normal(0, 1)
net h: R[64] -> logits[10] = linear()
net g: R[3] -> R[2] = mlp(4)
var u: R[len(tr)] in [0, 1]
var A: R[2, 3]
var x: R
solve min{h, u, A, g, x} [ E{(a, b, i) ~ tr}[ u[i] * ce(h(a), b) ] + norm(A[0]) + sum(A @ [1, 2, 3])
  + mean(grad{s}[ sum(s^2) where s = A ]) + stop(A[1, 2]) + (if u[0] > 1/2 then u[1] else u[2]) + max{k in 0..2}[ A[0, k] ]
  + x^2 + E{w ~ z}[ norm(g(w)) ] ]
metric noise = f1_score(u < 0.5, tr.is_noisy)
metric spread = share_within(sample(g, z, 10), pca(sample(g, z, 10), sample(g, z, 10)))
metric far = logistic_accuracy(tr.a, tr.large, sample(tr, 3), tr.y)
metric same = logistic_accuracy(sample(z, 3), tr.b, tr.x, tr.odd)
expect sum(u) <= len(tr)
expect 0 <= x <= 1
"""


@pytest.mark.parametrize("text", [*WORKING.values(), *SHIPPED.values(), SHAPES], ids=[*WORKING, *SHIPPED, "shapes"])
def test_every_objective_is_a_number(text):
    """An objective has the shape of a number, one per sample at most where its player has a scope."""
    game = pipeline.check(Source("a.game", text)).game
    names = globals_of(game)
    for node in game.nodes:
        inner = dict(names)
        for draw in (*node.scope, *((node.choice,) if node.choice else ())):
            inner |= draw_names(game, draw)
        inner |= {node.index: Shaped(INDEX, rows=bool(node.scope))} if node.index else {}
        found = infer(node.objective, inner, game)

        assert found.type.shape == ()
        assert not found.rows or node.scope or node.choice
    for metric in game.metrics:
        assert infer(metric.value, names, game) == Shaped(REAL)
    result = names | {m.name: Shaped(REAL) for m in game.metrics} | {"value": Shaped(REAL), "status": Shaped(Type(kind="word"))}
    for expect in game.expects:
        assert infer(expect.condition, result, game) == Shaped(BOOL)


def test_shapes_that_do_not_fit_are_an_error_here_too():
    """The IR of a right game never has them."""
    game = pipeline.check(Source("a.game", WORKING["saddle"])).game
    with pytest.raises(ShapeError, match="do not match"):
        infer(Call(fn="add", args=(Array(items=(Num(value=1), Num(value=2))), Array(items=()))), {}, game)


def test_words_and_empty_arrays_have_a_shape():
    """An option word is a word, `[]` an array of none."""
    game = pipeline.check(Source("a.game", WORKING["saddle"])).game

    assert infer(Word(value="uniform"), {}, game).type == Type(kind="word")
    assert infer(Array(items=()), {}, game).type == vector(0)
