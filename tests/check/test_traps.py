"""Mistakes that other tools make in silence: each is found in a text, cannot be written, or is absent from every program.

The ids are those of the project's list of static checks.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from gamespec import api, pipeline
from gamespec.report.source import Source
from tests.check.programs import GAN, ROBUST, said

TESTS = Path(__file__).parents[1]


@dataclass(frozen=True)
class Trap:
    """A mistake: `how` it is met, a `program` that makes it, and the `code` that it must get.

    Where no text can make it, `shows` are patterns that the emitted program has in this order, `lacks` one that it has
    not, and `test` is the test of what the program does.
    """

    id: str
    how: str
    program: str = ""
    code: str = ""
    shows: tuple[str, ...] = ()
    lacks: str = ""
    test: str = ""

    def __str__(self) -> str:
        """As a test is called."""
        return f"{self.id} {self.how}"


def learning(loss: str, more: str = "") -> str:
    """A classifier of digits with a loss."""
    head = 'language 1\ndata train: (x: R[64] in [0, 1], y: class[10]) = digits("train")\nnet h: R[64] -> logits[10] = mlp(8)\n'
    return f"{head}solve min{{h}} E{{(x, y) ~ train}} {loss}\n{more}"


def attacked(radius: str, steps: int = 10) -> str:
    """A classifier of digits under an attack, trained and reported with so many steps."""
    return learning(
        f"max{{d in {radius}}} [ ce(h(x + d), y) ]",
        'data test: (a: R[64] in [0, 1], b: class[10]) = digits("test")\n'
        "metric robust = E{(a, b) ~ test} min{e in Linf(0.1) & (domain(a) - a)} [ -ce(h(a + e), b) ]\n"
        f"schedule {{ d: pgd(steps = {steps})  robust.e: pgd(steps = {steps}) }}\n",
    )


def emitted(text: str) -> str:
    """The program of a game; what is declared as given is given."""
    checked = pipeline.check(Source("g.game", text))
    return pipeline.compile(checked).program.text


INSIDE = "Linf(0.1) & (domain(x) - x)"
SIMULTANEOUS = GAN + "schedule { method: simultaneous  G: sgd(lr = 0.1)  D: sgd(lr = 0.1) }\n"
LOOKING_AHEAD = """language 1
data ring: R[2] = mog(modes = 8)
net D: R[2] -> R = mlp(8)
var c: R[2] in [0, 1]
solve min{c} max{D} E{x ~ ring}[ D(x + c) - D(x)^2 ]
schedule { method: extragradient  c: sgd()  D: sgd() }
"""
IMAGES = """language 1
data train: (x: image[1, 16, 16], y: class[3]) = given
net h: image[1, 16, 16] -> logits[3] = conv4(4)
solve min{h} E{(x, y) ~ train} max{d in Linf(0.1)} [ ce(h(x + d), y) ]
"""
PENALTY = """language 1
data real: image[1, 16, 16] = given
dist noise: R[4] = Normal(0, 1)
net G: R[4] -> image[1, 16, 16] = dcgan_generator(4)
net D: image[1, 16, 16] -> R = conv4(4)
solve min{G} max{D} [ E{x ~ real}[ D(x) - (norm(grad{x}[ D(x) ]) - 1)^2 ] - E{z ~ noise}[ D(G(z)) ] ]
"""
GLOBAL = r"\bimport (numpy|random)\b|torch\.manual_seed|torch\.seed\("
MOVED = (r"with playing\(", r"with playing\(\[s\.h\], \[\]\)")
IGNORING = "language 1\nvar u: R\nvar w: R\nsolve min{u} [ (u - w)^2 s.t. w in argmin{w}[ w^2 ] ]\n"
PER_SAMPLE = learning("max{v} [ v * ce(h(x), y) ]").replace("solve", "var v in [0, 1]\nsolve")
KEPT = """data test: (a: R[64] in [0, 1], b: class[10]) = digits("test")
metric hit = E{(a, b) ~ test}[ correct(h(a), b) ]
run { keep = best(hit) }
"""

TRAPS = (
    Trap("L1", "a note says that others stand in eval mode", IMAGES, "GN412"),
    Trap("L1", "every move is made inside its modes", IMAGES, shows=MOVED),
    Trap("L1", "modes come back", test="emit/test_modes.py::test_the_owners_modes_come_back_after_a_step"),
    Trap("L3", "populations go through a network apart",
         test="emit/test_modes.py::test_two_populations_never_share_a_forward_of_a_network_that_was_brought"),
    Trap("L4", "a radius in another unit", attacked("Linf(8) & (domain(x) - x)"), "GE410"),
    Trap("L4", "no range around the input", attacked("Linf(0.1)"), "GW411"),
    Trap("L4", "a range that is not that of the source", learning("[ ce(h(x), y) ]").replace("[0, 1]", "[0, 1/2]"), "GE602"),
    Trap("L6", "one step with the true label for both", attacked(INSIDE, steps=1), "GN514"),
    Trap("L7", "kept by what is reported", learning("[ ce(h(x), y) ]", KEPT), "GE508"),
    Trap("L8", "probabilities for logits", learning("[ ce(softmax(h(x)), y) ]"), "GE207"),
    Trap("L8", "a margin of probabilities", learning("[ margin(softmax(h(x)), y) ]"), "GE207"),
    Trap("L8", "a label for logits", learning("[ ce(y, h(x)) ]"), "GE207"),
    Trap("L8", "a probability without a sigmoid", GAN.replace(", out = sigmoid", ""), "GE207"),
    Trap("L9", "a stop that leaves a player without slope", GAN.replace("D(G(z))", "D(stop(G(z)))"), "GE312"),
    Trap("L9", "a stop around a player's only term", learning("[ ce(stop(h(x)), y) ]"), "GE312"),
    Trap("L10", "all gradients, then all updates", SIMULTANEOUS, test="check/test_traps.py::test_at_once_is_all_slopes_before_any_move"),
    Trap("L13", "a start outside its set", "language 1\nvar x in [0, 1] init 2\nsolve min{x} [ x^2 ]\n", "GE405"),
    Trap("L13", "in its set after every move", test="check/test_traps.py::test_a_point_is_in_its_set_after_every_move"),
    Trap("L14", "a shared player has one number for all samples", PER_SAMPLE, "GE210"),
    Trap("L14", "norms of a gradient are those of each sample", test="check/test_traps.py::test_the_norm_of_a_gradient_is_that_of_its_sample"),
    Trap("L15", "a gradient penalty through batch normalisation", PENALTY, "GE315"),
    Trap("L16", "a term that gives nobody a gradient", "language 1\nvar u in [-1, 1]\nsolve min{u} [ u^2 + exp(stop(u)) ]\n", "GW314"),
    Trap("L16", "a follower that ignores its leader", IGNORING, "GW313"),
    Trap("L16", "a network that nobody moves", GAN.replace("max{D} ", ""), "GE306"),
    Trap("L16", "an option that nothing reads", "language 1\nparam clip_value = 0.01\nvar u in [-1, 1]\nsolve min{u} [ u^2 ]\n", "GW115"),
    Trap("L16", "a schedule for nobody", "language 1\nvar u in [-1, 1]\nsolve min{u} [ u^2 ]\nschedule { v: sgd() }\n", "GE503"),
    Trap("L17", "an average says that it is one", test="solvers/test_averages.py::test_what_is_reported_is_the_average_and_both_are_saved"),
    Trap("L17", "a network answers with its average", test="solvers/test_averages.py::test_a_network_answers_with_its_average"),
    Trap("L23", "streams of its own, never the global one", ROBUST, shows=(r"torch\.Generator\(",), lacks=GLOBAL),
    Trap("L23", "the same for a game of noise", GAN, shows=(r"stream_key", r"torch\.Generator\("), lacks=GLOBAL),
    Trap("L24", "steps of an epoch follow the rows that are there", test="emit/test_steps.py::test_epochs_are_counted_on_the_rows_that_are_there"),
    Trap("L25", "half precision inside the attack alone", test="emit/test_search.py::test_mixed_precision_is_inside_the_attack_alone"),
    Trap("L25", "no scaling of gradients", ROBUST.replace("seed = 0", "seed = 0  precision = mixed"), shows=(r"autocast",), lacks=r"GradScaler"),
    Trap("L26", "nothing is traced with example inputs", ROBUST, lacks=r"make_fx|jit\.trace|symbolic_trace"),
    Trap("L26", "a compiled step that errs is not used", test="run/test_lane.py::test_a_compiled_step_that_errs_is_not_used"),
)  # fmt: skip


@pytest.mark.parametrize("trap", [t for t in TRAPS if t.code], ids=str)
def test_a_wrong_program_is_told(trap):
    """Its code is among what is said of it."""
    assert trap.code in {d.code for d in said(trap.program)}


@pytest.mark.parametrize("trap", [t for t in TRAPS if t.shows or t.lacks], ids=str)
def test_a_program_is_right_by_construction(trap):
    """What must stand in the program stands there in its order, and what must not is nowhere."""
    text, at = emitted(trap.program), 0
    for pattern in trap.shows:
        found = re.compile(pattern).search(text, at)
        assert found is not None, pattern
        at = found.end()
    assert not trap.lacks or re.search(trap.lacks, text) is None


@pytest.mark.parametrize("trap", [t for t in TRAPS if t.test], ids=str)
def test_what_a_program_does_is_tested(trap):
    """The test that is named is there."""
    file, _, name = trap.test.partition("::")
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    assert name in {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}


def test_every_static_check_has_an_answer():
    """None of the list is left out."""
    listed = {f"L{k}" for k in (1, 3, 4, 6, 7, 8, 9, 10, 13, 14, 15, 16, 17, 23, 24, 25, 26)}
    assert {t.id for t in TRAPS} == listed


def test_at_once_is_all_slopes_before_any_move():
    """Every gradient of a simultaneous step is taken before the first update, whatever autograd would notice."""
    body = emitted(SIMULTANEOUS).partition("def step(")[2].partition("\ndef ")[0]

    assert body.count(".update(") == 2
    assert body.rindex("autograd.grad(") < body.index(".update(")


def test_a_point_is_in_its_set_after_every_move():
    """Looking ahead moves a point once, and the step once more; neither point exists before it is put back into its set."""
    body = emitted(LOOKING_AHEAD).partition("def step(")[2].partition("\ndef ")[0]

    assert len(re.findall(r"c - 0\.1 \* g_c", body)) == 2
    assert len(re.findall(r"project_box\(c - 0\.1 \* g_c, 0\.0, 1\.0\)", body)) == 2


def test_a_label_may_be_attacked_by_one_step_where_more_report_it():
    """Training by one step is a method; only a report by the same step misleads."""
    text = attacked(INSIDE, steps=1).replace("robust.e: pgd(steps = 1)", "robust.e: pgd(steps = 20)")
    assert "GN514" not in {d.code for d in said(text)}


def test_the_norm_of_a_gradient_is_that_of_its_sample(tmp_path):
    """The mean over samples of the norm of each one's slope, 3, where the norm of all slopes together is another number."""
    text = """language 1
data ring: R[2] = mog(modes = 8)
var u in [1, 2] init 1
solve min{u} E{x ~ ring}[ norm(grad{x}[ 3*u*x[0] ]) ]
run { batch = 64  steps = 1 }
"""
    path = tmp_path / "slope.game"
    path.write_text(text, encoding="utf-8")
    assert api.load(path).solve().value == pytest.approx(3.0, abs=1e-6)
