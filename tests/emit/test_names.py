"""What names cannot do: hide a part of the program, change a number, or meet each other."""

from __future__ import annotations

import ast
import builtins
import keyword

import pytest

from gamespec.emit.link import linkable
from gamespec.emit.spell import attribute, spelled
from tests.emit.build import compiled, played, program

PLAIN = """language 1
game names
param P = 0.3
param M = [[1, 2], [3, 4]]
var X: R[2] in [-1, 1] init 0.4
var Y: R[2] in [-1, 1] init -0.2
solve min{X} max{Y} [ P*sum(X * (M @ Y)) + norm(X)^2 - norm(Y)^2 ]
schedule { METHOD }
run { steps = 3 }
"""
NETWORKS = """language 1
game names
param P = 0.2
data T: (A: R[64] in [0, 1], B: class[10]) = digits("train")
net H: R[64] -> logits[10] = linear()
solve min{H} E{(A, B) ~ T} max{D in Linf(P)} [ ce(H(A + D), B) ]
metric Q = E{(A, B) ~ T} min{W in Linf(P)} [ correct(H(A + W), B) ]
schedule { H: sgd(lr = 0.1)  D: pgd(steps = 2)  Q.W: pgd(steps = 2, restarts = 2, surrogate = [ce, margin]) }
run { batch = 16  steps = 2 }
"""
RESERVED_WORDS = {"language", "game", "import", "param", "dim", "data", "dist", "net", "var", "def", "let", "assume", "solve", "schedule",
                  "metric", "run", "expect"}  # fmt: skip
AWKWARD = [
    "leaf", "margin", "s", "step", "k", "table", "torch", "math", "class", "lambda", "print", "F", "Tensor", "State", "rng", "best", "state",
    "status", "x_ahead", "x_best", "x_", "objective_x", "value_x", "g_x", "stream", "check", "main", "seed", "steps", "points", "at", "here",
    "terms", "θ", "λ", "δ", "len", "type", "match", "DTYPE", "project_box", "SEED", "losses", "saved", "v", "t", "p", "q", "f", "z", "point",
]  # fmt: skip


def renamed(text, names):
    """The game with its one-letter names replaced."""
    for old, new in names.items():
        text = "".join(f" {new} " if token == old else token for token in _tokens(text))
    return text


def _tokens(text):
    word = ""
    for char in text:
        if char.isalnum() or char == "_":
            word += char
            continue
        yield from (word, char)
        word = ""
    yield word


def bits(module, steps=2):
    """The numbers of a run, without the names."""
    s, status = module.train(steps=steps)
    looks = [list(module.probe(s).values()), list(module.measure(s).values()), [c["value"] for c in module.certify(s)]]
    return [t.tolist() for t in module.save(s)], looks, status


@pytest.mark.parametrize("method", ["method: extragradient", "method: alternating", "method: k_beam(K = 3)"])
def test_numbers_do_not_depend_on_names(method):
    """Alpha-renaming: variables and params under names of Python, torch and the program give the same bits."""
    text = PLAIN.replace("METHOD", method)
    expected = bits(program(text))
    for k in range(0, len(AWKWARD) - 3, 4):
        names = dict(zip("XYPM", AWKWARD[k : k + 4], strict=True))

        assert bits(program(renamed(text, names))) == expected, names


def test_numbers_of_networks_do_not_depend_on_names():
    """The same for networks, data, samples, perturbations and metrics."""
    expected = bits(program(NETWORKS))
    for first in range(0, len(AWKWARD) - 8, 8):
        names = dict(zip("HATBDWPQ", AWKWARD[first : first + 8], strict=True))

        assert bits(program(renamed(NETWORKS, names))) == expected, names


def test_spelled_names_never_meet():
    """Different names stay different, and none is a word of Python or of the program."""
    names = [*AWKWARD, *(f"{n}_" for n in AWKWARD), *(f"{n}__" for n in AWKWARD), *keyword.kwlist, *dir(builtins), *linkable()]
    spellings = {n: spelled(n) for n in set(names)}

    assert len(set(spellings.values())) == len(spellings)
    assert not {*spellings.values()} & {*keyword.kwlist, *dir(builtins), *linkable()}
    assert len({attribute(n) for n in spellings}) == len(spellings)


@pytest.mark.parametrize("text", [NETWORKS, PLAIN.replace("METHOD", "method: k_beam(K = 3)"), PLAIN.replace("METHOD", "")])
def test_every_name_of_the_program_is_known_to_be_one(text):
    """A local name beside names of the game is either derived from them or reserved, so that no game can take it."""
    _, made = compiled(text)
    tree = ast.parse(made.program.text)
    ours = {"X", "Y", "P", "M", "H", "A", "T", "B", "D", "W", "Q"}
    library = linkable()
    free = {"train", "report", "main", "restore", "save", "link"}
    found = set()
    for function in tree.body:
        if isinstance(function, ast.FunctionDef) and function.name not in library | free:
            if function.name in ("loop", "residual"):  # single numbers are given names that nothing else has
                found |= {function.name, *(a.arg for a in function.args.args)}
                continue
            comprehended = {
                n.id for c in ast.walk(function) if isinstance(c, ast.comprehension) for n in ast.walk(c.target) if isinstance(n, ast.Name)
            }
            assigned = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)} - comprehended
            found |= assigned | {a.arg for a in function.args.args}
            found.add(function.name)

    assert {n for n in found if spelled(n) == n} <= ours


def test_minimising_is_maximising_the_negative():
    """Min f and max -f move alike."""
    text = "language 1\ngame sign\nvar x: R init 0.3\nvar y: R init 0.2\nsolve nash {{ a: {0}  b: max{{y}}[ x*y - y^2 ] }}\nrun {{ steps = 5 }}"
    down = bits(program(text.format("min{x}[ x^2 + x*y ]")), 5)[0]
    up = bits(program(text.format("max{x}[ -(x^2 + x*y) ]")), 5)[0]

    assert down == up


def test_players_may_stand_in_any_order():
    """Permuting the players of a block changes no number of theirs."""
    head = "language 1\ngame permuted\nvar x: R init 0.3\nvar y: R init 0.2\nsolve nash { "
    a, b = "a: min{x}[ x^2 + x*y ] ", "b: max{y}[ x*y - y^2 ] "
    one, other = program(head + a + b + "}\nrun { steps = 5 }"), program(head + b + a + "}\nrun { steps = 5 }")

    assert bits(one, 5)[0] == bits(other, 5)[0]


def test_players_that_own_names_which_join_alike_stay_apart():
    """`min{a, b}` beside a player who owns `a_b`."""
    text = (
        "language 1\n"
        "game join\n"
        "var a: R init 1\n"
        "var b: R init 1\n"
        "var a_b: R init 1\n"
        "solve min{a, b} max{a_b} [ a^2 + b^2 + a*a_b - a_b^2 ]\n"
        "run { steps = 2 }"
    )
    _, s, losses = played(text)

    assert set(losses) == {"a+b", "a_b"}
    assert float(s.a) < 1
