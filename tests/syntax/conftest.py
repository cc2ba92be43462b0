"""What the tests of the parser share: the programs, and how trees and mistakes are compared."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gamespec.report.diagnostic import Diagnostic, GameError
from gamespec.report.source import Source
from gamespec.syntax.parse import parse, parse_expression

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parents[2] / "shared" / "design" / "examples"


def bare(tree: object) -> str:
    """Give a tree as text without its spans."""
    return re.sub(r"(op_)?span=Span\([^)]*\),? ?", "", repr(tree))


class Texts:
    """Parse short texts and name their mistakes."""

    bare = staticmethod(bare)

    @staticmethod
    def tree(text: str) -> str:
        """Give the tree of a file without its spans."""
        return bare(parse(Source("t.game", text)))

    @staticmethod
    def expr(text: str) -> str:
        """Give the tree of an expression without its spans."""
        return bare(parse_expression(Source("t.game", text)))

    @staticmethod
    def mistakes(text: str) -> tuple[Diagnostic, ...]:
        """Give the diagnostics of a file; none where it parses."""
        try:
            parse(Source("t.game", text))
        except GameError as error:
            return error.diagnostics
        return ()


@pytest.fixture(scope="session")
def texts() -> Texts:
    """Parse short texts and name their mistakes."""
    return Texts()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every test that asks for a `program` on each of them."""
    if "program" in metafunc.fixturenames:
        paths = [*sorted((HERE / "programs").glob("*.game")), *sorted(EXAMPLES.glob("*.game"))]
        metafunc.parametrize("program", paths, ids=lambda path: path.stem)
