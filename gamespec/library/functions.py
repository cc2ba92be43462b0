"""The functions of the language: for each its types, how it is written in torch, and what is known of its curvature."""

from __future__ import annotations

from collections.abc import Callable  # part of the dataclass; until 2027-11
from dataclasses import dataclass

from gamespec.ir.types import BOOL, PROB, REAL, Type
from gamespec.library.base import Misfit

Rule = Callable[[tuple[Type, ...]], Type | Misfit]


@dataclass(frozen=True, slots=True)
class Function:
    """One function.

    `torch` is its emitted text with {0}, {1} for the arguments; `form` says how sample rows are treated:
    "elementwise" broadcasts, "event" reduces the dimensions of one sample, "table" takes whole columns,
    "special" is written by `emit.expr`.
    `curvature` is that of a scalar function in its first argument; `slope` its monotonicity (+1, -1, 0 unknown);
    `sign` is that of its value (+1: never negative). `surrogates` lists differentiable stand-ins of a piecewise
    constant function with the sense in which they move it (-1: raising the stand-in lowers the function).
    """

    name: str
    arity: tuple[int, int]
    rule: Rule
    torch: str = ""
    form: str = "elementwise"
    curvature: str = "unknown"
    slope: int = 0
    sign: int = 0
    piecewise_constant: bool = False
    surrogates: tuple[tuple[str, int], ...] = ()


def broadcast(types: tuple[Type, ...]) -> Type | Misfit:
    """The common type of an elementwise operation: equal shapes, or a scalar with anything."""
    shapes = [t.shape if t.kind != "logits" else (t.size,) for t in types]
    for t in types:
        if not t.numeric:
            return Misfit(f"`{t}` is no number")
    big = max(shapes, key=len)
    for s in shapes:
        if s and s != big:
            return Misfit(f"R[{', '.join(map(str, s))}] and R[{', '.join(map(str, big))}] do not match")
    return Type(kind="real", shape=big)


def _scalar(types: tuple[Type, ...]) -> Type | Misfit:
    bad = next((t for t in types if not (t.numeric or t.kind == "params")), None)
    return Misfit(f"`{bad}` is no number") if bad else REAL


def _shape(t: Type) -> tuple[int, ...]:
    return (t.size,) if t.kind == "logits" else t.shape


def _bool(types: tuple[Type, ...]) -> Type | Misfit:
    if all(t.kind == "word" for t in types):
        return BOOL
    classes = [t for t in types if t.kind == "class"]
    if classes:
        return Type(kind="bool", shape=())
    common = broadcast(types)
    return common if isinstance(common, Misfit) else Type(kind="bool", shape=common.shape)


def _loss(name: str) -> Rule:
    def rule(types: tuple[Type, ...]) -> Type | Misfit:
        z, y = types
        if z.kind == "prob" or (z.kind == "real" and not z.shape):
            hint = "give it the logits themselves, without `softmax`" if z.shape else "give the network the type `logits[K]` and no sigmoid"
            return Misfit(f"`{name}` takes logits, `{z}` given", hint)
        width = z.size if z.kind == "logits" else (z.shape[0] if len(z.shape) == 1 else 0)
        if not width:
            return Misfit(f"`{name}` takes logits, `{z}` given")
        if y.kind == "bool" and width == 2:
            return REAL
        if y.kind not in ("class", "index"):
            return Misfit(f"`{name}` compares with a class, `{y}` given")
        if y.kind == "class" and y.size != width:
            return Misfit(f"logits[{width}] compared with class[{y.size}]", f"make both `{width}` or both `{y.size}`")
        return REAL

    return rule


def _margin(types: tuple[Type, ...]) -> Type | Misfit:
    for y in types[1:]:
        found = _loss("margin")((types[0], y))
        if isinstance(found, Misfit):
            return found
    return REAL


def _log(types: tuple[Type, ...]) -> Type | Misfit:
    (t,) = types
    if t.kind == "logits":
        return Misfit("`log` of logits; they may be negative", "write `log(softmax(z))`")
    return broadcast(types)


def _softmax(types: tuple[Type, ...]) -> Type | Misfit:
    (t,) = types
    return Type(kind="prob", shape=_shape(t)) if _shape(t) else Misfit(f"`softmax` takes a vector, `{t}` given")


def _matmul(types: tuple[Type, ...]) -> Type | Misfit:
    a, b = (_shape(t) for t in types)
    if not a or not b:
        return Misfit("`@` multiplies vectors and matrices", "write `*` for numbers")
    if a[-1] != (b[0] if len(b) == 1 else b[-2]):
        return Misfit(f"{types[0]} @ {types[1]}: {a[-1]} against {b[0] if len(b) == 1 else b[-2]}")
    return Type(kind="real", shape=a[:-1] + (b[1:] if len(b) > 1 else ()))


def _same(types: tuple[Type, ...]) -> Type | Misfit:
    common = broadcast(types)
    return common if isinstance(common, Misfit) else REAL


def _cosine(types: tuple[Type, ...]) -> Type | Misfit:
    """Of one argument the function, of two the cosine of the angle between them."""
    return broadcast(types) if len(types) == 1 else _same(types)


def _prob(types: tuple[Type, ...]) -> Type | Misfit:
    found = broadcast(types)
    return PROB if not isinstance(found, Misfit) and not found.shape else found


_ROWS = [
    Function("add", (2, 2), broadcast, "{0} + {1}", curvature="affine", slope=1),
    Function("sub", (2, 2), broadcast, "{0} - {1}", curvature="affine", slope=1),
    Function("mul", (2, 2), broadcast, "{0} * {1}"),
    Function("div", (2, 2), broadcast, "{0} / {1}"),
    Function("pow", (2, 2), broadcast, "{0} ** {1}"),
    Function("matmul", (2, 2), _matmul, "{0} @ {1}", form="special"),
    Function("neg", (1, 1), broadcast, "-{0}", curvature="affine", slope=-1),
    Function("abs", (1, 1), broadcast, "torch.abs({0})", curvature="convex", sign=1),
    Function("exp", (1, 1), broadcast, "torch.exp({0})", curvature="convex", slope=1, sign=1),
    Function("log", (1, 1), _log, "torch.log({0})", form="special", curvature="concave", slope=1),
    Function("sqrt", (1, 1), broadcast, "torch.sqrt({0})", curvature="concave", slope=1, sign=1),
    Function("sin", (1, 1), broadcast, "torch.sin({0})"),
    Function("cos", (1, 2), _cosine, "torch.cos({0})", form="special"),
    Function("tanh", (1, 1), broadcast, "torch.tanh({0})", slope=1),
    Function("sigmoid", (1, 1), broadcast, "torch.sigmoid({0})", slope=1, sign=1),
    Function("softplus", (1, 1), broadcast, "F.softplus({0})", curvature="convex", slope=1, sign=1),
    Function("relu", (1, 1), broadcast, "F.relu({0})", curvature="convex", slope=1, sign=1),
    Function("sign", (1, 1), broadcast, "torch.sign({0})", piecewise_constant=True),
    Function("max", (1, 8), broadcast, "torch.maximum({0}, {1})", form="special", curvature="convex", slope=1),
    Function("min", (1, 8), broadcast, "torch.minimum({0}, {1})", form="special", curvature="concave", slope=1),
    Function("softmax", (1, 1), _softmax, "torch.softmax({0}, dim=-1)"),
    Function("norm", (1, 2), _scalar, form="special", curvature="convex", sign=1),
    Function("sum", (1, 1), _scalar, form="special", curvature="affine", slope=1),
    Function("mean", (1, 1), _scalar, form="special", curvature="affine", slope=1),
    Function("mse", (2, 2), _same, form="special", curvature="convex", sign=1),
    Function("ce", (2, 2), _loss("ce"), "F.cross_entropy({0}, {1}, reduction=\"none\")", form="special", curvature="convex", sign=1),
    Function("kl", (2, 2), _same, form="special", curvature="convex", sign=1),
    Function("margin", (2, 3), _margin, form="special"),
    Function("correct", (2, 2), _loss("correct"), form="special", sign=1, piecewise_constant=True, surrogates=(("ce", -1), ("margin", -1))),
    Function("le", (2, 2), _bool, "{0} <= {1}", piecewise_constant=True),
    Function("lt", (2, 2), _bool, "{0} < {1}", piecewise_constant=True),
    Function("ge", (2, 2), _bool, "{0} >= {1}", piecewise_constant=True),
    Function("gt", (2, 2), _bool, "{0} > {1}", piecewise_constant=True),
    Function("eq", (2, 2), _bool, "{0} == {1}", piecewise_constant=True),
    Function("ne", (2, 2), _bool, "{0} != {1}", piecewise_constant=True),
    Function("and", (2, 2), lambda _: BOOL, "{0} & {1}", piecewise_constant=True),
    Function("or", (2, 2), lambda _: BOOL, "{0} | {1}", piecewise_constant=True),
    Function("not", (1, 1), lambda _: BOOL, "~{0}", piecewise_constant=True),
]

FUNCTIONS: dict[str, Function] = {row.name: row for row in _ROWS}

OPERATORS = {"+": "add", "-": "sub", "*": "mul", "/": "div", "^": "pow", "@": "matmul", "and": "and", "or": "or"}
COMPARISONS = {"<=": "le", "<": "lt", ">=": "ge", ">": "gt", "==": "eq", "!=": "ne"}
SYMBOLS = {v: k for k, v in (OPERATORS | COMPARISONS).items()}

WRITTEN = frozenset(FUNCTIONS) - {"add", "sub", "mul", "div", "pow", "matmul", "neg", "le", "lt", "ge", "gt", "eq", "ne", "and", "or", "not"}
"""Functions that are called by name in a `.game` file."""

CONSTANTS = {"pi": "math.pi", "inf": "math.inf"}
