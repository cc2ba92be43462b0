"""Library words in a file: is the word known, do its arguments fit, what is the nearest one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol

from gamespec.check.build import Build
from gamespec.check.constant import evaluate, to_expr
from gamespec.check.scope import Failed, Log, Scope, unknown_name
from gamespec.ir import game as ir
from gamespec.library.base import REQUIRED, Option
from gamespec.library.directives import DIRECTIVES
from gamespec.report.source import Span
from gamespec.report.suggest import nearest
from gamespec.syntax import tree
from gamespec.syntax.say import say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Entry(Protocol):
    """What a table of words says of each."""

    @property
    def options(self) -> tuple[Option, ...]:
        """The arguments that the word takes."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of which nothing but its arguments is known."""

    options: tuple[Option, ...] = ()


KINDS = {int: "a whole number", float: "a number", str: "a word", bool: "true or false", tuple: "a list"}
LARGEST = 10**9
"""The largest whole number that an option takes: widths, rows and steps beyond it cannot be meant."""


def use(node: tree.Expr, table: Mapping[str, Entry], what: str, code: str, scope: Scope, build: Build) -> ir.Use:
    """A library word with its arguments checked against its options and filled by name.

    `table` lists the allowed words with their options; unknown words are `code`, wrong arguments GE501.
    """
    name, args, kwargs = _parts(node, what, code, build.log)
    if name.id not in table:
        near = nearest(name.id, table)
        hint = f"write `{near}`" if near else f"there are: {', '.join(table)}"
        raise build.log.fail(code, f"unknown {what} `{name.id}`", name.span, f"did you mean `{near}`?" if near else "", hint=hint)
    options = table[name.id].options
    many = next((i for i, o in enumerate(options) if o.many), len(options))
    if len(args) > many == len(options):
        raise build.log.fail("GE501", f"`{name.id}` takes {many} argument{'s' * (many != 1)}", args[many].span, hint=signature(name.id, options))
    rest = [checked(arg, options[many], name.id, scope, build) for arg in args[many:]]
    given = {option.name: checked(arg, option, name.id, scope, build) for option, arg in zip(options[:many], args, strict=False)}
    for kwarg in kwargs:
        option = next((o for o in options if o.name == kwarg.key and not o.many), None)
        if option is None or option.name in given:
            raise unknown_argument(name.id, kwarg, options, build.log)
        given[option.name] = checked(kwarg.value, option, name.id, scope, build)
    for option in options:
        if option.default is REQUIRED and option.name not in given and not option.many:
            raise build.log.fail("GE501", f"`{name.id}` needs `{option.name}`", node.span, hint=signature(name.id, options))
    return ir.Use(
        word=name.id,
        args=tuple(to_expr(r) for r in rest),
        options=tuple(ir.Option(key=k, value=to_expr(v)) for k, v in given.items()),
    )


def signature(word: str, options: Sequence[Option]) -> str:
    """How a word is written, with its defaults."""
    shown = []
    for option in options:
        default = "|".join(option.words) or ("" if option.default is REQUIRED or option.default in (None, ()) else show(option.default))
        shown.append(f"{option.name}.." if option.many else f"{option.name} = {default}" if default else option.name)
    return f"{word}({', '.join(shown)})"


def evaluate_word(node: tree.Expr, scope: Scope, build: Build) -> object:
    """A constant, where a bare unknown name is a word such as `uniform`."""
    if isinstance(node, tree.Name) and scope.find(node.id) is None:
        return node.id
    if isinstance(node, tree.List):
        return tuple(evaluate_word(i, scope, build) for i in node.items)
    return evaluate(node, scope, build)


def unknown_argument(word: str, kwarg: tree.Kwarg, options: Sequence[Option], log: Log) -> Failed:
    """Record an argument that a word does not take, or that it has already."""
    near = nearest(kwarg.key, [o.name for o in options if not o.many])
    at = Span(kwarg.span.file, kwarg.span.start, kwarg.span.start + len(kwarg.key))
    if near == kwarg.key:
        return log.fail("GE501", f"`{kwarg.key}` of `{word}` is given twice", at, hint="give it once, by place or by name")
    if kwarg.key == "average" and word in DIRECTIVES:
        hint = f"the method averages: `method: simultaneous(average = {say(kwarg.value)})`"
        return log.fail("GE501", f"`{word}` takes no average", at, hint=hint)
    hint = f"write `{near}`: {signature(word, options)}" if near else signature(word, options)
    return log.fail("GE501", f"unknown argument `{kwarg.key}` of `{word}`", at, f"did you mean `{near}`?" if near else "", hint=hint)


def checked(node: tree.Expr, option: Option, word: str, scope: Scope, build: Build) -> object:
    """The value of one argument. Raises Failed with GE501 where the option does not take it."""
    value = evaluate_word(node, scope, build)
    log, what = build.log, f"`{option.name}` of `{word}`"
    fits = {
        int: isinstance(value, Fraction) and value.denominator == 1,
        float: isinstance(value, Fraction) or value in ("inf", "-inf"),
        str: isinstance(value, str),
        bool: isinstance(value, bool),
        tuple: True,
    }[option.type]
    if not fits and isinstance(node, tree.Name) and isinstance(value, str):
        raise unknown_name(log, node, scope)
    if not fits:
        default = option.words[0] if option.words else show(option.default) if isinstance(option.default, (int, float, str)) else "1"
        if option.type is int and not option.default and isinstance(value, Fraction):
            default = str(max(1, math.ceil(value)))
        raise log.fail("GE501", f"{what} is {KINDS[option.type]}", node.span, f"found `{show(value)}`", hint=f"write `{default}`")
    if option.words and value not in option.words:
        near = nearest(str(value), option.words)
        raise log.fail("GE501", f"{what} is one of {', '.join(option.words)}", node.span, f"did you mean `{near}`?" if near else "",
                       hint=f"write `{near or option.words[0]}`")  # fmt: skip
    if option.type is int and isinstance(value, Fraction):
        smallest = 0 if isinstance(option.default, int) and option.default == 0 else 1
        if not smallest <= value <= LARGEST:
            raise log.fail("GE501", f"{what} is a whole number from {smallest} to {LARGEST}", node.span, hint=f"write `{max(smallest, 1)}`")
    return (value,) if option.type is tuple and not isinstance(value, tuple) else value


def show(value: object) -> str:
    """A constant as it would be typed."""
    if isinstance(value, tuple):
        return "[" + ", ".join(map(show, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _parts(node: tree.Expr, what: str, code: str, log: Log) -> tuple[tree.Name, tuple[tree.Expr, ...], tuple[tree.Kwarg, ...]]:
    if isinstance(node, tree.Name):
        return node, (), ()
    if isinstance(node, tree.Call) and isinstance(node.fn, tree.Name) and not node.params:
        return node.fn, node.args, node.kwargs
    raise log.fail(code, f"a {what} is needed here", node.span, hint=f"write a {what} by name, such as `name(key = value)`")
