"""`gamec emit --to latex`: formulas that LaTeX with amsmath sets as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gamespec.notation.latex import latex, name, term
from gamespec.report.source import Source
from gamespec.syntax.parse import parse, parse_expression

TESTS = Path(__file__).parent
GAMES = sorted([*(TESTS.parent / "specs").rglob("*.game"), *(TESTS / "check" / "examples").glob("*.game"), *(TESTS / "truth").glob("*.game")])
KNOWN = set(
    re.findall(
        r"\w+",
        "begin end min max mathbb sum prod nabla operatorname text left right frac sqrt cdot overline quad in sim mid infty le ge ne land lor "
        "lnot cap setminus dots lVert rVert colon to times forall log exp sin cos tanh textbackslash textasciitilde textasciicircum "
        "alpha beta gamma delta varepsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi omega "
        "Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega",
    )
)


def bracketed(text: str) -> bool:
    r"""Whether braces, and `\left` with `\right`, are closed in the order in which they were opened."""
    stack = []
    for sign in re.findall(r"\\left(?![a-z])|\\right(?![a-z])|(?<!\\)[{}]|\\begin\{\w+|\\end\{\w+", text):
        if sign.startswith((r"\begin", r"\end")):
            stack += ["{"]
        elif sign in ("{", r"\left"):
            stack.append(sign)
        elif not stack or stack.pop() != {"}": "{", r"\right": r"\left"}[sign]:
            return False
    return not stack


@pytest.mark.parametrize("path", GAMES, ids=lambda p: p.stem)
def test_every_game_is_written(path: Path):
    """One aligned block: brackets closed, commands of amsmath only, at most one alignment point on a line, each solve first."""
    text = latex(parse(Source(path.name, path.read_text(encoding="utf-8"))))
    assert bracketed(text)
    assert set(re.findall(r"\\([a-zA-Z]+)", text)) <= KNOWN
    head, *lines, tail = text.strip().split("\n")
    assert (head, tail) == (r"\begin{align*}", r"\end{align*}")
    for line in lines:
        assert len(re.findall(r"(?<!\\)&", re.sub(r"\\begin\{cases\}.*?\\end\{cases\}", "", line))) == 1, line
    assert re.match(r"\s*(\\text\{\w+\}\\colon\\; )?\\(min|max|mathbb)|\s*\\text\{.*?\}\\colon", lines[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("u^2 - 2*u*v", r"{u}^{2} - 2\,u\,v"),
        ("(u + v)*3", r"\left(u + v\right)\,3"),
        ("2*3", r"2 \cdot 3"),
        ("-(u + v)", r"-\left(u + v\right)"),
        ("(-u)^2", r"{\left(-u\right)}^{2}"),
        ("f(u)^2", r"{\left(f\left(u\right)\right)}^{2}"),
        ("1/(u + 1)", r"\frac{1}{u + 1}"),
        ("norm(u, inf) + norm(u)^2", r"\left\lVert u \right\rVert_{\infty} + {\left\lVert u \right\rVert_{2}}^{2}"),
        ("if u > 0 then 1 else u", r"\begin{cases}1 & \text{if } u > 0 \\ u & \text{otherwise}\end{cases}"),
        ("0 <= u < 1 and not v", r"0 \le u < 1 \land \lnot v"),
        ("sum{i in 0..2}[ q[i] ]", r"\sum_{i \in \left\{0 \dots, 2\right\}} \left[q_{i}\right]".replace(r"0 \dots,", r"0 ,\dots,")),
        ("h(a; x + delta)", r"h\left(a;\, x + \delta\right)"),
        ("E{x ~ p | x > 0}[ x ]", r"\mathbb{E}_{x \sim p \mid x > 0} \left[x\right]"),
        ("argmin{w}[ w^2 ]", r"\operatorname*{arg\,min}_{w} \left[{w}^{2}\right]"),
        ("stop(u) + sqrt(v) + abs(u)", r"\overline{u} + \sqrt{v} + \left| u \right|"),
    ],
)
def test_formulas(text: str, expected: str):
    """As a person would typeset them."""
    assert term(parse_expression(Source("a.game", text))) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("delta", r"\delta"), ("u_2", "u_{2}"), ("u2", "u_{2}"), ("p_omega", r"p_{\omega}"), ("lr", r"\text{lr}"), ("u", "u")]
)
def test_names(text: str, expected: str):
    """Greek letters, indices, words."""
    assert name(text) == expected
