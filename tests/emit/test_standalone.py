"""The file that `gamec emit` writes: it runs alone, prints what `gamec run` found, and is written with care."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gamespec.run.execute import Request, execute
from tests.emit.build import compiled

SPECS = sorted((Path(__file__).parents[2] / "specs").glob("*/*.game"))


def emitted(path):
    """The text of a spec's program."""
    return compiled(path.read_text())[1].program.text


@pytest.mark.parametrize("name", ["saddle/bilinear", "robust/pgd_digits", "nash/cournot"])
def test_the_file_alone_gives_the_same_bits(name, tmp_path):
    """`python -I program.py 12 3` prints the losses, certificates, metrics and status of a run of 12 steps with seed 3."""
    checked, made = compiled((Path(__file__).parents[2] / f"specs/{name}.game").read_text())
    run = execute(checked, made, Request(seed=3, steps=12, out=tmp_path))
    file = tmp_path / "alone.py"
    file.write_text(made.program.text)
    threads = {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"), "MKL_NUM_THREADS": os.environ.get("MKL_NUM_THREADS", "1")}
    done = subprocess.run([sys.executable, "-I", str(file), "12", "3"], capture_output=True, text=True, check=True, env=os.environ | threads)
    lines = [line.split(" ") for line in done.stdout.splitlines()]
    steps = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]
    printed = {int(w[1]): {p.split("=")[0]: float(p.split("=")[1]) for p in w[2:]} for w in lines if w[0] == "step"}

    assert printed == {entry["step"]: entry["losses"] for entry in steps}
    assert {w[1]: float(w[2]) for w in lines if w[0] == "metric"} == run.metrics
    assert {" ".join(w[1:-1]): float(w[-1]) for w in lines if w[0] == "certificate"} == {c["name"]: c["value"] for c in run.checks}


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_the_file_is_clean(path, tmp_path):
    """No name is unknown, unused or imported for nothing, and no line goes on for ever."""
    file = tmp_path / "program.py"
    file.write_text(emitted(path))
    found = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F,E9,B018", str(file)], capture_output=True, text=True, check=False
    )
    long = [line for line in file.read_text().splitlines() if len(line) > 170]

    assert found.returncode == 0, found.stdout
    assert long == []


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_the_file_needs_torch_alone(path):
    """Imports at the top are of torch and of Python itself; the rest of the text has no door to this project."""
    tree = ast.parse(emitted(path))
    top = {(n.module or "").split(".")[0] for n in tree.body if isinstance(n, ast.ImportFrom)}
    top |= {a.name.split(".")[0] for n in tree.body if isinstance(n, ast.Import) for a in n.names}

    assert top <= {"__future__", "math", "sys", "collections", "contextlib", "copy", "typing", "torch"}
    assert not any(isinstance(n, ast.Name) and n.id == "gamespec" for n in ast.walk(tree))


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_the_maths_comes_first(path):
    """The game stands in the docstring, the objectives before the library, each with a sentence of its own."""
    text = emitted(path)
    tree = ast.parse(text)
    functions = [n for n in tree.body if isinstance(n, ast.FunctionDef)]

    assert "solve" in (ast.get_docstring(tree) or "")
    assert functions[0].name.startswith("objective_")
    assert text.index("# ---- the game") < text.index("# ---- parts of the library")
    assert all(ast.get_docstring(f) for f in functions)


def test_a_step_shows_its_shapes():
    """What is drawn and what is answered carries its shape at the end of the line."""
    text = emitted(next(p for p in SPECS if p.stem == "pgd_digits"))

    assert 'a, b, *known = batch.get("train") or batch_train(s)  # a [n, 1, 8, 8], b [n]' in text
    assert "d = respond_d(s, h, a, b, noise_d)  # [n, 1, 8, 8]" in text


def test_lines_know_where_they_come_from():
    """Objective, attack and metric of a program point at their places in the game."""
    checked, made = compiled(next(p for p in SPECS if p.stem == "pgd_digits").read_text())
    lines = made.program.text.splitlines()
    places = {}
    for k, line in enumerate(lines, 1):
        span = made.program.span(k)
        if span is not None:
            places[line.strip()] = checked.source.text[span.start : span.end]

    assert places["value_h = objective_h(h, d, a, b)"] == "min{h}"
    assert places["(slope,) = torch.autograd.grad(objective_d(h, d, a, b).sum(), d)"].startswith("max{d")
    assert places["return (h(a).argmax(dim=1) == b).to(DTYPE).mean()"].startswith("metric clean")
    assert str(made.program) == made.program.text
