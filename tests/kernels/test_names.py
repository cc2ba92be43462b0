"""Kernels and library functions meet in one file, so that no two may share a name."""

from __future__ import annotations

import ast
from collections import Counter

from gamespec.emit import link


def test_no_two_definitions_share_a_name() -> None:
    """Every top-level function and class of what programs are linked from has a name of its own, private ones apart."""
    found = Counter(
        node.name
        for source in link._sources()
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    )

    assert [name for name, count in found.items() if count > 1] == []
