"""Every text that once reached a new branch, or broke something, is a game or is refused: soon and in little memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz.__main__ import HERE, MEMORY, corpus
from tests.fuzz.mutants import mutants
from tests.fuzz.target import examine

CODE = f"""
import json, resource, sys
from tests.fuzz.__main__ import corpus, failure
failure("language 1\\nvar u in [-1, 1]\\nsolve min{{u}} [ u^2 ]\\n", explain=True)
resource.setrlimit(resource.RLIMIT_DATA, ({MEMORY} + (1 << 30), {MEMORY} + (1 << 30)))
print(json.dumps([reason for text in corpus() if (reason := failure(text, explain=True))]))
"""


def test_the_corpus_is_survived():
    """No traceback, none above two seconds of processor time, and the whole process within its memory."""
    assert len(corpus()) >= 100
    root = Path(HERE).parents[1]
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, cwd=root, env=os.environ | {"PYTHONPATH": str(root)})
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=mutants())
def test_a_fresh_mutant_is_survived(text: str):
    """A few new ones at every run of the tests."""
    assert examine(text) in ("fine", "refused")


@pytest.mark.parametrize("text", ["", "\x00", "\ufeff", "solve", "language 1\n" * 3, "\N{RIGHT-TO-LEFT OVERRIDE}solve min{u}[u]"])
def test_texts_that_are_hardly_any(text: str):
    """Nothing, odd characters, a word."""
    assert examine(text) == "refused"
