"""Bad input: each mistake has its code, its place, its cause and a hint that can be typed."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from gamespec import cli
from tests.check.programs import BETA, BILEVEL, GAN, NASH, ROBUST, SADDLE, errors, said, under
from tests.work import calls


@dataclass(frozen=True)
class Bad:
    """A program with one mistake: its code, the text under the caret, words of the cause, words of the hint.

    `fixed` is what the text under the caret becomes where the hint is a replacement; "" where it is advice.
    """

    name: str
    text: str
    code: str
    span: str
    cause: str
    hint: str
    fixed: str = ""


def change(text: str, old: str, new: str) -> str:
    """A program with one place changed."""
    assert text.count(old) == 1, (text.count(old), old)
    return text.replace(old, new)


ANSWER = "w = argmin{w}[ (w - a - b)^2 ]"
LEADERS = f"language 1\nvar a: R\nvar b: R\nvar w: R\nsolve nash {{ first: min{{a}}[ a*w ] second: min{{b}}[ b*w ] s.t. {ANSWER} }}\n"
BALL = """language 1
data moons: (x: R[2], y: class[2]) = moons(n = 8)
var u: R[2]
var p: Dist(moons) in Wball(moons, 0.5, norm = 1, order = 2)
solve min{u} max{p} [ E{(x, y) ~ p}[ norm(x - u)^2 ] ]
"""
KINK = "language 1\nvar x: R init 1\nsolve min{x} max{j in 0..2} [ (x - j)^2 ]\n"

ROWS = (
    # ---------------------------------------------------------------- the list of issue 2
    Bad("unclosed bracket", change(SADDLE, "[ x*y ]", "[ x*y "), "GE002", "[", "[", "]"),
    Bad("2u", change(SADDLE, "[ x*y ]", "[ 2x*y ]"), "GE003", "x", "operator", "2*x"),
    Bad("unknown name", change(SADDLE, "[ x*y ]", "[ x*yy ]"), "GE101", "yy", "did you mean `y`", "write `y`", "y"),
    Bad("unknown function", change(ROBUST, "ce(h(a", "cee(h(a"), "GE101", "cee", "did you mean `ce`", "write `ce`", "ce"),
    Bad("unknown network", change(ROBUST, "ce(h(a", "ce(hh(a"), "GE101", "hh", "did you mean `h`", "write `h`", "h"),
    Bad("distribution and net", change(GAN, "noise: R[8]", "noise: R[9]"), "GE203", "z", "R[9] given, R[8] needed", "give `G` R[8]"),
    Bad("two owners", change(SADDLE, "max{y} [ x*y ]", "max{x} [ x^2 ]"), "GE301", "min{x}", "two owners", "each player"),
    Bad("nobody optimises", change(GAN, "max{D} ", ""), "GE306", "D", "nobody optimises", "min{D}"),
    Bad("var without a player", change(SADDLE, "max{y} ", ""), "GE306", "y", "nobody optimises", "param"),
    Bad("objective of ten numbers", change(ROBUST, "ce(h(a + d), b)", "h(a + d)"), "GE204", "h(a + d)", "this is logits[10]", "ce("),
    Bad("argmax for max", change(SADDLE, "max{y}", "argmax{y}"), "GE204", "argmax", "a number is needed", "write `max`", "max"),
    Bad("argmin at the root", change(SADDLE, "min{x}", "argmin{x}"), "GE204", "argmin", "`min` is meant", "write `min`", "min"),
    Bad("eps in pixels", change(ROBUST, "eps in [0, 1] = 0.15", "eps = 8"), "GE410", "8", "data in [0, 1]", "write `8/255`", "8/255"),
    Bad("radius in pixels", change(ROBUST, "Linf(eps)", "Linf(8)"), "GE410", "8", "data in [0, 1]", "write `8/255`", "8/255"),
    Bad("eps outside its range", change(ROBUST, "= 0.15", "= 8"), "GE405", "8", "8 is not in [0, 1]", "write `1`", "1"),
    Bad("schedule argument", change(ROBUST, "pgd(steps", "pgd(step"), "GE501", "step", "did you mean `steps`", "write `steps`", "steps"),
    Bad("unknown set", change(ROBUST, "Linf(eps)", "Linff(eps)"), "GE403", "Linff", "did you mean `Linf`", "write `Linf`", "Linf"),
    Bad("lets in a circle", "let a = b\nlet b = a\n" + SADDLE, "GE105", "a", "a -> b -> a", "without the others"),
    Bad("a let of itself", "let a = a + 1\n" + SADDLE, "GE105", "a", "a -> a", "without the others"),
    Bad("a circle that a param needs", "let a = b\nlet b = a\nparam c = a\n" + SADDLE, "GE105", "a", "a -> b -> a", "without"),
    Bad("a def that recurs", "def f(n) = n * f(n - 1)\n" + SADDLE, "GE105", "f", "f -> f", "without the others"),
    Bad("defs in a circle", "def f(n) = g(n)\ndef g(n) = f(n)\n" + SADDLE, "GE105", "f", "f -> g -> f", "without the others"),
    Bad("where in a circle", change(SADDLE, "x*y ]", "x*y + p where p = r, r = p ]"), "GE105", "p", "p -> r -> p", "without"),
    Bad("sets in a circle", change(SADDLE, "var x: R", "let S = T\nlet T = S\nvar x in S"), "GE105", "S", "S -> T -> S", "without"),
    Bad("missing data source", change(ROBUST, 'digits("train")', 'sheet("train.csv")'), "GE601", "sheet", "unknown data source", "digits"),
    Bad(
        "a start outside a simplex",
        "language 1\ngame g\nvar x in Simplex(2) init [5, 5]\nsolve min{x} [ norm(x)^2 ]\n",
        "GE405",
        "[5, 5]",
        "start",
        "uniform",
    ),
    Bad("a start outside a ball", "language 1\ngame g\nvar x: R[3] in L2(1) init 5\nsolve min{x} [ norm(x)^2 ]\n", "GE405", "5", "start", "uniform"),
    Bad("log of nothing", "language 1\ngame g\nvar x: R in [log(0), 1]\nsolve min{x} [ x^2 ]\n", "GE401", "log(0)", "no value", "another number"),
    Bad("a player of words", change(SADDLE, "var x: R", "var x: tokens[5]"), "GE202", "tokens[5]", "cannot choose words", "embedding"),
    Bad("a follower of words", change(SADDLE, "max{y} [", "max{y, t: tokens[5]} ["), "GE202", "tokens[5]", "cannot choose words", "embedding"),
    Bad("missing file", change(ROBUST, 'digits("train")', 'csv("none.csv")'), "GE603", 'csv("none.csv")', "No such file", "GAMESPEC_DATA"),
    Bad("empty file", "", "GE004", "", "empty", "smallest game"),
    Bad("empty but for a comment", "# nothing\n", "GE004", "", "empty", "smallest game"),
    Bad("an empty array", change(SADDLE, "[ x*y ]", "[ x*y + norm([]) ]"), "GE208", "[]", "without numbers", "[0]"),
    # ---------------------------------------------------------------- names
    Bad("twice", SADDLE + "var x: R\n", "GE102", "x", "second declaration", "x_2"),
    Bad("a schedule twice", SADDLE + "schedule { x: sgd() }\nschedule { y: sgd() }", "GE102", "schedule { y: sgd() }", "twice", "name"),
    Bad("a setting twice", SADDLE + "run { seed = 0 seed = 1 }", "GE102", "seed", "twice", "once"),
    Bad("a target twice", SADDLE + "schedule { x: sgd() x: adam() }", "GE102", "x", "twice", "one colon"),
    Bad("a metric twice", SADDLE + "metric m = x metric m = y", "GE102", "m", "twice", "m_2"),
    Bad("a metric named as a var", SADDLE + "metric x = y", "GE102", "x", "twice", "x_2"),
    Bad("a player twice", change(NASH, "firm: min", "firm: min{q[i]}[q[i]] forall i in 0..2 firm: min"), "GE102", "firm", "twice", "firm_2"),
    Bad("one var twice in a binder", change(SADDLE, "min{x}", "min{x, x}"), "GE102", "x", "twice", "once"),
    Bad("a sample hides a net", change(ROBUST, "schedule {", "metric m = E{(h, q) ~ test}[ 1 ]\nschedule {"), "GE104", "h", "hidden", "h_"),
    Bad("an index hides a var", change(NASH, "sum{j in 0..2}[ q[j] ]", "sum{q in 0..2}[ q ]"), "GE104", "q", "hidden", "q_"),
    Bad("a follower hides a var", change(SADDLE, "max{y}", "max{x: R in [0, 1]}"), "GE104", "x", "hidden", "x_"),
    Bad("where hides a var", change(SADDLE, "x*y ]", "x*y where y = 2 ]"), "GE104", "y", "hidden", "y_"),
    Bad("a point hides a param", "param p = 1\n" + change(SADDLE, "x*y ]", "x*y + grad{p}[ p^2 where p = x ] ]"), "GE104", "p", "hidden", "p_"),
    Bad("unknown column", SADDLE + "data tr: (x: R[64], y: class[10]) = digits()\nmetric m = norm(tr.z)", "GE101", "tr.z", "no column", "columns"),
    Bad("a function as a number", change(SADDLE, "x*y ]", "x*exp ]"), "GE101", "exp", "unknown name", "let exp"),
    Bad("unknown player", change(SADDLE, "max{y}", "max{yy}"), "GE101", "yy", "did you mean `y`", "write `y`", "y"),
    Bad("unknown distribution", change(GAN, "~ noise", "~ noize"), "GE101", "noize", "did you mean `noise`", "write `noise`", "noise"),
    Bad("unused let", "let t = x + foo\n" + SADDLE, "GE101", "foo", "unknown name", "let foo"),
    Bad("unused def", "def f(t) = t + foo\n" + SADDLE, "GE101", "foo", "unknown name", "let foo"),
    Bad("unused set", "let S = Linf(foo)\n" + SADDLE, "GE101", "foo", "unknown name", "let foo"),
    Bad("order of nobody", change(SADDLE, "x*y ]", "x*y ] order z"), "GE101", "z", "unknown player", "players"),
    # ---------------------------------------------------------------- types and shapes
    Bad("unknown size", change(SADDLE, "var x: R", "var x: R[many]"), "GE101", "many", "unknown size", "`dim many = 4`"),
    Bad("unknown type", change(SADDLE, "var x: R", "var x: Real"), "GE202", "Real", "did you mean `R`", "write `R`", "R"),
    Bad("a type by ear", change(ROBUST, "net h: image[1", "net h: imge[1"), "GE202", "imge", "did you mean `image`", "write `image`", "image"),
    Bad("one class", change(ROBUST, "-> logits[10]", "-> logits[1]"), "GE202", "logits[1]", "two or more", "logits[10]", "logits[10]"),
    Bad(
        "a flat image",
        change(ROBUST, "net h: image[1, 8, 8]", "net h: image[64]"),
        "GE202",
        "image[64]",
        "channels",
        "image[1, 8, 8]",
        "image[1, 8, 8]",
    ),
    Bad("half a dimension", change(GAN, "noise: R[8]", "noise: R[1/2]"), "GE202", "1/2", "whole number", "write a number"),
    Bad("a huge dimension", change(GAN, "noise: R[8]", "noise: R[10^30]"), "GE202", "10^30", "whole number", "write a number"),
    Bad("a huge array", change(GAN, "noise: R[8]", "noise: R[10^6, 10^6]"), "GE202", "R[10^6, 10^6]", "too large", "fit"),
    Bad("a huge network", change(GAN, "R[2] = mlp(32)", "R[2] = mlp(10^9)"), "GE202", "mlp(10^9)", "too large", "smaller"),
    Bad("words for a variable", change(SADDLE, "var x: R", "var x: class[3]"), "GE202", "class[3]", "number", "write `R`"),
    Bad("prob with a size", change(GAN, "-> prob", "-> prob[2]"), "GE202", "prob[2]", "no dimensions", "write `prob`", "prob"),
    Bad("a record for a type", change(SADDLE, "var x: R", "var x: (a: R, b: R)"), "GE202", "(a: R, b: R)", "one type", "write `R`"),
    Bad("a network without an arrow", change(GAN, "net G: R[8] -> R[2]", "net G: R[8]"), "GE202", "R[8]", "maps", "->"),
    Bad(
        "a network on small images",
        change(GAN, "net G: R[8] -> R[2] = mlp(32)", "net G: R[8] -> R[2] = small_cnn(8)"),
        "GE203",
        "R[8] -> R[2]",
        "reads images",
        "mlp",
    ),
    Bad("two inputs", change(GAN, "net G: R[8] -> R[2]", "net G: (R[8], R[2]) -> R[2]"), "GE203", "(R[8], R[2]) -> R[2]", "one input", "given"),
    Bad("ragged rows", change(SADDLE, "x*y ]", "x*y + sum([[1, 2], [3]]) ]"), "GE203", "[[1, 2], [3]]", "different lengths", "as many"),
    Bad("a ragged let", "let A = [[1, 2], [3]]\n" + SADDLE, "GE203", "[[1, 2], [3]]", "different lengths", "as many"),
    Bad("vectors of two lengths", change(SADDLE, "x*y ]", "x*y + sum([1, 2] + [1, 2, 3]) ]"), "GE203", "[1, 2] + [1, 2, 3]", "do not match", "shape"),
    Bad("an index too far", change(NASH, "j in 0..2", "j in 0..3"), "GE203", "j", "out of range", "0 to 2"),
    Bad("a literal index too far", change(NASH, "cost[i]*q[i] -", "cost[3]*q[i] -"), "GE203", "3", "out of range", "0 to 2"),
    Bad("two indices of a vector", change(NASH, "cost[i]*q[i] -", "cost[i, 0]*q[i] -"), "GE203", "cost[i, 0]", "1 index", "fewer"),
    Bad("an index on a number", change(SADDLE, "max{y}", "max{y[0]}"), "GE203", "y[0]", "no index", "write `y`", "y"),
    Bad("a start of another shape", change(SADDLE, "var x: R", "var x: R[2] init [1, 2, 3]"), "GE203", "[1, 2, 3]", "needed", "init 0"),
    Bad("a set of another shape", change(SADDLE, "var x: R", "var x: R[2] in Simplex(3)"), "GE203", "Simplex(3)", "needed", "R[3]"),
    Bad("a set for a number", change(SADDLE, "x*y ]", "x*y + {1} ]"), "GE204", "{1}", "a set", "expression"),
    Bad("data as a number", change(ROBUST, "ce(h(a + d), b)", "ce(train, b)"), "GE204", "train", "a data source", "E{x ~ train}"),
    Bad("a call of a number", change(SADDLE, "x*y ]", "x(y) ]"), "GE204", "x", "no function", "multiply"),
    Bad("a sum at the root", change(SADDLE, "min{x} max{y}", "sum{i in 0..2}"), "GE204", "sum", "a player is needed", "begin with"),
    Bad("max for argmax", change(BILEVEL, "argmin{w}", "min{w}"), "GE204", "min", "a point is needed", "write `argmin`", "argmin"),
    Bad("a metric per sample", change(ROBUST, "E{(a, b) ~ test}[ correct(h(a), b) ]", "test.b"), "GE204", "test.b", "must be a number", "wrap"),
    Bad("a shape nothing tells", change(SADDLE, "max{y}", "max{d in Linf(1)}"), "GE205", "d", "cannot be told", "write `d: R[2]`"),
    Bad(
        "an interval for an image",
        change(ROBUST, "Linf(eps) & (domain(a) - a)", "[-0.1, 0.1]"),
        "GE205",
        "d",
        "one number or many",
        "d: image[1, 8, 8]",
        "d: image[1, 8, 8]",
    ),
    Bad("a variable in a radius", change(ROBUST, "Linf(eps)", "Linf(d)"), "GE101", "d", "unknown name", "let d"),
    Bad("half a range", change(NASH, "j in 0..2", "j in 0..1/2"), "GE206", "0..1/2", "whole numbers", "0..2", "0..2"),
    Bad("the length of a stream", change(GAN, "steps = 10", "steps = len(ring8)"), "GE206", "ring8", "finite", "number"),
    Bad("a variable as a constant", change(SADDLE, "var y: R", "var y in [0, x]"), "GE206", "x", "no constant", "param"),
    Bad("too many arguments", change(SADDLE, "x*y ]", "exp(x, y) ]"), "GE207", "exp(x, y)", "2 given", "give it 1"),
    Bad("named arguments of a function", change(SADDLE, "x*y ]", "exp(x = x) ]"), "GE207", "x = x", "named", "place"),
    Bad("log of logits", change(ROBUST, "ce(h(a + d), b)", "sum(log(h(a + d)))"), "GE207", "log(h(a + d))", "logits", "softmax"),
    Bad("ce of a class of other size", change(ROBUST, "-> logits[10]", "-> logits[9]"), "GE203", "ce(h(a + d), b)", "compared", "make both"),
    Bad(
        "logits after a sigmoid",
        change(ROBUST, "small_cnn(16)", "small_cnn(16, out = sigmoid)"),
        "GE207",
        "small_cnn(16, out = sigmoid)",
        "sigmoid",
        "drop",
    ),
    Bad("prob without a sigmoid", change(GAN, "prob = mlp(32, out = sigmoid)", "prob = mlp(33)"), "GE207", "mlp(33)", "sigmoid", "out = sigmoid"),
    Bad("if without a condition", change(SADDLE, "x*y ]", "if x then y else x ]"), "GE207", "x", "condition", "compare"),
    Bad("a choice for each element", "language 1\nvar x: R[3]\nsolve min{x} [ if x > 0 then 1 else 0 ]\n", "GE204", "if x > 0 then 1 else 0", "", ""),
    Bad("an index that is any number", "language 1\nvar x in [0, 1]\nsolve min{x} [ [1, 2][x] ]\n", "GE207", "x", "any number", "then"),
    Bad("an expectation that is a number", SADDLE + "expect x", "GE207", "x", "condition", "compare"),
    Bad(
        "sample of a net alone", change(GAN, "run {", "metric m = norm(sample(G, 10))\nrun {"), "GE207", "sample(G, 10)", "takes a source", "sample(G"
    ),
    Bad("a word for a number", SADDLE + "expect status == 3", "GE207", "status == 3", "number", ""),
    Bad("E without a source", change(GAN, "E{z ~ noise}", "E{z}"), "GE208", "z", "comes from", "z ~ data"),
    Bad("E over `in`", change(GAN, "z ~ noise", "z in noise"), "GE208", "z in noise", "draws", "`~`"),
    Bad("a sum with `~`", change(ROBUST, "E{(a, b) ~ test}", "sum{(a, b) ~ test}"), "GE208", "(a, b) ~ test", "exact", "`in`"),
    Bad("an endless sum", change(GAN, "E{z ~ noise}", "sum{z in noise}"), "GE208", "z in noise", "no end", "`~`"),
    Bad("max with `~`", change(SADDLE, "max{y}", "max{y ~ x}"), "GE208", "y ~ x", "chooses", "`in`"),
    Bad(
        "a pattern too short",
        change(ROBUST, "E{(a, b) ~ test}[ correct(h(a), b) ]", "E{a ~ test}[ sum(h(a)) ]"),
        "GE209",
        "a",
        "2 field",
        "write `(a, b)`",
        "(a, b)",
    ),
    Bad(
        "a shared player per sample",
        change(ROBUST, "max{d in Linf(eps) & (domain(a) - a)} [ ce(h(a + d), b) ]", "max{v} [ v * ce(h(a), b) ]\nvar v: R"),
        "GE210",
        "v",
        "one for all samples",
        "inside",
    ),
    Bad("columns in an objective", change(SADDLE, "x*y ]", "f1_score(x, y) ]"), "GE212", "f1_score", "no player can move it", "metric"),
    Bad(
        "one source inside itself",
        change(ROBUST, "[ ce(h(a + d), b) ]", "[ ce(h(a + d), b) + E{(p, q) ~ train}[ ce(h(p), q) ] ]"),
        "GE213",
        "(p, q) ~ train",
        "the same sample",
        "second source",
    ),
    Bad(
        "one source twice at once",
        change(ROBUST, "E{(a, b) ~ test}", "E{(a, b) ~ test, (p, q) ~ test}"),
        "GE213",
        "(p, q) ~ test",
        "same sample",
        "second",
    ),
    Bad(
        "one source through a let",
        change(ROBUST, "ce(h(a + d), b) ]", "ce(h(a + d), b) + t ]\nlet t = E{(p, q) ~ train}[ ce(h(p), q) ]"),
        "GE213",
        "(p, q) ~ train",
        "same sample",
        "second",
    ),
    # ---------------------------------------------------------------- not in this version
    Bad("a number for a condition", change(ROBUST, "(a, b) ~ test}", "(a, b) ~ test | sum(a)}"), "GE207", "sum(a)", "condition", "compare"),
    Bad("a condition on nothing", change(ROBUST, "(a, b) ~ test}", "(a, b) ~ test | 1 <= 2}"), "GE207", "1 <= 2", "look at the sample", "b == 3"),
    Bad("nested expectations", change(GAN, "[log(D(x))]", "[E{z ~ noise}[log(D(x + G(z)))]]"), "GE290", "E{z ~ noise}", "every sample", "E{(a, b)"),
    Bad(
        "a player for each index",
        change(SADDLE, "x*y ]", "x*y + sum{i in 0..2}[ max{d in [0, 1]}[ i*d ] ] ]"),
        "GE290",
        "max{d in [0, 1]}",
        "every element",
        "names",
    ),
    Bad(
        "a condition on a later index",
        change(ROBUST, "E{(a, b) ~ test}", "E{z ~ train, (a, b) ~ test | b == k, k in 0..3}").replace("z ~ train, ", ""),
        "GE101",
        "k",
        "unknown name",
        "declare",
    ),
    Bad("another's parameters", change(GAN, "log(D(x))", "log(D(x; G))"), "GE203", "G", "another network", "write `D`", "D"),
    Bad("an import that is not there", 'import "none.game" as a\n' + SADDLE, "GE106", '"none.game"', "cannot read", "path"),
    Bad("an import from anywhere", 'import "/a.game" as a\n' + SADDLE, "GE106", '"/a.game"', "path from", "lib/attacks.game"),
    Bad("an unknown assumption", "assume convx(x^2, x)\n" + SADDLE, "GE101", "convx", "did you mean `convex`", "convex", "convex"),
    Bad("an assumption of nothing", "assume convex\n" + SADDLE, "GE208", "convex", "names a fact", "assume convex(f, u)"),
    Bad("an assumption in no player", "assume convex(x^2, 3)\n" + SADDLE, "GE302", "3", "a player chooses", "`var`"),
    Bad("two games without labels", SADDLE + "solve min{x}[ x^2 ]", "GE102", "min{x}[ x^2 ]", "without a label", "solve second"),
    Bad("two games of one label", change(SADDLE, "solve", "solve a:") + "solve a: min{x}[ x^2 ]", "GE102", "a", "twice", "a_2"),
    Bad("a mistake in the second game", SADDLE + "solve b: min{x}[ x^2 + foo ]", "GE101", "foo", "unknown name", "let foo"),
    Bad(
        "ties by ear",
        change(BILEVEL, "w = argmin{w}[ (w - u - 1)^2 ] ]", "w in argmin{w}[ (w - u - 1)^2 ] ] ties optimist"),
        "GE208",
        "optimist",
        "did you mean",
        "write `optimistic`",
        "optimistic",
    ),
    Bad("ties of nobody", change(SADDLE, "x*y ]", "x*y ] ties any"), "GE208", "ties any", "nobody", "drop"),
    Bad("a dim that nothing tells", "dim n\n" + SADDLE, "GE205", "n", "how large", "dim n = 4"),
    Bad("a set of networks", change(GAN, "mlp(32)\nnet D", "mlp(32) in Linf(1)\nnet D"), "GE403", "Linf(1)", "Lipschitz", "Lipschitz(1)"),
    Bad("code that is no place", change(GAN, "R[2] = mlp(32)", 'R[2] = py("os.system")'), "GE601", 'py("os.system")', "place", "module:Name"),
    Bad("code with a formula", change(GAN, "R[2] = mlp(32)", 'R[2] = py("m:N", k = G)'), "GE206", "G", "literal", "a number"),
    Bad("a ball and a box", change(SADDLE, "var x: R", "var x: R in Simplex(2) & Linf(1)"), "GE290", "Simplex(2)", "no box", "Linf"),
    Bad("tasks", change(SADDLE, "var x: R", "var x: TaskSet of R"), "GE202", "TaskSet of R", "data source alone", "data tasks"),
    Bad("params of nobody", change(SADDLE, "var x: R", "var x: params(h)"), "GE101", "h", "unknown player", "declare"),
    Bad("params of a number", change(SADDLE, "var x: R", "var x: params(2)"), "GE202", "params(2)", "of a network", "params(h)"),
    Bad("Dist of a number", change(SADDLE, "var x: R", "var x: Dist(2)"), "GE202", "Dist(2)", "of a network", "Dist(train)"),
    Bad("parameters times images", change(ROBUST, "ce(h(a + d), b)", "ce(h(a + d; h + a), b)"), "GE203", "h + a", "do not match", "shape"),
    Bad("an expectation with a binder", SADDLE + "expect max{d in [0, 1]}[ d ] <= 1", "GE290", "max{d in [0, 1]}[ d ]", "no binder", "metric"),
    Bad("a set after s.t.", change(SADDLE, "x*y ]", "x*y s.t. x in [0, 1] ]"), "GE291", "x in [0, 1]", "set for a variable", "var x"),
    Bad("an open constraint", change(SADDLE, "x*y ]", "x*y s.t. x < 1 ]"), "GE291", "x < 1", "open ends", "<="),
    Bad("a constraint that compares nothing", change(SADDLE, "x*y ]", "x*y s.t. x + y ]"), "GE291", "x + y", "compares", "x + y <= 1"),
    Bad(
        "followers in a circle",
        change(BILEVEL, "s.t. w = argmin{w}[ (w - u - 1)^2 ]", "s.t. w = argmin{w}[ (w - v)^2 ], v = argmin{v}[ (v - w)^2 ]") + "var v: R\n",
        "GE290",
        "w = argmin{w}[ (w - v)^2 ]",
        "answer each other",
        "nash",
    ),
    Bad(
        "an equilibrium of others",
        change(BILEVEL, "w = argmin{w}[ (w - u - 1)^2 ]", "(w, u) = nash { min{w}[ (w - v)^2 ] min{v}[ (v - w)^2 ] }") + "var v: R\n",
        "GE304",
        "(w, u)",
        "w, v play",
        "(w, v)",
    ),
    # ---------------------------------------------------------------- structure, sets, numbers
    Bad("choosing a param", "param p = 1\n" + change(SADDLE, "max{y}", "max{p}"), "GE302", "p", "cannot be chosen", "var"),
    Bad("choosing a frozen net", change(GAN, "out = sigmoid)\n", "out = sigmoid) frozen\n"), "GE303", "D", "frozen", "drop"),
    Bad("another answer", change(BILEVEL, "argmin{w}", "argmin{u}"), "GE304", "u", "different players", "write `w`", "w"),
    Bad("no solve", "language 1\nvar x: R\n", "GE305", "", "no `solve`", "solve min"),
    Bad("two sets", change(SADDLE, "var y: R", "var y in [0, 1]").replace("max{y}", "max{y in [0, 2]}"), "GE307", "[0, 2]", "two sets", "one"),
    Bad(
        "a follower first",
        change(SADDLE, "x*y ]", "x*y ] order y then x"),
        "GE308",
        "order y then x",
        "before its leader",
        "order auto",
        "order auto",
    ),
    Bad("a forgotten player", change(SADDLE, "x*y ]", "x*y ] order y"), "GE308", "order y", "no place", "every player"),
    Bad("no effect", change(SADDLE, "[ x*y ]", "[ x^2 ]"), "GE312", "max{y}", "cannot change", "use `y`"),
    Bad("a count", change(ROBUST, "ce(h(a + d), b)", "correct(h(a + d), b)"), "GE312", "min{h}", "no slope", "ce"),
    Bad("a family with a player short", change(NASH, "forall i in 0..2", "forall i in 0..1"), "GE203", "q[i]", "3 elements", "0..2"),
    Bad("all of a family for each", change(NASH, "min{q[i]}", "min{q}"), "GE301", "q", "many owners", "q[i]"),
    Bad("another's element", change(NASH, "min{q[i]}", "min{q[0]}"), "GE208", "q[0]", "its own element", "q[i]"),
    Bad("division by zero", "param p = 1/0\n" + SADDLE, "GE401", "0", "division by zero", "another"),
    Bad("a tower", "param p = 9^9^9\n" + SADDLE, "GE401", "9^9^9", "power", "exponent"),
    Bad("an empty interval", change(SADDLE, "var x: R", "var x in [1, 0]"), "GE402", "[1, 0]", "larger", "write `[0, 1]`", "[0, 1]"),
    Bad("an empty range", change(NASH, "j in 0..2", "j in 2..0"), "GE402", "2..0", "empty", "write `0..2`", "0..2"),
    Bad("an endless range", change(NASH, "j in 0..2", "j in 0..10^9"), "GE402", "0..10^9", "too long", "elements"),
    Bad("a negative radius", change(ROBUST, "Linf(eps)", "Linf(-0.1)"), "GE402", "-0.1", "empty", "write `1/10`", "1/10"),
    Bad("a number as a set", change(SADDLE, "var x: R", "var x: R in 3"), "GE403", "3", "a set is needed", "[0, 1]"),
    Bad(
        "a domain nobody declared",
        change(ROBUST, "train: (a: image[1, 8, 8] in [0, 1]", "train: (a: image[1, 8, 8]"),
        "GE404",
        "a",
        "not declared",
        "in [0, 1]",
    ),
    Bad("a start outside", change(SADDLE, "var x: R", "var x in [0, 1] init 2"), "GE405", "2", "outside", "write `1`", "1"),
    # ---------------------------------------------------------------- schedules and run
    Bad("unknown directive", change(ROBUST, "h: adam(lr", "h: adm(lr"), "GE501", "adm", "did you mean `adam`", "write `adam`", "adam"),
    Bad(
        "unknown word of an option", change(ROBUST, "lr = 0.04", "start = unifrm"), "GE501", "unifrm", "did you mean `uniform`", "uniform", "uniform"
    ),
    Bad("a word for a rate", change(ROBUST, "lr = 0.04", "lr = fast"), "GE101", "fast", "unknown name", "let fast"),
    Bad("half a step", change(ROBUST, "steps = 10", "steps = 1/2"), "GE501", "1/2", "whole number", "write `10`", "10"),
    Bad("no steps", change(ROBUST, "steps = 10", "steps = 0"), "GE501", "0", "from 1", "write `1`", "1"),
    Bad("a negative rate", change(ROBUST, "lr = 0.04", "lr = -1"), "GE501", "-1", "negative", "write `1`", "1"),
    Bad("too many words", change(ROBUST, 'digits("test")', 'digits("test", 1, 0, 0.5, 0, ["y"], 0, false, 3)'), "GE501", "3", "arguments", "split"),
    Bad("an option twice", change(ROBUST, 'digits("test")', 'digits("test", split = "test")'), "GE501", "split", "twice", "once"),
    Bad("repeat without a number", change(ROBUST, "h: adam(lr = 0.002)", "h: repeat()"), "GE501", "repeat()", "needs `times`", "repeat(times)"),
    Bad("a response nobody knows", BILEVEL + "schedule { w: through(unrol) }", "GE501", "unrol", "did you mean `unroll`", "write `unroll`", "unroll"),
    Bad("a stand-in nobody knows", change(ROBUST, "lr = 0.04", "surrogate = [cee]"), "GE501", "cee", "did you mean `ce`", "write `ce`", "ce"),
    Bad(
        "a method nobody knows",
        SADDLE + "schedule { method: extragradiant }",
        "GE501",
        "extragradiant",
        "did you mean",
        "extragradient",
        "extragradient",
    ),
    Bad("unknown setting", change(ROBUST, "batch = 128", "bach = 128"), "GE501", "bach", "did you mean `batch`", "write `batch`", "batch"),
    Bad("a negative setting", change(ROBUST, "epochs = 1", "epochs = -1"), "GE501", "-1", "negative", "write `1`", "1"),
    Bad("a setting of a wrong kind", change(ROBUST, "batch = 128", "batch = small"), "GE101", "small", "unknown name", "let small"),
    Bad("run with an unknown schedule", SADDLE + "run { schedule = fast }", "GE502", "fast", "unknown schedule", "default"),
    Bad(
        "expect with an unknown schedule",
        SADDLE + "schedule gda { x: sgd() }\nexpect gdaa: x <= 1",
        "GE502",
        "gdaa",
        "did you mean `gda`",
        "gda",
        "gda",
    ),
    Bad("extends an unknown schedule", SADDLE + "schedule a extends b { x: sgd() }", "GE502", "b", "unknown schedule", "schedules"),
    Bad("a schedule for nobody", change(ROBUST, "h: adam(lr", "hh: adam(lr"), "GE503", "hh", "no player", "write `h`", "h"),
    Bad("a qualified schedule for nobody", change(ROBUST, "d: pgd", "clean.d: pgd"), "GE503", "clean.d", "no player", "players"),
    Bad("another edition", change(SADDLE, "language 1", "language 2"), "GE021", "language 2", "not known", "language 1", "language 1"),
    # ---------------------------------------------------------------- binders, calls and definitions in detail
    Bad(
        "a sum over two sources",
        change(ROBUST, "E{(a, b) ~ test}[ correct(h(a), b) ]", "sum{(a, b) in test, (p, q) in train}[ correct(h(a), b) ]"),
        "GE290",
        "sum{(a, b) in test, (p, q) in train}",
        "two sources",
        "write `E`",
    ),
    Bad("a range with `~`", change(NASH, "j in 0..2", "j ~ 0..2"), "GE208", "j ~ 0..2", "run through", "`in`"),
    Bad("a range without a number", change(NASH, "j in 0..2", "j in 0..2 \\ 1"), "GE208", "0..2 \\ 1", "needed here", "x ~ data"),
    Bad("a word left out", change(NASH, "j in 0..2", 'j in 0..2 \\ {"a"}'), "GE207", '{"a"}', "left out", "label"),
    Bad("a gradient in two names", change(SADDLE, "x*y ]", "x*y + grad{x, y}[ x*y ] ]"), "GE208", "grad{x, y}", "one name", "grad{z}"),
    Bad(
        "a gradient per sample of what is shared",
        change(ROBUST, "[ ce(h(a + d), b) ]", "[ ce(h(a + d), b) + grad{s}[ s * ce(h(a + d), b) where s = 2 ] ]"),
        "GE290",
        "grad{s}",
        "every sample",
        "inside",
    ),
    Bad(
        "a definition with a range",
        change(SADDLE, "x*y ]", "x*y where p = 1 forall i in 0..2 ]"),
        "GE208",
        "p = 1 forall i in 0..2",
        "a name is defined",
        "write `a",
    ),
    Bad("where twice", change(SADDLE, "x*y ]", "x*y + p where p = 1, p = 2 ]"), "GE102", "p", "twice", "p_2"),
    Bad("an answer in two entries", change(BILEVEL, "argmin{w}", "argmin{w, u}"), "GE208", "argmin{w, u}", "one variable", "argmin{w}"),
    Bad("an answer without a set", change(BILEVEL, "var w: R\n", ""), "GE208", "w", "has no set", "var w"),
    Bad("two answers", change(BILEVEL, "] ]", "], w = argmin{w}[ w^2 ] ]"), "GE102", "w", "answered twice", "one of the two"),
    Bad("a family from 1", change(BETA, "forall k in 0..9", "forall k in 1..9"), "GE208", "1..9 \\ {b}", "from 0", "0..9"),
    Bad(
        "an equilibrium for a number",
        change(SADDLE, "x*y ]", "nash { min{x}[ x ] } ]"),
        "GE204",
        "nash { min{x}[ x ] }",
        "an equilibrium",
        "expression",
    ),
    Bad(
        "a response in a metric",
        BILEVEL + "metric m = w + p s.t. p = argmin{p in [0, 1]}[ p ]",
        "GE290",
        "p = argmin{p in [0, 1]}[ p ]",
        "in a metric",
        "solved",
    ),
    Bad("a call of a call", change(SADDLE, "x*y ]", "exp(x)(y) ]"), "GE204", "exp(x)", "only names", "multiply"),
    Bad("a function that only operators write", change(SADDLE, "x*y ]", "add(x, y) ]"), "GE101", "add", "unknown function", ""),
    Bad("parameters of a function", change(SADDLE, "x*y ]", "exp(x; y) ]"), "GE207", "y", "no network", "write `,`"),
    Bad("stop of two", change(SADDLE, "x*y ]", "stop(x, y) ]"), "GE207", "stop(x, y)", "1 argument", "give it 1"),
    Bad("the length of a number", change(SADDLE, "x*y ]", "len(2) ]"), "GE207", "len(2)", "data source", "len(train)"),
    Bad("half a draw", change(GAN, "run {", "metric m = norm(sample(G, noise, 1/2))\nrun {"), "GE207", "1/2", "number of draws", "4096"),
    Bad("a domain as a number", change(ROBUST, "ce(h(a + d), b)", "domain(a)"), "GE204", "domain(a)", "a set", "after `in`"),
    Bad("a domain of two", change(ROBUST, "& (domain(a) - a)", "& domain(a, b)"), "GE207", "domain(a, b)", "1 argument", "domain(a)"),
    Bad(
        "a column that is a word",
        change(ROBUST, "correct(h(a), b) ]", 'correct(h(a), b) ] + f1_score("a", test.b)'),
        "GE207",
        '"a"',
        "no column",
        "train.x",
    ),
    Bad(
        "an unknown argument of a metric",
        change(GAN, "run {", "metric m = share_within(sample(G, noise, 9), sample(ring8, 9), radius2 = 1)\nrun {"),
        "GE501",
        "radius2",
        "unknown argument",
        "radius",
    ),
    Bad("named arguments of a network", change(GAN, "log(D(x))", "log(D(x = x))"), "GE207", "x = x", "named", "place"),
    Bad("a number for parameters", change(GAN, "log(D(x))", "log(D(x; 1))"), "GE207", "1", "after `;`", "write `D`", "D"),
    Bad("a definition short of arguments", change(SADDLE, "x*y ]", "f(x) ]\ndef f(s, t) = s*t"), "GE207", "f(x)", "takes 2", "give it 2"),
    Bad(
        "a definition of another type",
        change(SADDLE, "x*y ]", "f([x, y]) ]\ndef f(s: R) = s"),
        "GE203",
        "[x, y]",
        "R[2] given, R needed",
        "give it R",
    ),
    Bad("a definition without a call", change(SADDLE, "x*y ]", "x*f ]\ndef f(s) = s"), "GE204", "f", "a definition", "write `f(..)`"),
    Bad("a set without `in`", change(SADDLE, "x*y ]", "g(Linf(1)) ]\ndef g(S) = x*y + S"), "GE204", "S", "a set", "write `in S`"),
    Bad("a set by an operator", change(SADDLE, "x*y ]", "x & y ]"), "GE204", "x & y", "makes a set", "after `in`"),
    Bad("a sum of words", change(SADDLE, "x*y ]", "x*y + sum([true]) ]"), "GE207", "true", "an array holds numbers", "numbers"),
    Bad("a word as an index", change(NASH, "cost[i]*q[i] -", "cost[true]*q[i] -"), "GE207", "true", "no index", "whole number"),
    Bad("half an index", change(NASH, "cost[i]*q[i] -", "cost[1/2]*q[i] -").replace("1/2", "0.5"), "GE207", "0.5", "whole number", "write `0`", "0"),
    Bad("a column of a number", change(SADDLE, "x*y ]", "x.y ]"), "GE204", "x.y", "data source", "train.x"),
    Bad("a player of two names", change(SADDLE, "min{x}", "min{(x, y)}"), "GE208", "(x, y)", "one variable per entry", "min{u, v}"),
    Bad("a family net", change(NASH, "min{q[i]}", "min{n}") + "net n: R -> R = mlp(4)\n", "GE301", "n", "many owners", "n[i]"),
    Bad("a set at a net", change(GAN, "min{G}", "min{G in Linf(1)}"), "GE290", "Linf(1)", "networks", "drop"),
    Bad("a class in a binder", change(SADDLE, "max{y}", "max{d: class[3]}"), "GE202", "class[3]", "number", "write `R`"),
    Bad(
        "a domain in a declaration",
        change(SADDLE, "var x: R", "var x: R in domain(y)").replace("var y: R\n", "").replace("var x", "var y: R\nvar x"),
        "GE404",
        "y",
        "not declared",
        "in [0, 1]",
    ),
    Bad(
        "two shifted sets",
        change(ROBUST, "Linf(eps) & (domain(a) - a)", "(domain(a) - a) & (domain(a) - a)"),
        "GE290",
        "(domain(a) - a) & (domain(a) - a)",
        "two shifted",
        "one",
    ),
    Bad(
        "a set by a word of another kind",
        change(SADDLE, "var x: R", "var x: R in y").replace("var y: R\n", "").replace("var x", "var y: R\nvar x"),
        "GE403",
        "y",
        "no set",
        "sets",
    ),
    Bad("a set that is called twice", change(SADDLE, "var x: R", "var x: R in Linf(1)(2)"), "GE403", "Linf(1)(2)", "a set is needed", "Linf"),
    Bad("a ball without a radius", change(SADDLE, "var x: R", "var x: R in Linf()"), "GE501", "Linf()", "needs `eps`", "Linf(eps)"),
    Bad("a ball with two", change(SADDLE, "var x: R", "var x: R in Linf(1, 2)"), "GE501", "2", "takes 1", "Linf(eps)"),
    Bad("a ball with a misspelt radius", change(SADDLE, "var x: R", "var x: R in Linf(1, esp = 2)"), "GE501", "esp", "unknown argument", "eps"),
    Bad("an interval of words", change(SADDLE, "var x: R", "var x in [0, true]"), "GE402", "true", "is a number", "inf"),
    Bad("an interval of three", "param p in [0, 1, 2] = 1\n" + SADDLE, "GE402", "[0, 1, 2]", "an interval is needed", "[0, 1]", "[0, 1]"),
    Bad("a param of another type", "param p: R[2] = 1\n" + SADDLE, "GE207", "1", "R[2] is declared", "drop"),
    Bad("half a whole param", "param p: Z = 1/2\n" + SADDLE, "GE207", "1/2", "index is declared", "drop"),
    Bad("a dim of half", "dim n = 1/2\n" + SADDLE, "GE202", "1/2", "whole number", "write `4`", "4"),
    Bad("a start that is a word", change(SADDLE, "var x: R", "var x: R init true"), "GE207", "true", "starts at a number", "uniform"),
    Bad("a dist of classes", change(GAN, "noise: R[8]", "noise: class[8]"), "GE202", "class[8]", "a sample is a number", "R[2]"),
    Bad("a network of classes", change(GAN, "net G: R[8]", "net G: class[8]"), "GE203", "class[8] -> R[2]", "numbers to numbers", "R[n]"),
    Bad("the negative of a word", "param p = -true\n" + SADDLE, "GE206", "-true", "only numbers", "number"),
    Bad("arithmetic with words", "param p = 1 + true\n" + SADDLE, "GE206", "1 + true", "two numbers", "number"),
    Bad("an operator of sets on numbers", "param p = 1 & 2\n" + SADDLE, "GE206", "1 & 2", "not evaluated", "number"),
    Bad("a call in a constant", "param p = norm(1)\n" + SADDLE, "GE206", "norm(1)", "a constant is needed", "number"),
    Bad("a schedule by a number", SADDLE + "run { schedule = 3 }", "GE501", "3", "a schedule is meant", "default", "default"),
    Bad("through nothing", BILEVEL + "schedule { w: through() }", "GE501", "through()", "1 argument", "through("),
    Bad("a list of nothing", SADDLE + "expect [1, 2] <= [1, 3]", "GE207", "[1, 2] <= [1, 3]", "one condition", "compare"),
    Bad("a family with a hole", change(SADDLE, "var x: R", "var x[i in 1..2]: R"), "GE208", "1..2", "from 0", "0..2"),
    Bad(
        "a block with a side",
        change(NASH, "forall i in 0..2 }", "forall i in 0..2 s.t. q[0] < 1 }"),
        "GE291",
        "q[0] < 1",
        "open ends",
        "<=",
    ),
    Bad("a block with a hole", change(NASH, "forall i in 0..2", "forall i in 1..2"), "GE208", "1..2", "from 0", "0..2", "0..2"),
    Bad("two orders", change(SADDLE, "x*y ]", "x*y ] order auto order auto"), "GE019", "order auto", "twice", "keep one"),
    Bad(
        "an order in an equilibrium",
        "language 1\nvar a in [0, 1]\nvar b in [0, 1]\nsolve nash { x: min{a} [ a*b ]  y: min{b} [ b - a*b ] } order a then b\n",
        "GE308",
        "order a then b",
        "nobody sees",
        "drop `nash`",
    ),
    Bad("a place taken twice", change(SADDLE, "x*y ]", "x*y ] order x then x"), "GE102", "order x then x", "two places", "once"),
    Bad("two names of a game", "game a\ngame b\n" + SADDLE, "GE102", "game b", "twice", "one of the two"),
    Bad("two arrows", change(GAN, "net G: R[8] -> R[2] =", "net G: (a: R[8]) -> (b: R[2]) ="), "GE202", "(b: R[2])", "one type", "write `R`"),
    Bad("a broken source", change(GAN, "= Normal(0, 1)", "= Norml(0, 1)"), "GE601", "Norml", "did you mean `Normal`", "Normal", "Normal"),
    Bad(
        "pgd for a network",
        change(ROBUST, "h: adam(lr = 0.002)", "h: pgd(steps = 3)"),
        "GE506",
        "pgd(steps = 3)",
        "answers nobody",
        "sgd",
        "sgd(lr = 0.1)",
    ),
    Bad("particles of a number", SADDLE + "schedule { x: particles(4), sgd(lr = 0.1) }", "GE506", "particles(4)", "stand for one", "drop"),
    Bad("two ways to choose", KINK + "schedule { j: hedge(0.1), enumerate }", "GE506", "enumerate", "would do nothing", "keep one"),
    Bad("two rules of steps", SADDLE + "schedule { x: sgd(lr = 0.2), adam(lr = 0.1) }", "GE506", "adam(lr = 0.1)", "would do nothing", "keep one"),
    Bad("a rule twice", SADDLE + "schedule { x: sgd(lr = 0.2), sgd(lr = 0.1) }", "GE506", "sgd(lr = 0.1)", "would do nothing", "keep one"),
    Bad("two methods", SADDLE + "schedule { method: nested, alternating }", "GE506", "alternating", "would do nothing", "keep one"),
    Bad("weights at rest", KINK + "schedule { j: hedge(lr = 0) }", "GE501", "hedge(lr = 0)", "never move", "hedge", "hedge(lr = 0.1)"),
    Bad("steps for a choice", BETA + "schedule { j: sgd(lr = 1) }", "GE506", "sgd(lr = 1)", "among few", "enumerate", "enumerate"),
    Bad("a network by Newton", change(ROBUST, "h: adam(lr = 0.002)", "h: newton"), "GE506", "newton", "few numbers", "sgd", "sgd(lr = 0.1)"),
    Bad("Newton's method for a sample", change(ROBUST, "pgd(steps = 10, lr = 0.04)", "newton"), "GE506", "newton", "few numbers", "pgd"),
    Bad("steps of a leader", SADDLE + "schedule { x: sgd(lr = 1, steps = 5) }", "GE506", "sgd(lr = 1, steps = 5)", "an answer", "repeat"),
    Bad("a response of a leader", SADDLE + "schedule { x: through(unroll) }", "GE506", "through(unroll)", "sees its answer", "drop"),
    Bad("Newton's method for a leader", SADDLE + "schedule { method: nested x: newton }", "GE506", "newton", "finds an answer", "sgd"),
    Bad("a choice for a network", change(ROBUST, "h: adam(lr = 0.002)", "h: enumerate"), "GE506", "enumerate", "not chosen", "sgd", "sgd(lr = 0.1)"),
    Bad(
        "a derivative that is not seen",
        change(ROBUST, "lr = 0.04)", "lr = 0.04), through(unroll)"),
        "GE506",
        "through(unroll)",
        "value",
        "envelope",
        "through(envelope)",
    ),
    Bad("copies for all at once", SADDLE + "schedule { method: simultaneous y: beam(K = 2) }", "GE506", "beam(K = 2)", "keeps no copies", "k_beam"),
    # ---------------------------------------------------------------- habits of other tools
    Bad(
        "s.t. behind the bracket",
        change(BILEVEL, "(u - w)^2  s.t. w = argmin{w}[ (w - u - 1)^2 ] ]", "(u - w)^2 ] s.t. w = argmin{w}[ (w - u - 1)^2 ]"),
        "GE016",
        "] s.t. w = argmin{w}[ (w - u - 1)^2 ]",
        "inside the bracket",
        "write `s.t.",
        "s.t. w = argmin{w}[ (w - u - 1)^2 ] ]",
    ),
    Bad(
        "subject to behind the bracket",
        "language 1\nvar x in [-1, 1]\nsolve min{x} [ x^2 ] subject to x >= 1/2\n",
        "GE016",
        "] subject to x >= 1/2",
        "inside the bracket",
        "subject to",
        "subject to x >= 1/2 ]",
    ),
    Bad("a variable with a value", change(SADDLE, "var x: R", "var x: R = 3"), "GE016", "=", "no value of its own", "init", "init"),
    Bad("a colon behind if", change(SADDLE, "x*y ]", "y * (if x > 0: x else -x) ]"), "GE016", "if x > 0:", "condition", "then", "if x > 0 then"),
    Bad(
        "a ball by its norm",
        change(ROBUST, "d in Linf(eps) & (domain(a) - a)", "d: norm(d, inf) <= eps"),
        "GE016",
        "d: norm(d, inf) <= eps",
        "from a set",
        "Linf",
        "d in Linf(eps)",
    ),
    Bad(
        "a ball by its norm alone",
        change(ROBUST, "d in Linf(eps) & (domain(a) - a)", "norm(d) <= eps/2"),
        "GE016",
        "norm(d) <= eps/2",
        "from a set",
        "L2",
        "d in L2(eps/2)",
    ),
    Bad(
        "a ball by bars",
        change(ROBUST, "d in Linf(eps) & (domain(a) - a)", "|d| <= eps"),
        "GE016",
        "|d| <= eps",
        "from a set",
        "Linf",
        "d in Linf(eps)",
    ),
    Bad("a half line", change(SADDLE, "min{x}", "min{x >= 0}"), "GE016", "x >= 0", "from a set", "in", "x in [0, inf]"),
    Bad("parameters of a player", change(ROBUST, "min{h}", "min{h.parameters()}"), "GE016", "h.parameters()", "by its name", "write `h`", "h"),
    Bad(
        "parameters in a formula",
        change(ROBUST, "[ ce(h(a + d), b) ]\nm", "[ ce(h(a + d), b) + norm(h.parameters())^2 ]\nm"),
        "GE204",
        "h.parameters",
        "no functions of its own",
        "params w",
    ),
    Bad(
        "fgsm", change(ROBUST, "d: pgd(steps = 10, lr = 0.04)", "d: fgsm()"), "GE501", "fgsm()", "another name", "pgd", "pgd(steps = 1, start = zero)"
    ),
    Bad("gd", change(SADDLE, "x*y ]", "x*y ]\nschedule { x: gd(0.1) }"), "GE501", "gd(0.1)", "another name", "descent", "descent(lr = 0.1)"),
    Bad(
        "cross_entropy",
        change(ROBUST, "max{d in Linf(eps) & (domain(a) - a)} [ ce(h(a + d), b) ]", "[ cross_entropy(h(a), b) ]")
        .replace("  d: pgd(steps = 10, lr = 0.04)", "")
        .replace("param eps in [0, 1] = 0.15\n", ""),
        "GE101",
        "cross_entropy",
        "did you mean `ce`",
        "write `ce`",
        "ce",
    ),
    Bad("epochs of nothing", SADDLE + "run { epochs = 3 }", "GE501", "epochs = 3", "has none", "steps", "steps = 1000"),
    Bad(
        "epochs of a stream",
        change(GAN, "steps = 10", "epochs = 2"),
        "GE501",
        "epochs = 2",
        "no data source here has an end",
        "steps",
        "steps = 1000",
    ),
    Bad(
        "a million terms",
        change(SADDLE, "x*y ]", "x*y + sum{i in 0..999_999}[ (x - i)^2 ] ]"),
        "GE211",
        "sum{i in 0..999_999}",
        "1000000 terms",
        "sum(c * x)",
    ),
    Bad(
        "a million terms in two sums",
        change(SADDLE, "x*y ]", "x*y + sum{i in 0..999}[ sum{j in 0..999}[ (x - i*j)^2 ] ] ]"),
        "GE211",
        "sum{j in 0..999}",
        "1000000 terms",
        "sum(c * x)",
    ),
    Bad(
        "the largest of a million",
        change(SADDLE, "x*y ]", "x*y + max{i in 0..999_999}[ (x - i)^2 ] ]"),
        "GE211",
        "max{i in 0..999_999}",
        "1000000 terms",
        "sum(c * x)",
    ),
    # ---------------------------------------------------------------- sources
    Bad(
        "a source without such a column",
        change(ROBUST, 'digits("test")', 'digits("test", targets = ["hue"])'),
        "GE602",
        'digits("test", targets = ["hue"])',
        "no column `hue`",
        "columns",
    ),
    Bad(
        "more rows than there are",
        change(ROBUST, 'digits("test")', 'digits("test", subset = 9999)'),
        "GE602",
        'digits("test", subset = 9999)',
        "rows",
        "ask",
    ),
    Bad(
        "another range than the data",
        change(ROBUST, "test: (a: image[1, 8, 8] in [0, 1]", "test: (a: image[1, 8, 8] in [0, 1/2]"),
        "GE602",
        "[0, 1/2]",
        "[0, 1]",
        "write `[0, 1]`",
        "[0, 1]",
    ),
    Bad(
        "another shape than the data",
        change(ROBUST, "test: (a: image[1, 8, 8]", "test: (a: image[1, 9, 9]"),
        "GE602",
        "(a: image[1, 9, 9] in [0, 1], b: class[10])",
        "gives R[64]",
        "declare",
    ),
    Bad(
        "images that are none",
        change(
            ROBUST,
            'test: (a: image[1, 8, 8] in [0, 1], b: class[10]) = digits("test")',
            'test: (a: R[64], b: class[10]) = digits("test", flip = true)',
        ),
        "GE602",
        'digits("test", flip = true)',
        "R[64] is declared",
        "image[channels",
    ),
    Bad(
        "images shifted out of sight",
        change(ROBUST, 'digits("test")', 'digits("test", pad = 8)'),
        "GE602",
        'digits("test", pad = 8)',
        "cannot be shifted by 8",
        "`pad = 1`",
    ),
    Bad("an unknown dist", change(GAN, "Normal(0, 1)", "Gaussian(0, 1)"), "GE601", "Gaussian", "unknown distribution", "Normal"),
    Bad("an unknown net", change(GAN, "R[2] = mlp(32)", "R[2] = mpl(32)"), "GE601", "mpl", "did you mean `mlp`", "write `mlp`", "mlp"),
    Bad("a number for a source", change(GAN, "Normal(0, 1)", "3"), "GE601", "3", "needed here", "by name"),
    # ---------------------------------------------------------------- followers of several leaders
    Bad(
        "an answer in each bracket",
        change(LEADERS.replace(" s.t. " + ANSWER, ""), "a*w ]", f"a*w s.t. {ANSWER} ]").replace("b*w ]", f"b*w s.t. {ANSWER} ]"),
        "GE301",
        "argmin{w}",
        "two owners",
        "`nash { .. s.t. w = argmin{w}[ .. ] }`",
    ),
    Bad("a player who answers as well", change(LEADERS, "b*w ]", "b*w ] third: min{w}[ w^2 ]"), "GE301", "min{w}", "two owners", "`third`"),
    Bad(
        "an answer behind the brace",
        LEADERS.replace(f" s.t. {ANSWER} }}", f" }} s.t. {ANSWER}"),
        "GE016",
        f"}} s.t. {ANSWER}",
        "inside the brace",
        f"`s.t. {ANSWER} }}`",
        f"s.t. {ANSWER} }}",
    ),
    Bad("an answer among the players", change(LEADERS, "s.t. w", "third: w"), "GE016", "third:", "answers them", "write `s.t.`", "s.t."),
    Bad(
        "an answer by an arrow",
        change(LEADERS, "w = argmin", "w <- argmin"),
        "GE291",
        "w <- argmin{w}[ (w - a - b)^2 ]",
        "given with `=`",
        "`w = argmin{w}[ .. ]`",
    ),
    Bad("names before an answer", change(LEADERS, "s.t. w", "where p = a s.t. w"), "GE016", "s.t.", "behind `s.t.`", "first"),
    # ---------------------------------------------------------------- what a hint names is in the file
    Bad(
        "a phase without an end",
        SADDLE + "schedule { phases: only(y), all }",
        "GE501",
        "only(y)",
        "last phase",
        "`only(y, steps = 100)`",
        "only(y, steps = 100)",
    ),
    Bad(
        "again before the end",
        SADDLE + "schedule { phases: again }",
        "GE501",
        "again",
        "last phase",
        "`phases: only(y, steps = 50), all(steps = 50), again`",
    ),
    Bad(
        "a phase of nobody",
        SADDLE + "schedule { phases: only(steps = 3), all }",
        "GE501",
        "only(steps = 3)",
        "names the players",
        "`only(y, steps = 100)`",
        "only(y, steps = 100)",
    ),
    Bad("half a step of a phase", SADDLE + "schedule { phases: only(x, steps = 2.5), all }", "GE501", "2.5", "whole number", "write `3`", "3"),
    Bad("a number left out", change(SADDLE, "max{y} [ x*y ]", "max{j in 0..2 \\ {1}} [ x*j ]"), "GE207", "{1}", "only a class", "`param a = [0, 2]`"),
    Bad("a leader of few", change(SADDLE, "min{x}", "min{i in 0..2}"), "GE403", "0..2", "only a follower", "`Simplex(3)`"),
    Bad("a list of choices", change(SADDLE, "max{y}", "max{j in {0, 2, 5}}"), "GE403", "{0, 2, 5}", "from a range", "`param a = [0, 2, 5]`"),
    Bad(
        "an average of weights",
        SADDLE + "schedule { x: sgd(lr = 0.1, average = uniform) }",
        "GE501",
        "average",
        "takes no average",
        "`method: simultaneous(average = uniform)`",
    ),
    Bad(
        "an average beside",
        SADDLE + "schedule { x: sgd(lr = 0.1), average = uniform }",
        "GE016",
        "average = uniform",
        "parentheses",
        "`method: simultaneous(average = uniform)`",
    ),
    Bad("an argument beside", SADDLE + "schedule { x: sgd(), lr = 0.1 }", "GE016", "lr = 0.1", "parentheses", "`sgd(lr = 0.1)`"),
    Bad("entries with commas", SADDLE + "schedule { x: sgd(), y: adam() }", "GE001", ",", "nothing needs a `,`", "remove the `,`"),
    Bad("a body in parentheses", change(SADDLE, "[ x*y ]", "( x*y )"), "GE013", "(", "in brackets", "`[ x*y ]`"),
    Bad("a draw in brackets", change(GAN, "E{z ~ noise}", "E[z ~ noise]"), "GE016", "E[z ~ noise]", "in braces", "`E{z ~ noise}`", "E{z ~ noise}"),
    Bad("a metric of a metric", SADDLE + "metric m = x\nmetric k = m + 1", "GE101", "m", "cannot name each other", "`let m_value = ..`"),
    Bad(
        "a constraint on no sample",
        change(ROBUST, "ce(h(a + d), b) ]\nmetric", "ce(h(a + d), b) s.t. eps >= 0.1 ]\nmetric"),
        "GE291",
        "eps >= 0.1",
        "says nothing of one sample",
        "leader's `s.t.`",
    ),
    # ---------------------------------------------------------------- distributions near a source
    Bad("an order above 2", change(BALL, "order = 2", "order = 3"), "GE292", "3", "above 2", "write `2`", "2"),
    Bad("an order below 1", change(BALL, "order = 2", "order = 0.5"), "GE501", "0.5", "no distance", "write `1`", "1"),
    Bad("a norm of 3", change(BALL, "norm = 1", "norm = 3"), "GE501", "3", "1, 2 or inf", "write `2`", "2"),
    Bad("a ball of no size", change(BALL, "0.5", "0"), "GE501", "0", "positive", "write `0.1`", "0.1"),
    Bad("a negative ball", change(BALL, "0.5", "-0.5"), "GE501", "-0.5", "positive", "write `0.1`", "0.1"),
    Bad("a ball around nothing", change(BALL, "Wball(moons", "Wball(moon"), "GE101", "moon", "did you mean `moons`", "write `moons`", "moons"),
    Bad("a choice without a family", change(BETA, "d[k] in argmax{t in", "d in argmax{t in"), "GE208", "", "family", "d[k]"),
)


@pytest.mark.parametrize("bad", ROWS, ids=lambda bad: bad.name)
def test_a_mistake_is_named_where_it_is(bad):
    """The first error has the code, stands on the text, says why, and says what to type."""
    found = errors(bad.text)

    assert {d.code for d in found} == {bad.code}, [(d.code, d.message) for d in found]
    if bad.span:
        assert under(bad.text, found[0]) == bad.span
    assert bad.cause in f"{found[0].message} {found[0].primary.text}"
    assert bad.hint in found[0].hint
    assert found[0].hint


@pytest.mark.parametrize("bad", [b for b in ROWS if b.fixed], ids=lambda bad: bad.name)
def test_typing_the_hint_repairs_the_program(bad):
    """Where a hint is a replacement, it is in the hint, and the program is right with it."""
    found = errors(bad.text)[0]
    span = found.primary.span
    repaired = bad.text[: span.start] + bad.fixed + bad.text[span.end :]

    assert f"`{bad.fixed}`" in found.hint
    assert errors(repaired) == []


@pytest.mark.parametrize("bad", ROWS, ids=lambda bad: bad.name)
def test_the_command_ends_with_one(bad, tmp_path, capsys):
    """`gamec check` shows the code and a hint, ends with 1, and never with a traceback."""
    path = tmp_path / "a.game"
    path.write_text(bad.text, encoding="utf-8")

    code = cli.main(["check", str(path)])

    shown = capsys.readouterr().err
    assert code == 1
    assert f"error[{bad.code}]" in shown
    assert "help:" in shown
    assert "Traceback" not in shown


SIX = """language 1
param eps = 1/0
data train: (a: R[64], b: class[10]) = digitz("train")
net h: R[64] -> logits[10] = linear(bais = true)
var x: R in Simplx(2)
var y: R
solve min{x} max{y} [ x*q ]
schedule fast { method: extragradiant }
"""


def test_all_mistakes_of_a_file_come_at_once():
    """Six statements with six mistakes give six errors, in the order of the file."""
    assert [d.code for d in errors(SIX)] == ["GE401", "GE601", "GE501", "GE403", "GE101", "GE501"]


def test_metrics_and_expectations_are_checked_without_a_game():
    """A mistake in the problem hides none behind it."""
    text = change(SADDLE, "x*y ]", "x*z ]") + "metric m = foo\nrun { sed = 1 }\nexpect bar <= 1\n"

    assert [under(text, d) for d in errors(text)] == ["z", "foo", "sed", "bar"]


def test_what_follows_from_a_mistake_is_not_reported():
    """Uses of a name whose declaration failed are silent."""
    text = change(ROBUST, "small_cnn(16)", "smal_cnn(16)")

    assert [(d.code, under(text, d)) for d in errors(text)] == [("GE601", "smal_cnn")]


def test_a_binary_file_is_no_game(tmp_path, capsys):
    """Bytes that are no text end in one error."""
    path = tmp_path / "a.game"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe" * 100)

    assert cli.main(["check", str(path)]) == 1
    assert "error[GE005]" in capsys.readouterr().err


def test_a_missing_file_is_named(tmp_path, capsys):
    """A path that leads nowhere is an error with the path in it."""
    assert cli.main(["check", str(tmp_path / "none.game")]) == 1
    assert "none.game" in capsys.readouterr().err


@pytest.mark.parametrize("bracket", ["(", "[", "{", "([{"])
def test_ten_megabytes_of_brackets_are_refused_at_once(bracket, tmp_path, capsys):
    """No file can keep the command busy."""
    path = tmp_path / "a.game"
    path.write_text("solve min{x}[ " + bracket * (10_000_000 // len(bracket)), encoding="utf-8")

    codes: list[int] = []

    assert calls(lambda: codes.append(cli.main(["check", str(path)]))) < 200_000
    assert codes == [1]
    assert re.search(r"error\[GE00\d\]", capsys.readouterr().err)


def test_data_that_was_not_given_is_missed_at_the_run(tmp_path, capsys):
    """`= given` needs somebody who gives: without, the run ends with 4."""
    path = tmp_path / "a.game"
    path.write_text(change(ROBUST, 'digits("train")', "given"), encoding="utf-8")

    assert cli.main(["check", str(path)]) == 0
    assert cli.main(["run", str(path), "--quiet", "--out", str(tmp_path)]) == 4
    assert "error[GE604]" in capsys.readouterr().err


@pytest.mark.parametrize("rows", ["(a: image[1, 8, 8] in [0, 255], b: class[10])", "(a: image[1, 8, 8], b: class[10]) in [0, 255]"])
def test_data_far_inside_of_their_range_are_noticed(rows):
    """Pixels between 0 and 1, declared as 0 to 255, let `Linf(8)` pass: the warning has the range of the data, ready to be typed."""
    text = change(ROBUST, "train: (a: image[1, 8, 8] in [0, 1], b: class[10])", f"train: {rows}").replace("= 0.15", "= 1")
    (found,) = [d for d in said(text) if d.code == "GW414"]

    assert under(text, found) == "[0, 255]"
    assert "values in [0, 1]" in found.message
    assert found.hint == "write `[0, 1]`"
    assert [d.code for d in said(text.replace("[0, 255]", "[0, 1]"))] == []


def test_an_answer_that_nobody_reads_is_noticed():
    """A leader, another follower or a metric reads it, or else it changes nothing."""
    text = change(BILEVEL, "(u - w)^2  s.t.", "u^2  s.t.")

    assert [(d.code, under(text, d)) for d in said(text)] == [("GW316", "argmin{w}")]
    assert said(text + "metric far = (u - w)^2\n") == []
    assert said(BILEVEL) == []


def test_every_note_and_warning_stands_somewhere():
    """The working programs say nothing, or something with a place."""
    assert [d.code for d in said(ROBUST)] == []
