"""Programs for the tests of `check`, and what checking them says."""

from __future__ import annotations

from gamespec import pipeline
from gamespec.report.diagnostic import Diagnostic, GameError
from gamespec.report.source import Source

SADDLE = """language 1
var x: R
var y: R
solve min{x} max{y} [ x*y ]
"""

ROBUST = """language 1
param eps in [0, 1] = 0.15
data train: (a: image[1, 8, 8] in [0, 1], b: class[10]) = digits("train")
data test: (a: image[1, 8, 8] in [0, 1], b: class[10]) = digits("test")
net h: image[1, 8, 8] -> logits[10] = small_cnn(16)
solve min{h} E{(a, b) ~ train} max{d in Linf(eps) & (domain(a) - a)} [ ce(h(a + d), b) ]
metric clean = E{(a, b) ~ test}[ correct(h(a), b) ]
schedule { h: adam(lr = 0.002)  d: pgd(steps = 10, lr = 0.04) }
run { batch = 128  epochs = 1  seed = 0 }
expect clean >= 0.5
"""

GAN = """language 1
data ring8: R[2] = mog(modes = 8)
dist noise: R[8] = Normal(0, 1)
net G: R[8] -> R[2] = mlp(32)
net D: R[2] -> prob = mlp(32, out = sigmoid)
solve min{G} max{D} [ E{x ~ ring8}[log(D(x))] + E{z ~ noise}[log(1 - D(G(z)))] ]
run { batch = 64  steps = 10 }
"""

BILEVEL = """language 1
var u: R
var w: R
solve min{u} [ (u - w)^2  s.t. w = argmin{w}[ (w - u - 1)^2 ] ]
"""

BETA = """language 1
data train: (a: image[1, 8, 8] in [0, 1], b: class[10]) = digits("train")
net h: image[1, 8, 8] -> logits[10] = small_cnn(16)
solve min{h} E{(a, b) ~ train} [ ce(h(a + d[j]), b)
  s.t. d[k] in argmax{t in Linf(0.1) & (domain(a) - a)}[ margin(h(a + t), k, b) ] forall k in 0..9 \\ {b},
       j in argmax{k in 0..9 \\ {b}}[ margin(h(a + d[k]), k, b) ] ]
run { batch = 64  steps = 10 }
"""

NASH = """language 1
let cost = [1, 2, 3]
var q[i in 0..2]: R in [0, inf]
solve nash { firm: min{q[i]} [ cost[i]*q[i] - (10 - sum{j in 0..2}[ q[j] ]) * q[i] ]  forall i in 0..2 }
"""

WORKING = {"saddle": SADDLE, "robust": ROBUST, "gan": GAN, "bilevel": BILEVEL, "beta": BETA, "nash": NASH}


def said(text: str, sets: tuple[tuple[str, str], ...] = ()) -> list[Diagnostic]:
    """Every diagnostic of a program, whether or not it may run."""
    try:
        return list(pipeline.check(Source("a.game", text), sets).diagnostics)
    except GameError as error:
        return list(error.diagnostics)


def errors(text: str, sets: tuple[tuple[str, str], ...] = ()) -> list[Diagnostic]:
    """The errors of a program."""
    return [d for d in said(text, sets) if d.severity == "error"]


def codes(text: str, sets: tuple[tuple[str, str], ...] = ()) -> list[str]:
    """The codes of every diagnostic of a program."""
    return [d.code for d in said(text, sets)]


def under(text: str, found: Diagnostic) -> str:
    """What the primary span covers."""
    return text[found.primary.span.start : found.primary.span.end]
