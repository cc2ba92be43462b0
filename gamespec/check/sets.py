"""Sets as written: library words, intervals, intersections, and `domain(a) - a`."""

from __future__ import annotations

from fractions import Fraction

from gamespec.check import calls, expressions
from gamespec.check.build import Build
from gamespec.check.constant import evaluate, to_expr
from gamespec.check.scope import Broken, Const, DefName, Failed, LetName, Scope, SetName
from gamespec.check.types import ends
from gamespec.check.words import checked, signature, unknown_argument
from gamespec.ir import game as ir
from gamespec.ir.expr import Expr, Num, Ref, Word
from gamespec.ir.types import Type
from gamespec.library.functions import FUNCTIONS
from gamespec.library.registry import words
from gamespec.report.suggest import nearest
from gamespec.syntax import tree
from gamespec.syntax.say import say

Found = tuple[ir.Set, Type | None]
"""A set and the type of its members where the text tells it."""


def lower_set(node: tree.Expr, scope: Scope, build: Build) -> Found:
    """A set expression. Raises Failed with GE403 where it is none."""
    build.enter(node)
    try:
        match node:
            case tree.Binary(op="&"):
                return _intersection(node, scope, build)
            case tree.Binary(op="-") if _is_domain(node.left):
                domain = _domain(node.left, scope, build)
                shift = expressions.lower(node.right, scope, build)
                return ir.Set(parts=tuple(p.model_copy(update={"shift": shift.expr}) for p in domain[0].parts)), domain[1]
            case tree.Call() if _is_domain(node):
                return _domain(node, scope, build)
            case tree.List():
                return _box(*ends(node, scope, build))
            case tree.Name() | tree.Call():
                return _word(node, scope, build)
        raise _unknown(node, scope, build)
    finally:
        build.leave()


def is_set(node: tree.Expr, scope: Scope) -> bool:
    """Whether an argument of a definition is a set; `[0, 1]` is an array there."""
    if isinstance(node, tree.Binary):
        return node.op == "&" or (node.op == "-" and _is_domain(node.left))
    name = node.fn if isinstance(node, tree.Call) else node
    if not isinstance(name, tree.Name):
        return False
    match scope.find(name.id):
        case SetName():
            return True
        case LetName() as binding:
            return is_set(binding.body.expr, binding.scope)
        case DefName() as binding if isinstance(node, tree.Call):
            return is_set(binding.definition.body.expr, binding.scope)
        case None:
            return name.id == "domain" or (name.id not in FUNCTIONS and name.id in words("sets"))
    return False


def _box(lo: object, hi: object) -> Found:
    return ir.Set(parts=(ir.Part(word="Box", args=(to_expr(lo), to_expr(hi))),)), None


def _intersection(node: tree.Binary, scope: Scope, build: Build) -> Found:
    left, right = lower_set(node.left, scope, build), lower_set(node.right, scope, build)
    parts = left[0].parts + right[0].parts
    for side, found in ((node.left, left), (node.right, right)):
        if any(words("sets")[p.word].bounds is None for p in found[0].parts):
            raise build.log.fail("GE290", "an intersection with a set that is no box is not available in this version", side.span,
                                 hint="intersect `Linf(r)`, intervals and domains, or use this set alone")  # fmt: skip
    if sum(p.shift is not None for p in parts) > 1:
        raise build.log.fail("GE290", "two shifted sets at once are not available in this version", node.span, hint="keep one of them")
    return ir.Set(parts=parts), left[1] or right[1]


def _mixture(node: tree.Binary, scope: Scope, build: Build) -> str:
    """The simplex of the mixtures over a range."""
    try:
        first, last = (evaluate(e, scope, build.scratch()) for e in (node.left, node.right))
    except Failed:
        return "mix over the elements: `Simplex(3)`"
    many = last - first + 1 if isinstance(first, Fraction) and isinstance(last, Fraction) else 3
    return f"mix over the elements: `Simplex({max(many, 1)})`"


def _unknown(node: tree.Expr, scope: Scope, build: Build) -> Failed:
    name = node.fn if isinstance(node, tree.Call) else node
    if not isinstance(name, tree.Name):
        if isinstance(node, tree.Binary) and node.op in ("..", "\\"):
            return build.log.fail("GE403", "only a follower chooses among few in this version", node.span, "a set of numbers is needed here",
                                  hint=_mixture(node, scope, build))  # fmt: skip
        if isinstance(node, tree.SetLit):
            hint = f"list them, `param a = [{', '.join(map(say, node.items))}]`, and choose from `0..{len(node.items) - 1}`: `a[j]`"
            return build.log.fail("GE403", "a player chooses from a set of numbers, or from a range", node.span, hint=hint)
        return build.log.fail("GE403", "a set is needed here", node.span, hint="write `[0, 1]`, `Linf(eps)`, `L2(r)` or `Simplex(n)`")
    if scope.find(name.id) is not None:
        return build.log.fail("GE403", f"`{name.id}` is no set", name.span, hint=f"sets: [lo, hi], {', '.join(words('sets'))}")
    near = nearest(name.id, [*words("sets"), *(n for n in scope.visible() if isinstance(scope.find(n), SetName))])
    return build.log.fail("GE403", f"unknown set `{name.id}`", name.span, f"did you mean `{near}`?" if near else "",
                          hint=f"write `{near}`" if near else f"sets: [lo, hi], {', '.join(words('sets'))}")  # fmt: skip


def _is_domain(node: tree.Expr) -> bool:
    return isinstance(node, tree.Call) and isinstance(node.fn, tree.Name) and node.fn.id == "domain"


def _domain(node: tree.Expr, scope: Scope, build: Build) -> Found:
    assert isinstance(node, tree.Call)
    if len(node.args) != 1 or node.kwargs or node.params:
        raise build.log.fail("GE207", "`domain` takes 1 argument", node.span, hint="write `domain(a)`")
    typed = expressions.lower(node.args[0], scope, build)
    if typed.range is None:
        raise build.log.fail("GE404", "the domain of this is not declared", node.args[0].span,
                             hint="declare it on the data: `a: R[64] in [0, 1]`")  # fmt: skip
    lo = Word(value="-inf") if typed.range.lo is None else Num(value=typed.range.lo)
    hi = Word(value="inf") if typed.range.hi is None else Num(value=typed.range.hi)
    return ir.Set(parts=(ir.Part(word="Box", args=(lo, hi)),)), typed.type


def _word(node: tree.Name | tree.Call, scope: Scope, build: Build) -> Found:
    name = node if isinstance(node, tree.Name) else node.fn
    if not isinstance(name, tree.Name):
        raise _unknown(node, scope, build)
    binding = scope.find(name.id)
    match binding:
        case SetName() if isinstance(node, tree.Name):
            return binding.set, binding.type
        case Const(value=(Fraction() as lo, Fraction() as hi)) if isinstance(node, tree.Name) and lo <= hi:
            return _box(lo, hi)
        case Broken():
            raise Failed
        case LetName() if isinstance(node, tree.Name) and not binding.body.side:
            build.used.add(binding.name)
            return lower_set(binding.body.expr, binding.scope, build)
        case DefName() if isinstance(node, tree.Call) and not binding.definition.body.side:
            return lower_set(binding.definition.body.expr, calls.formals(node, binding, scope, build), build)
        case None if name.id not in FUNCTIONS and name.id in words("sets"):
            return _library(node, name, scope, build)
    raise _unknown(node, scope, build)


def _library(node: tree.Name | tree.Call, name: tree.Name, scope: Scope, build: Build) -> Found:
    entry = words("sets")[name.id]
    given = node.args if isinstance(node, tree.Call) else ()
    named = {k.key: k for k in node.kwargs} if isinstance(node, tree.Call) else {}
    log = build.log
    if len(given) > len(entry.options):
        raise log.fail(
            "GE501", f"`{name.id}` takes {len(entry.options)} argument(s)", given[len(entry.options)].span, hint=signature(name.id, entry.options)
        )
    args: list[Expr] = []
    size: object = None
    for i, option in enumerate(entry.options):
        kwarg = named.pop(option.name, None) if i >= len(given) else None
        arg = given[i] if i < len(given) else kwarg.value if kwarg else None
        if arg is None:
            if not isinstance(option.default, (int, float)):
                raise log.fail("GE501", f"`{name.id}` needs `{option.name}`", node.span, hint=signature(name.id, entry.options))
            args.append(Num(value=Fraction(str(option.default))))
            continue
        value = checked(arg, option, name.id, scope, build)
        if name.id != "Box" and isinstance(value, Fraction) and value < 0:
            raise log.fail(
                "GE402", f"`{option.name}` of `{name.id}` is negative, and the set is empty", arg.span, f"found {value}", hint=f"write `{-value}`"
            )
        args.append(_named(arg, value, scope, build))
        size = value if i < entry.sizes else size
    if named:
        raise unknown_argument(name.id, next(iter(named.values())), entry.options, log)
    kind = Type(kind="real", shape=(int(size),)) if isinstance(size, Fraction) else None
    return ir.Set(parts=(ir.Part(word=name.id, args=tuple(args)),)), kind


def _named(arg: tree.Expr, value: object, scope: Scope, build: Build) -> Expr:
    """A constant argument of a set: by name where a parameter gives it, so that the program shows the name."""
    if isinstance(value, Fraction) and isinstance(arg, tree.Name):
        found = expressions.lower(arg, scope, build)
        if isinstance(found.expr, Ref):
            return found.expr
    return to_expr(value)
