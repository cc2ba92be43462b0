"""From the productions of the grammar to the nodes of the tree: one method for each production.

A method is given the parts in the order of the grammar: tokens for terminals, what its method gave for a
nonterminal, None for an optional symbol that was not written.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from gamespec.report.diagnostic import Diagnostic, Edit, Fix, Label
from gamespec.report.source import Span
from gamespec.syntax import tree as t
from gamespec.syntax.lex import Token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Parts = list[Any]

WORDS = {"∑": "sum", "∇": "grad", "𝔼": "E"}
COMPARISONS = {"≤": "<=", "≥": ">=", "≠": "!="}
ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}


class Build:
    """Builds the tree of one text; `problems` are mistakes that the grammar does not see."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Diagnostic] = []

    def action(self, name: str) -> Callable[[Parts, Span], Any]:
        """What builds the production of this name."""
        found: Callable[[Parts, Span], Any] = getattr(self, f"_{name}")
        return found

    def _at(self, token: Token) -> Span:
        return Span(self.file, token.start, token.end)

    def _ident(self, token: Token) -> t.Name:
        return t.Name(self._at(token), token.text)

    def _maybe(self, token: Token | None) -> t.Name | None:
        return None if token is None else self._ident(token)

    def _idents(self, parts: Parts) -> tuple[t.Name, ...]:
        return tuple(self._ident(part) for part in parts if isinstance(part, Token) and part.type == "NAME")

    def _problem(self, code: str, message: str, span: Span, label: str, hint: str, fixes: tuple[Fix, ...] = ()) -> None:
        self.problems.append(Diagnostic(code, message, Label(span, label), hint=hint, fixes=fixes))

    # -------------------------------------------------------------- statements

    def _start(self, parts: Parts, span: Span) -> tuple[t.Statement, ...]:
        return tuple(parts)

    def _language_stmt(self, parts: Parts, span: Span) -> t.Language:
        number = parts[1]
        if not number.text.isdigit():
            self._problem("GE008", "an edition is a whole number", self._at(number), "", "write `language 1`")
            return t.Language(span, 0)
        return t.Language(span, int(number.text))

    def _game_stmt(self, parts: Parts, span: Span) -> t.GameName:
        return t.GameName(span, self._ident(parts[1]))

    def _import_stmt(self, parts: Parts, span: Span) -> t.Import:
        _, path, _, name = parts
        return t.Import(span, self._str(parts[1:2], self._at(path)), self._ident(name))

    def _param_stmt(self, parts: Parts, span: Span) -> t.Param:
        _, name, _, kind, _, range_, _, value = parts
        return t.Param(span, self._ident(name), kind, range_, value)

    def _dim_stmt(self, parts: Parts, span: Span) -> t.Dim:
        _, name, _, value = parts
        return t.Dim(span, self._ident(name), value)

    def _data_stmt(self, parts: Parts, span: Span) -> t.Data:
        _, name, _, kind, _, range_, _, value = parts
        return t.Data(span, self._ident(name), kind, range_, value)

    def _dist_stmt(self, parts: Parts, span: Span) -> t.Dist:
        _, name, _, kind, _, value = parts
        return t.Dist(span, self._ident(name), kind, value)

    def _net_stmt(self, parts: Parts, span: Span) -> t.Net:
        _, name, _, kind, _, value, *options = parts
        found = self._once((word, at, option) for word, at, option in options)
        return t.Net(span, self._ident(name), kind, value, found.get("params"), found.get("in"), found.get("frozen", False))

    def _opt_params(self, parts: Parts, span: Span) -> tuple[str, Span, t.Name]:
        return "params", span, self._ident(parts[1])

    def _opt_in(self, parts: Parts, span: Span) -> tuple[str, Span, t.Expr]:
        return "in", span, parts[1]

    def _opt_frozen(self, parts: Parts, span: Span) -> tuple[str, Span, bool]:
        return "frozen", span, True

    def _once(self, options: Iterable[tuple[str, Span, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for word, span, value in options:
            if word in found:
                # Of two that say the same nothing is lost; elsewhere the one that stays is chosen.
                fix = Fix("keep the first", (Edit(span, ""),), safe=value is True)
                self._problem("GE019", f"`{word}` is written twice", span, "the second time", "keep one of them", (fix,))
            found[word] = value
        return found

    def _var_stmt(self, parts: Parts, span: Span) -> t.Var:
        _, name, family, _, kind, _, set_, _, init = parts
        return t.Var(span, self._ident(name), family, kind, set_, init)

    def _family(self, parts: Parts, span: Span) -> tuple[t.Name, t.Expr]:
        return self._ident(parts[1]), parts[3]

    def _def_stmt(self, parts: Parts, span: Span) -> t.Def:
        formals = tuple(part for part in parts if isinstance(part, t.Formal))
        return t.Def(span, self._ident(parts[1]), formals, parts[-3], parts[-1])

    def _formal(self, parts: Parts, span: Span) -> t.Formal:
        name, _, kind = parts
        return t.Formal(span, self._ident(name), kind)

    def _let_stmt(self, parts: Parts, span: Span) -> t.Let:
        return t.Let(span, self._ident(parts[1]), parts[3])

    def _assume_stmt(self, parts: Parts, span: Span) -> t.Assume:
        return t.Assume(span, parts[1])

    def _solve_stmt(self, parts: Parts, span: Span) -> t.Solve:
        _, label, game, *tails = parts
        self._once(("order" if isinstance(tail, t.Order) else "ties", tail.span, tail) for tail in tails)
        return t.Solve(span, label, game, tuple(tails))

    def _metric_stmt(self, parts: Parts, span: Span) -> t.Metric:
        return t.Metric(span, self._ident(parts[1]), parts[3])

    def _expect_stmt(self, parts: Parts, span: Span) -> t.Expect:
        _, name, _, condition = parts
        return t.Expect(span, self._maybe(name), condition)

    # -------------------------------------------------------------- schedules and runs

    def _schedule_stmt(self, parts: Parts, span: Span) -> t.Schedule:
        _, name, _, extends, _, *rest = parts
        entries = tuple(part for part in rest if isinstance(part, t.Entry))
        return t.Schedule(span, self._maybe(name), self._maybe(extends), entries)

    def _sched(self, parts: Parts, span: Span) -> t.Entry:
        return t.Entry(span, parts[0], tuple(parts[2::2]))

    def _run_stmt(self, parts: Parts, span: Span) -> t.Run:
        return t.Run(span, tuple(part for part in parts if isinstance(part, t.Setting)))

    def _setting(self, parts: Parts, span: Span) -> t.Setting:
        return t.Setting(span, parts[0], parts[2])

    def _path(self, parts: Parts, span: Span) -> t.Path:
        return t.Path(span, tuple(key.text for key in parts[::2]))

    # -------------------------------------------------------------- types

    def _t_fun(self, parts: Parts, span: Span) -> t.TFun:
        return t.TFun(span, parts[0], parts[2])

    def _t_name(self, parts: Parts, span: Span) -> t.TName:
        name, args, dims = parts
        return t.TName(span, name.text, args or (), dims or ())

    def _t_of(self, parts: Parts, span: Span) -> t.TOf:
        return t.TOf(span, parts[0].text, parts[2])

    def _t_record(self, parts: Parts, span: Span) -> t.TRecord:
        return t.TRecord(span, tuple(parts[1:-1:2]))

    def _f_named(self, parts: Parts, span: Span) -> t.TField:
        name, _, kind, _, range_ = parts
        return t.TField(span, self._ident(name), kind, range_)

    def _f_anon(self, parts: Parts, span: Span) -> t.TField:
        return t.TField(span, None, parts[0], None)

    def _targs(self, parts: Parts, span: Span) -> tuple[t.Expr, ...]:
        return tuple(parts[1:-1:2])

    def _tdims(self, parts: Parts, span: Span) -> tuple[t.Expr, ...]:
        return tuple(parts[1:-1:2])

    # -------------------------------------------------------------- the game

    def _label(self, parts: Parts, span: Span) -> t.Name:
        return self._ident(parts[0])

    def _block(self, parts: Parts, span: Span) -> t.Block:
        return t.Block(span, parts[0] is not None, *_block(parts))

    def _equilibrium(self, parts: Parts, span: Span) -> t.Equilibrium:
        return t.Equilibrium(span, *_block(parts))

    def _player(self, parts: Parts, span: Span) -> t.Player:
        label, game, *foralls = parts
        return t.Player(span, label, game, tuple(foralls))

    def _tail_order(self, parts: Parts, span: Span) -> t.Order:
        return t.Order(span, tuple(parts[1::2]))

    def _tail_ties(self, parts: Parts, span: Span) -> t.Ties:
        return t.Ties(span, self._ident(parts[1]))

    def _rank(self, parts: Parts, span: Span) -> tuple[t.Name, ...]:
        return self._idents(parts)

    def _bindapp(self, parts: Parts, span: Span) -> t.Bound:
        return t.Bound(span, tuple(part for part in parts if isinstance(part, t.Binder)), parts[-2])

    def _binder(self, parts: Parts, span: Span) -> t.Binder:
        op = parts[0]
        return t.Binder(span, WORDS.get(op.text, op.text), self._at(op), tuple(parts[2:-1:2]))

    def _b_in(self, parts: Parts, span: Span) -> t.Bind:
        pattern, _, kind, _, source, _, cond = parts
        return t.Bind(span, pattern, False, kind, source, cond)

    def _b_draw(self, parts: Parts, span: Span) -> t.Bind:
        pattern, _, source, _, cond = parts
        return t.Bind(span, pattern, True, None, source, cond)

    def _pattern(self, parts: Parts, span: Span) -> t.Pattern:
        if parts[0].type == "LPAR":
            return t.Pattern(span, self._idents(parts))
        return t.Pattern(span, (self._ident(parts[0]),), _items(parts))

    def _body(self, parts: Parts, span: Span) -> t.Body:
        expr, *sides = parts
        return t.Body(span, expr, tuple(item for side in sides for item in side))

    def _side(self, parts: Parts, span: Span) -> tuple[t.Item, ...]:
        return tuple(parts[1::2])

    def _constraint(self, parts: Parts, span: Span) -> t.Item:
        left, *foralls = parts
        return t.Item(span, "constraint", left, None, tuple(foralls))

    def _a_unique(self, parts: Parts, span: Span) -> t.Item:
        left, _, right, *foralls = parts
        return t.Item(span, "unique", left, right, tuple(foralls))

    def _a_any(self, parts: Parts, span: Span) -> t.Item:
        left, _, right, *foralls = parts
        return t.Item(span, "any", left, right, tuple(foralls))

    def _forall(self, parts: Parts, span: Span) -> t.Forall:
        return t.Forall(span, self._ident(parts[1]), parts[3])

    # -------------------------------------------------------------- expressions

    def _ifelse(self, parts: Parts, span: Span) -> t.If:
        _, cond, _, then, _, other = parts
        return t.If(span, cond, then, other)

    def _or_op(self, parts: Parts, span: Span) -> t.Binary:
        return t.Binary(span, "or", parts[0], parts[2])

    def _and_op(self, parts: Parts, span: Span) -> t.Binary:
        return t.Binary(span, "and", parts[0], parts[2])

    def _not_op(self, parts: Parts, span: Span) -> t.Unary:
        return t.Unary(span, "not", parts[1])

    def _cmp(self, parts: Parts, span: Span) -> t.Compare:
        operators = (COMPARISONS.get(op.text, op.text) for op in parts[1::2])
        return t.Compare(span, parts[0], tuple(zip(operators, parts[2::2], strict=True)))

    def _intersect(self, parts: Parts, span: Span) -> t.Binary:
        return t.Binary(span, "&", parts[0], parts[2])

    def _setminus(self, parts: Parts, span: Span) -> t.Binary:
        return t.Binary(span, "\\", parts[0], parts[2])

    def _binary(self, parts: Parts, span: Span) -> t.Binary:
        return t.Binary(span, parts[1].text, parts[0], parts[2])

    _range = _add = _sub = _mul = _div = _matmul = _pow = _binary

    def _neg(self, parts: Parts, span: Span) -> t.Unary:
        return t.Unary(span, "-", parts[1])

    def _call(self, parts: Parts, span: Span) -> t.Call:
        fn, bracket, args, params, _ = parts
        self._needs_operator(fn, bracket, f"`{parts[0].value}*(..)`" if isinstance(fn, t.Num) else "the operator")
        return self._apply(span, fn, args or (), params or ())

    def _opcall(self, parts: Parts, span: Span) -> t.Call:
        op, _, args, _ = parts
        return self._apply(span, t.Name(self._at(op), WORDS.get(op.text, op.text)), args or (), ())

    def _apply(self, span: Span, fn: t.Expr, args: tuple[t.Expr | t.Kwarg, ...], params: tuple[t.Expr, ...]) -> t.Call:
        places: list[t.Expr] = []
        keys: list[t.Kwarg] = []
        for arg in args:
            if isinstance(arg, t.Kwarg):
                keys.append(arg)
                continue
            places.append(arg)
            if keys:
                label = f"comes after `{keys[-1].key} = ..`"
                self._problem("GE018", "arguments by place come first", arg.span, label, "move it to the front")
        return t.Call(span, fn, tuple(places), tuple(keys), params)

    def _args(self, parts: Parts, span: Span) -> tuple[t.Expr | t.Kwarg, ...]:
        return tuple(parts[::2])

    def _kwarg(self, parts: Parts, span: Span) -> t.Kwarg:
        return t.Kwarg(span, parts[0].text, parts[2])

    def _params_arg(self, parts: Parts, span: Span) -> tuple[t.Expr, ...]:
        return tuple(parts[1::2])

    def _needs_operator(self, base: t.Expr, bracket: Token, hint: str) -> None:
        """A literal is no function and no array: what stands before the bracket is an operand."""
        if isinstance(base, t.Num | t.Str | t.Bool):
            label = f"expected an operator before `{bracket.text}`"
            place = Span(self.file, bracket.start, bracket.start)
            times = Fix("write `*`", (Edit(place, "*"),), safe=True)
            fixes = (times,) if isinstance(base, t.Num) and bracket.text == "(" else ()
            self._problem("GE003", "missing operator", self._at(bracket), label, f"write {hint}", fixes)

    def _index(self, parts: Parts, span: Span) -> t.Index:
        self._needs_operator(parts[0], parts[1], "the operator")
        return t.Index(span, parts[0], tuple(parts[2:-1:2]))

    def _attr(self, parts: Parts, span: Span) -> t.Attr:
        return t.Attr(span, parts[0], parts[2].text)

    def _atom(self, parts: Parts, span: Span) -> t.Expr:
        expr: t.Expr = parts[1]
        return expr

    def _tuple(self, parts: Parts, span: Span) -> t.Tuple:
        return t.Tuple(span, _items(parts))

    def _list(self, parts: Parts, span: Span) -> t.List:
        return t.List(span, _items(parts))

    def _set(self, parts: Parts, span: Span) -> t.SetLit:
        return t.SetLit(span, _items(parts))

    def _name(self, parts: Parts, span: Span) -> t.Name:
        return self._ident(parts[0])

    def _num(self, parts: Parts, span: Span) -> t.Num:
        return t.Num(span, Fraction(parts[0].text.replace("_", "")))

    def _true(self, parts: Parts, span: Span) -> t.Bool:
        return t.Bool(span, True)

    def _false(self, parts: Parts, span: Span) -> t.Bool:
        return t.Bool(span, False)

    def _str(self, parts: Parts, span: Span) -> t.Str:
        for found in re.finditer(r"\\(.)", parts[0].text):
            if found.group(1) not in ESCAPES:
                where = Span(self.file, span.start + found.start(), span.start + found.end())
                fix = Fix("write `\\\\`", (Edit(where, f"\\{found.group()}"),))
                self._problem("GE020", "an unknown escape", where, "", "write a backslash as `\\\\`", (fix,))
        return t.Str(span, re.sub(r"\\(.)", lambda m: ESCAPES.get(m.group(1), m.group(1)), parts[0].text[1:-1]))


def _items(parts: Parts) -> tuple[t.Expr, ...]:
    return tuple(part for part in parts if not isinstance(part, Token | None))


def _block(parts: Parts) -> tuple[tuple[t.Player, ...], tuple[t.Item, ...]]:
    return tuple(part for part in parts if isinstance(part, t.Player)), parts[-2] or ()
