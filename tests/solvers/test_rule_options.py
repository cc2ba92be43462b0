"""A schedule takes every option of every step rule, and the rule that steps is the one that was written."""

from __future__ import annotations

import pytest
import torch

from gamespec.library.directives import DIRECTIVES
from gamespec.library.registry import words
from tests.emit.build import compiled, program

GAME = (
    "language 1\ngame rules\ndata tr: (a: R[3], b: class[2]) = given\nnet h: R[3] -> logits[2] = mlp(4)\n"
    "solve min{{h}} [ E{{(a, b) ~ tr}}[ ce(h(a), b) ] ]\nschedule {{ h: {}({}) }}\nrun {{ steps = 40  batch = 4 }}"
)
OTHER = {"lr": 0.05, "momentum": 0.3, "weight_decay": 0.02, "eps": 1e-6, "alpha": 0.8, "betas": (0.4, 0.7), "total": 90, "centered": True,
         "nesterov": True, "per": "layer", "decay": "cosine",
         "temperature": 0.01, "beta": 0.3, "count": 2}  # fmt: skip
OPTIONS = [(word, o.name) for word, rule in words("rules").items() for o in rule.options]


def written(value):
    """A value as the language writes it."""
    return str(value).lower() if isinstance(value, bool) else f"[{', '.join(map(str, value))}]" if isinstance(value, tuple) else str(value)


@pytest.mark.parametrize(("word", "option"), OPTIONS)
def test_every_option_of_a_rule_reaches_the_rule(word, option):
    """What is written stands in the plan, and in the object that the program steps with."""
    takes = {o.name for o in words("rules")[word].options}
    needed = {"nesterov": {"momentum": 0.3}, "total": {"decay": "cosine"}}.get(option, {})
    given = {k: v for k, v in (needed | {option: OTHER[option]}).items() if k in takes}
    text = GAME.format(word, ", ".join(f"{k} = {written(v)}" for k, v in given.items()))
    rule = dict(compiled(text)[1].plan.rules)["h"]

    assert rule.word == word
    assert {k: dict(rule.options)[k] for k in given} == given
    assert [o.name for o in DIRECTIVES[word].options] == [*(o.name for o in words("rules")[word].options), "steps"]


@pytest.mark.parametrize("decay", words("rules")["sgd"].options[-2].words)
@pytest.mark.parametrize(("word", "method"), [("sgd", "descent"), ("adamw", "descent"), ("sgd", "extragradient"), ("descent", "descent")])
def test_every_decay_steps_and_knows_its_end(word, method, decay):
    """The rate of the last step is that of the last step of the run, looks ahead counted."""
    rows = {"tr": (torch.randn(4, 3), torch.tensor([0, 1, 0, 1]))}
    text = GAME.format(word, f"lr = 0.1, decay = {decay}").replace("schedule {", f"schedule {{ method: {method} ")
    rule, module = dict(compiled(text)[1].plan.rules)["h"], program(text)
    s = module.start(0, data=rows)
    for _ in range(2):
        module.step(s, rows)

    assert dict(rule.options).get("total", 0) == (0 if decay == "constant" else 80 if method == "extragradient" else 40)
    assert s.rule_h.decay == decay
