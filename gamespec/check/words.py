"""Library words in a file: is the word known, do its arguments fit, what is the nearest one."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from gamespec.check.constant import evaluate, to_expr
from gamespec.check.scope import Failed, Log, Scope
from gamespec.ir import game as ir
from gamespec.library.base import REQUIRED, Option
from gamespec.report.suggest import nearest
from gamespec.syntax import tree

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KINDS = {int: "a whole number", float: "a number", str: "a word", bool: "true or false", tuple: "a list"}


def use(
    node: tree.Expr, table: Mapping[str, Sequence[Option]], what: str, code: str, scope: Scope, log: Log
) -> ir.Use:
    """A library word with its arguments checked against its options and filled by name.

    `table` lists the allowed words with their options; unknown words are `code`, wrong arguments GE501.
    """
    name, args, kwargs = _parts(node, what, code, log)
    if name.id not in table:
        near = nearest(name.id, table)
        hint = f"write `{near}`" if near else f"{what}s: {', '.join(table)}"
        raise log.fail(code, f"unknown {what} `{name.id}`", name.span, f"did you mean `{near}`?" if near else "", hint=hint)
    options = list(table[name.id])
    given: dict[str, object] = {}
    many = next((o for o in options if o.many), None)
    rest: list[object] = []
    for i, arg in enumerate(args):
        if many is not None and (i >= len(options) or options[i].many or options[0].many):
            rest.append(_checked(evaluate_word(arg, scope, log), Option(many.name, int), arg, name.id, log))
        elif i < len(options):
            given[options[i].name] = _checked(evaluate_word(arg, scope, log), options[i], arg, name.id, log)
        else:
            raise log.fail("GE501", f"`{name.id}` takes {len(options)} argument(s)", arg.span, hint=signature(name.id, options))
    for kwarg in kwargs:
        option = next((o for o in options if o.name == kwarg.key), None)
        if option is None:
            raise _unknown_option(name.id, kwarg, options, log)
        given[option.name] = _checked(evaluate_word(kwarg.value, scope, log), option, kwarg.value, name.id, log)
    missing = [o.name for o in options if o.default is REQUIRED and o.name not in given and not o.many]
    if missing:
        raise log.fail("GE501", f"`{name.id}` needs `{missing[0]}`", node.span, hint=signature(name.id, options))
    return ir.Use(
        word=name.id,
        args=tuple(to_expr(r) for r in rest),
        options=tuple(ir.Option(key=k, value=to_expr(v)) for k, v in given.items()),
    )


def signature(word: str, options: Sequence[Option]) -> str:
    """How a word is written, with its defaults."""
    parts = [o.name if o.default is REQUIRED else f"{o.name} = {_shown(o)}" for o in options]
    return f"{word}({', '.join(parts)})"


def evaluate_word(node: tree.Expr, scope: Scope, log: Log) -> object:
    """A constant, where a bare unknown name is a word such as `uniform`."""
    if isinstance(node, tree.Name) and scope.find(node.id) is None:
        return {"inf": "inf"}.get(node.id, node.id)
    if isinstance(node, tree.List):
        return tuple(evaluate_word(i, scope, log) for i in node.items)
    return evaluate(node, scope, log)


def _shown(option: Option) -> str:
    return "|".join(option.words) if option.words else str(option.default).lower()


def _parts(node: tree.Expr, what: str, code: str, log: Log) -> tuple[tree.Name, tuple[tree.Expr, ...], tuple[tree.Kwarg, ...]]:
    if isinstance(node, tree.Name):
        return node, (), ()
    if isinstance(node, tree.Call) and isinstance(node.fn, tree.Name):
        return node.fn, node.args, node.kwargs
    raise log.fail(code, f"a {what} is needed here", node.span, hint=f"write a {what} by name, such as `name(key = value)`")


def _unknown_option(word: str, kwarg: tree.Kwarg, options: Sequence[Option], log: Log) -> Failed:
    near = nearest(kwarg.key, [o.name for o in options])
    hint = f"did you mean `{near}`?   " if near else ""
    span = type(kwarg.span)(kwarg.span.file, kwarg.span.start, kwarg.span.start + len(kwarg.key))
    return log.fail("GE501", f"unknown argument `{kwarg.key}` of `{word}`", span, hint=hint + signature(word, options))


def _checked(value: object, option: Option, node: tree.Expr, word: str, log: Log) -> object:
    fits = {
        int: isinstance(value, Fraction) and value.denominator == 1,
        float: isinstance(value, Fraction) or value in ("inf", "-inf"),
        str: isinstance(value, str),
        bool: isinstance(value, bool),
        tuple: True,
    }[option.type]
    if not fits:
        raise log.fail("GE501", f"`{option.name}` of `{word}` is {KINDS[option.type]}", node.span, f"found `{show(value)}`")
    if option.words and value not in option.words:
        near = nearest(str(value), option.words)
        raise log.fail(
            "GE501", f"`{option.name}` of `{word}` is one of {', '.join(option.words)}", node.span,
            f"did you mean `{near}`?" if near else "", hint=f"write `{option.name} = {near or option.words[0]}`",
        )  # fmt: skip
    if option.type is tuple and not isinstance(value, tuple):
        return (value,)
    return value


def show(value: object) -> str:
    """A constant as it would be typed."""
    if isinstance(value, tuple):
        return "[" + ", ".join(map(show, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)
