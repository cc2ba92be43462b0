"""For every code the smallest program that shows it and the change that mends it, or the command that shows it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Example:
    """`bad` shows a code; with `was` replaced by `becomes` it does not. `command` where no text of a game can."""

    bad: str = ""
    was: str = ""
    becomes: str = ""
    command: str = ""

    @property
    def good(self) -> str:
        """The program without the mistake."""
        return self.bad.replace(self.was, self.becomes, 1)


def _square(body: str, was: str, becomes: str) -> Example:
    """One player whose objective has the mistake."""
    return Example(f"language 1\nvar u in [-1, 1]\nsolve min{{u}} [ {body} ]\n", was, becomes)


def _before(lines: str, was: str, becomes: str) -> Example:
    """One player, and the mistake in a statement before the game."""
    return Example(f"language 1\n{lines}\nvar u in [-1, 1]\nsolve min{{u}} [ u^2 ]\n", was, becomes)


def _after(lines: str, was: str, becomes: str) -> Example:
    """One player, and the mistake in a statement behind the game."""
    return Example(f"language 1\nvar u in [-1, 1]\nsolve min{{u}} [ u^2 ]\n{lines}\n", was, becomes)


def _learn(lines: str, was: str, becomes: str) -> Example:
    """A classifier of digits, with the mistake in how it learns."""
    head = 'language 1\ndata train: (a: R[64] in [0, 1], b: class[10]) = digits("train")\nnet h: R[64] -> logits[10] = linear()\n'
    return Example(f"{head}{lines}\n", was, becomes)


EXAMPLES: dict[str, Example] = {
    # 0: syntax
    "GE001": _after("run { steps = 3,  seed = 2 }", "3,", "3"),
    "GE002": _square("(u - 1", "(u - 1", "(u - 1)^2"),
    "GE003": _square("2u + u^2", "2u", "2*u"),
    "GE004": Example("# a comment only\n", "# a comment only\n", "language 1\nvar u in [0, 1]\nsolve min{u} [ u^2 ]\n"),
    "GE005": Example(command="gamec check picture.png"),
    "GE006": Example(command="gamec check ten_million_lines.game"),
    "GE007": _square("(" * 210 + "u" + ")" * 210, "(" * 210 + "u" + ")" * 210, "u"),
    "GE008": _before("let big = 1e999", "1e999", "inf"),
    "GE009": Example("language 1\nvar u in [0, 1]\nsovle min{u} [ u^2 ]\n", "sovle", "solve"),
    "GE010": Example(
        "language 1\nvar net in [0, 1]\nsolve min{x} [ 1 ]\n", "var net in [0, 1]\nsolve min{x} [ 1 ]", "var x in [0, 1]\nsolve min{x} [ x^2 ]"
    ),
    "GE011": _after('metric name = "u', '"u', "u"),
    "GE012": _square("2 × u", "×", "*"),
    "GE013": Example("language 1\nvar u in [0, 1]\nsolve min_{u} [ u^2 ]\n", "min_", "min"),
    "GE014": _after("expect u = 0", "=", "=="),
    "GE015": _before("let f =", "f =", "f = 1"),
    "GE016": _square("u**2", "**", "^"),
    "GE017": _square("u²", "²", "^2"),
    "GE018": _after("metric size = norm(ord = 2, u)", "ord = 2, u", "u, 2"),
    "GE019": Example("language 1\nvar u in [0, 1]\nsolve min{u} [ u^2 ] order auto order auto\n", "order auto order auto", "order auto"),
    "GE020": _before('data d: R[2] = csv("C:\\data")\n', 'data d: R[2] = csv("C:\\data")', "let d = 1"),
    "GE021": Example("language 7\nvar u in [0, 1]\nsolve min{u} [ u^2 ]\n", "7", "1"),
    "GW001": Example("var u in [0, 1]\nsolve min{u} [ u^2 ]\n", "var", "language 1\nvar"),
    # 1: names
    "GE101": _square("w^2", "w", "u"),
    "GE102": _before("let c = 1\nlet c = 2", "let c = 2", "let d = 2"),
    "GE104": _square("sum{u in 0..2}[ u ]", "sum{u in 0..2}[ u ]", "sum{k in 0..2}[ u^2 ]"),
    "GE105": Example("language 1\nvar u in [-1, 1]\nlet a = b\nlet b = a + u\nsolve min{u} [ a ]\n", "let a = b", "let a = u"),
    "GE106": Example('language 1\nimport "/lib.game" as lib\nvar u in [0, 1]\nsolve min{u} [ u^2 ]\n', 'import "/lib.game" as lib\n', ""),
    "GE107": Example(command="gamec check game_that_imports_a_game.game"),
    "GW110": _before("let exp = 2", "let exp", "let power"),
    "GW115": _before("param clip_value = 0.01", "param clip_value = 0.01\n", ""),
    # 2: types
    "GE202": Example("language 1\nvar u: Real\nsolve min{u} [ u^2 ]\n", "Real", "R"),
    "GE203": Example("language 1\nvar u: R[3]\nsolve min{u} [ norm(u - [1, 2])^2 ]\n", "[1, 2]", "[1, 2, 3]"),
    "GE204": Example("language 1\nvar u: R[3]\nsolve min{u} [ u ]\n", "[ u ]", "[ norm(u)^2 ]"),
    "GE205": Example("language 1\nvar u in [0, 1]\nsolve min{u} max{v in Linf(1)} [ u*v ]\n", "max{v in", "max{v: R in"),
    "GE206": Example("language 1\nvar u in [0, 1]\nvar v in [0, u]\nsolve min{u} max{v} [ u*v ]\n", "[0, u]", "[0, 1]"),
    "GE207": _square("abs(u, 2)", "abs(u, 2)", "abs(u)"),
    "GE208": _square("sum{k}[ u^2 ]", "{k}", "{k in 0..2}"),
    "GE209": _learn("solve min{h} E{(a, b, c) ~ train} [ ce(h(a), b) ]", "(a, b, c)", "(a, b)"),
    "GE210": _learn(
        "var v in [0, 1]\nsolve min{h} E{(a, b) ~ train} max{v} [ v * ce(h(a), b) ]", "E{(a, b) ~ train} max{v}", "max{v} E{(a, b) ~ train}"
    ),
    "GE211": Example(command="gamec check nested_definitions.game"),
    "GE212": Example("language 1\nvar u: R[3]\nsolve min{u} [ f1_score(u, u) ]\n", "f1_score(u, u)", "norm(u)^2"),
    "GE213": Example(
        "language 1\ndata d: R[2] = moons()\nvar u: R[2]\nsolve min{u} E{x ~ d} [ norm(u - x)^2 + E{y ~ d}[ norm(u - y)^2 ] ]\n",
        " + E{y ~ d}[ norm(u - y)^2 ]",
        "",
    ),
    "GE290": _before("var w: R in Simplex(2) & Linf(1)", "var w: R in Simplex(2) & Linf(1)\n", ""),
    "GE291": _square("u^2 s.t. u < 1/2", "u < 1/2", "u <= 1/2"),
    "GE292": Example(command="gamec emit game.game"),
    # 3: structure of the game
    "GE301": Example("language 1\nvar u in [0, 1]\nsolve min{u} max{u} [ u^2 ]\n", " max{u}", ""),
    "GE302": Example("language 1\nparam c = 1\nvar u in [0, 1]\nsolve min{c} [ c*u^2 ]\n", "{c}", "{u}"),
    "GE303": _learn("net k: R[64] -> R = linear() frozen\nsolve min{h} min{k} E{(a, b) ~ train} [ k(a)^2 * ce(h(a), b) ]", " min{k}", ""),
    "GE304": Example(
        "language 1\nvar u: R\nvar w: R\nvar v: R\nsolve min{u} [ (u - w)^2 s.t. w = argmin{v}[ (v - u)^2 ] ]\n",
        "var v: R\nsolve min{u} [ (u - w)^2 s.t. w = argmin{v}[ (v - u)^2 ] ]",
        "solve min{u} [ (u - w)^2 s.t. w = argmin{w}[ (w - u)^2 ] ]",
    ),
    "GE305": Example("language 1\nlet f = 2\n", "let f = 2", "var u in [0, 1]\nsolve min{u} [ u^2 ]"),
    "GE306": Example("language 1\nvar u in [0, 1]\nvar v in [0, 1]\nsolve min{u} [ u - v ]\n", "min{u}", "min{u} max{v}"),
    "GE307": Example("language 1\nvar u in [0, 1]\nsolve min{u in [0, 2]} [ u^2 ]\n", "{u in [0, 2]}", "{u}"),
    "GE308": Example(
        "language 1\nvar u in [0, 1]\nvar v in [0, 1]\nsolve min{u} max{v} [ u*v ] order v then u\n", "order v then u", "order u then v"
    ),
    "GE309": Example(command="gamec explain --solve no_such_label game.game"),
    "GE312": _learn("solve min{h} E{(a, b) ~ train} [ 1 - correct(h(a), b) ]", "1 - correct(h(a), b)", "ce(h(a), b)"),
    "GW301": Example("language 1\nvar u in [0, 1]\nsolve min{u} min{v in [0, 1]} [ u*v ]\n", "min{v", "max{v"),
    "GW313": Example(
        "language 1\nvar u: R\nvar w: R\nsolve min{u} [ (u - w)^2  s.t. w in argmin{w}[ w^2 ] ]\n", "argmin{w}[ w^2 ]", "argmin{w}[ (w - u + 1)^2 ]"
    ),
    "GW316": Example(
        "language 1\nvar u in [-1, 1]\nvar w in [-1, 1]\nsolve min{u} [ u^2  s.t. w = argmin{w}[ (w - u)^2 ] ]\n", "[ u^2 ", "[ u^2 + w "
    ),
    "GW314": _square("u^2 + exp(stop(u))", " + exp(stop(u))", ""),
    "GE315": Example(
        "language 1\ndata tr: image[1, 16, 16] = given\nnet D: image[1, 16, 16] -> R = conv4(4)\n"
        "solve min{D} E{x ~ tr}[ D(x) + (norm(grad{x}[ D(x) ]) - 1)^2 ]\n",
        "conv4(4)",
        "conv4(4, norm = group)",
    ),
    "GW320": Example(command="gamec explain game.game"),
    "GN303": Example(
        "language 1\nvar u: R\nvar v: R\nvar w: R\nsolve min{u} [ -min{v}[ v^2 - u*v ] + min{w}[ (w - u)^2 ] ]\n",
        "+ min{w}[ (w - u)^2 ]",
        "+ max{w}[ u - w^2 ]",
    ),
    "GN305": Example("language 1\nvar c in [-1, 1]\nvar u in [0, 1]\nvar v in [0, 1]\nsolve min{u, c} [ c * max{v}[ u*v ] ]\n", "[-1, 1]", "[0, 1]"),
    "GN310": Example(command="gamec explain game.game"),
    # 4: sets and ranges
    "GE401": Example("language 1\nparam c = 1/0\nvar u in [0, 1]\nsolve min{u} [ c*u ]\n", "1/0", "1/2"),
    "GE402": Example("language 1\nvar u in [1, 0]\nsolve min{u} [ u^2 ]\n", "[1, 0]", "[0, 1]"),
    "GE403": Example("language 1\nvar u in simplx(3)\nsolve min{u} [ norm(u) ]\n", "simplx", "Simplex"),
    "GE404": Example(
        'language 1\ndata d: R[64] = digits("train", targets = [])\nvar u: R[64]\n'
        "solve min{u} E{a ~ d} max{e in Linf(0.1) & (domain(a) - a)} [ norm(u - a - e)^2 ]\n",
        "R[64] =",
        "R[64] in [0, 1] =",
    ),
    "GE405": Example("language 1\nvar u in [0, 1] init 2\nsolve min{u} [ u^2 ]\n", "init 2", "init 1/2"),
    "GE410": _learn("solve min{h} E{(a, b) ~ train} max{d in Linf(8) & (domain(a) - a)} [ ce(h(a + d), b) ]", "Linf(8)", "Linf(8/255)"),
    "GW403": _square("-log(u)", "log(u)", "log(u + 2)"),
    "GN412": Example(
        "language 1\ndata tr: (x: image[1, 16, 16], y: class[3]) = given\nnet h: image[1, 16, 16] -> logits[3] = conv4(4)\n"
        "solve min{h} E{(x, y) ~ tr} max{d in Linf(0.1)} [ ce(h(x + d), y) ]\n",
        "conv4(4)",
        "small_cnn(4)",
    ),
    "GN413": _learn("solve min{h} E{(a, b) ~ train} max{d in Linf(0.031) & (domain(a) - a)} [ ce(h(a + d), b) ]", "0.031", "8/255"),
    "GW411": _learn("solve min{h} E{(a, b) ~ train} max{d in Linf(0.1)} [ ce(h(a + d), b) ]", "Linf(0.1)", "Linf(0.1) & (domain(a) - a)"),
    # 5: schedule and run
    "GW414": Example(
        'language 1\ndata train: (a: R[64] in [0, 255], b: class[10]) = digits("train")\nnet h: R[64] -> logits[10] = linear()\n'
        "solve min{h} E{(a, b) ~ train} [ ce(h(a), b) ]\n",
        "[0, 255]",
        "[0, 1]",
    ),
    "GW415": Example(
        'language 1\ndata train: (a: R[2], b: class[2]) = moons(n = 64)\nvar u: R[2]\nvar p: Dist(train) in Wball(train, 0.5, norm = 2, order = 1)\n'
        "solve min{u} max{p} E{(a, b) ~ p} [ norm(a - u)^2 ]\n",
        "order = 1",
        "order = 2",
    ),
    "GE501": _after("schedule { u: sgd(rate = 0.1) }", "rate", "lr"),
    "GE502": _after("run { schedule = slow }", "slow", "default"),
    "GE503": _after("schedule { v: sgd() }", "v:", "u:"),
    "GE504": Example(command="gamec run game.game --set epsilon=0.1"),
    "GE505": Example(command="gamec run pgd_digits.game --schedule with_a_method_for_matrices"),
    "GE506": _after("schedule { u: pgd(steps = 3) }", "pgd(steps = 3)", "sgd(lr = 0.1)"),
    "GE508": _learn(
        'data test: (x: R[64] in [0, 1], y: class[10]) = digits("test")\nsolve min{h} E{(a, b) ~ train} [ ce(h(a), b) ]\n'
        "metric hit = E{(x, y) ~ test}[ correct(h(x), y) ]\nrun { batch = 64  keep = best(hit) }",
        "  keep = best(hit)",
        "",
    ),
    "GW505": Example(command="gamec run anti_saddle.game, with `method: simultaneous` in its schedule"),
    "GW507": _learn(
        "solve min{h} E{(a, b) ~ train} [ ce(h(a), b) ]\nmetric hit = E{(a, b) ~ train}[ correct(h(a), b) ]",
        "\nmetric hit = E{(a, b) ~ train}[ correct(h(a), b) ]",
        "",
    ),
    "GN514": _learn(
        'data test: (x: R[64] in [0, 1], y: class[10]) = digits("test")\n'
        "solve min{h} E{(a, b) ~ train} max{d in Linf(0.1) & (domain(a) - a)} [ ce(h(a + d), b) ]\n"
        "metric robust = E{(x, y) ~ test} min{e in Linf(0.1) & (domain(x) - x)} [ -ce(h(x + e), y) ]\n"
        "schedule { d: pgd(steps = 1)  robust.e: pgd(steps = 1) }",
        "robust.e: pgd(steps = 1)",
        "robust.e: pgd(steps = 20)",
    ),
    # 6: linking
    "GE601": Example("language 1\nnet k: R[2] -> R = mpl(64) frozen\nvar u: R[2]\nsolve min{u} [ k(u)^2 ]\n", "mpl", "mlp"),
    "GE602": _learn('data more: (a: R[9], b: class[10]) = digits("test")\nsolve min{h} E{(a, b) ~ train} [ ce(h(a), b) ]', "R[9]", "R[64]"),
    "GE603": Example(command="gamec check not_there.game"),
    "GE604": Example(command="gamec run game_with_a_given_network.game"),
    "GE605": Example(command="gamec run game_with_parquet_data.game"),
    "GW605": Example(command="gamec run game.game --log wandb"),
    "GE606": Example(command="gamec run game.game --device cuda:99"),
    "GE607": Example(command="python -c 'game.solve(nets={..})'"),
    "GE608": Example(command="gamec replay runs/copied_in_part"),
    "GE609": Example(command="gamec report runs/killed_on_the_way"),
    "GE610": Example(command="gamec run game.game --out /a_full_disk"),
    "GE611": Example(command="gamec run --resume runs/finished"),
    "GE612": Example(command="gamec run game_with_a_network_from_outside.game"),
    # 7: solving
    "GE701": Example(command="gamec run game_with_data_from_outside.game"),
    "GE702": Example(command="gamec run diverging.game"),
    "GE703": Example(command="gamec run game_too_large_for_memory.game"),
    "GW704": Example(command="gamec run game_with_a_step_no_compiler_takes.game --compile on"),
    "GW710": Example(command="gamec run game_with_a_large_rate.game"),
    "GW711": Example(command="gamec run game_with_a_random_network.game"),
    "GW712": Example(command="gamec run tests/truth/catastrophic_overfitting.game"),
    "GW713": Example(command="gamec run game_with_large_logits.game"),
    "GW714": Example(command="gamec run game_with_a_collapsing_generator.game"),
    "GW715": Example(command="gamec run game_with_a_given_network.game"),
    "GW717": Example(command="gamec run game_with_a_network_that_counts_its_calls.game"),
    "GW718": Example(command="gamec run game_with_a_search_from_outside.game"),
    "GW719": Example(command="gamec run game_with_a_softmax_from_outside.game"),
    "GW720": Example(command="gamec run game_with_a_backward_inside.game"),
    "GW721": Example(command="gamec run game_with_too_large_a_rate.game"),
    "GW722": Example(command="gamec run game_with_a_network_that_draws.game"),
    "GW716": Example(command="gamec run game_with_a_growing_network.game"),
}
