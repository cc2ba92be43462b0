r"""A game as LaTeX: problem, sets and definitions as an `align*` of amsmath, with nothing to define beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from gamespec.syntax import tree as t
from gamespec.syntax.say import kind, local, say, tightness

_LETTERS = (
    "alpha", "beta", "gamma", "delta", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi", "pi", "rho", "sigma", "tau",
    "upsilon", "phi", "chi", "psi", "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Phi", "Psi", "Omega",
)  # fmt: skip
_GREEK = {name: f"\\{name}" for name in _LETTERS} | {"eps": r"\varepsilon", "epsilon": r"\varepsilon", "lam": r"\lambda", "inf": r"\infty"}
_SIGNS = {
    "<=": r"\le", ">=": r"\ge", "==": "=", "!=": r"\ne", "<": "<", ">": ">", "and": r"\land", "or": r"\lor", "&": r"\cap",
    "\\": r"\setminus", "..": r",\dots,", "+": "+", "-": "-", "@": r"\,",
}  # fmt: skip
_OPERATORS = {
    "min": r"\min", "max": r"\max", "argmin": r"\operatorname*{arg\,min}", "argmax": r"\operatorname*{arg\,max}", "E": r"\mathbb{E}",
    "sum": r"\sum", "prod": r"\prod", "mean": r"\operatorname*{mean}", "grad": r"\nabla",
}  # fmt: skip
_FUNCTIONS = {"log": r"\log", "exp": r"\exp", "sin": r"\sin", "cos": r"\cos", "tanh": r"\tanh", "min": r"\min", "max": r"\max"}
_NUMBERS = {"R": r"\mathbb{R}", "Z": r"\mathbb{Z}"}
_GAP, _NOT = r"\; ", r"\lnot "
_ESCAPED = str.maketrans({c: f"\\{c}" for c in "_&%$#{}"} | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"})


def latex(spec: t.Spec) -> str:
    """Every `solve` of a file with the sets of its variables and the definitions it is written with."""
    lines = [line for s in spec.statements if isinstance(s, t.Solve) for line in _solve(s)]
    for s in spec.statements:
        if isinstance(s, t.Let):
            lines.append(f"{name(s.name.id)} &= {_inline(s.body)}")
        elif isinstance(s, t.Def):
            lines.append(f"{name(s.name.id)}({', '.join(name(f.name.id) for f in s.formals)}) &= {_inline(s.body)}")
        elif isinstance(s, t.Var):
            lines.append(_var(s))
        elif isinstance(s, t.Net):
            lines.append(f"{name(s.name.id)} &: {_kind(s.type)}{_within(s.set)}")
        elif isinstance(s, t.Dist | t.Data):
            lines.append(f"{name(s.name.id)} &: {_text(say(s.source))}")
    body = " \\\\\n".join(f"  {line}" for line in lines)
    return f"\\begin{{align*}}\n{body}\n\\end{{align*}}\n"


def _solve(s: t.Solve) -> list[str]:
    head = f"{_text(s.label.id)}\\colon\\; " if s.label else ""
    if isinstance(s.game, t.Bound):
        lines = _problem(s.game, head)
    else:
        lines = [line for p in s.game.players for line in _problem(p.game, _player(p), _foralls(p.foralls))]
        lines += [rf"\text{{s.t.}} \quad & {_item(i)}" for i in s.game.side]
        lines[0] = f"{head}{lines[0]}"
    for tail in s.tails:
        if isinstance(tail, t.Order):
            ranks = r" \text{ then } ".join(", ".join(name(n.id) for n in rank) for rank in tail.ranks)
            lines.append(rf"& \text{{in the order }} {ranks}")
    return lines


def _player(p: t.Player) -> str:
    return f"{_text(p.label.id)}\\colon\\; " if p.label else ""


def _problem(game: t.Bound, head: str, tail: str = "") -> list[str]:
    """The objective on one line, each of its constraints, responses and local names on the next ones."""
    operators = _GAP.join(map(_binder, game.binders))
    lines = [rf"{head}{operators} \quad & {term(game.body.expr)}{tail}"]
    return lines + [rf"{_word(i)} \quad & {_item(i)}" for i in game.body.side]


def _var(s: t.Var) -> str:
    family = f"_{{{name(s.family[0].id)}}}" if s.family else ""
    among = rf", \quad {name(s.family[0].id)} \in {_set(s.family[1])}" if s.family else ""
    own = f"{name(s.name.id)}{family}"
    space = rf" \in {_kind(s.type)}{rf',{_GAP}{own}' if s.set is not None else ''}" if s.type is not None else ""
    return f"{own} &{space}{_within(s.set)}{among}"


# ------------------------------------------------------------------ expressions


def term(e: t.Expr, level: int = 0) -> str:
    """An expression in mathematics mode, in brackets where it binds less tightly than `level`."""
    text = _term(e)
    return rf"\left({text}\right)" if _level(e) < level else text


def _level(e: t.Expr) -> int:
    if isinstance(e, t.Binary):
        # A fraction and a power hold themselves together.
        return 12 if e.op == "/" else tightness(e, "left")
    if isinstance(e, t.Unary | t.Compare):
        return tightness(e, "arg") - isinstance(e, t.Compare)
    return 0 if isinstance(e, t.If) else 12


def _term(e: t.Expr) -> str:  # noqa: C901  # one case for each node; until 2027-11
    match e:
        case t.Num():
            return say(e)
        case t.Str() | t.Bool():
            return _text(say(e))
        case t.Name():
            return name(e.id)
        case t.Tuple():
            return f"({_list(e.items)})"
        case t.List():
            return rf"\left[{_list(e.items)}\right]"
        case t.SetLit():
            return rf"\left\{{{_list(e.items)}\right\}}"
        case t.Unary():
            return f"{_NOT if e.op == 'not' else '-'}{term(e.arg, tightness(e, 'arg'))}"
        case t.Binary():
            return _binary(e)
        case t.Compare():
            own = tightness(e, "first")
            return " ".join([term(e.first, own), *(f"{_SIGNS[sign]} {term(side, own)}" for sign, side in e.rest)])
        case t.If():
            return rf"\begin{{cases}}{_cases(e)}\end{{cases}}"
        case t.Call():
            return _call(e)
        case t.Index():
            return f"{term(e.base, 12)}_{{{_list(e.indices)}}}"
        case t.Attr():
            return rf"{term(e.base, 12)}_{{{_text(e.key)}}}"
        case t.Bound():
            items = "".join(rf"\;{_word(i)}\; {_item(i)}" for i in e.body.side)
            return rf"{_GAP.join(map(_binder, e.binders))} \left[{term(e.body.expr)}{items}\right]"
        case t.Equilibrium():
            inside = r",\; ".join(f"{_player(p)}{term(p.game)}{_foralls(p.foralls)}" for p in e.players)
            items = "".join(rf"\;{_word(i)}\; {_item(i)}" for i in e.side)
            return rf"\operatorname{{Nash}}\left\{{{inside}{items}\right\}}"


def _cases(e: t.Expr) -> str:
    """The rows of `if .. then .. else if .. else ..`."""
    if isinstance(e, t.If):
        return rf"{term(e.then)} & \text{{if }} {term(e.cond)} \\ {_cases(e.other)}"
    return rf"{term(e)} & \text{{otherwise}}"


def _binary(e: t.Binary) -> str:
    if e.op == "/":
        return rf"\frac{{{term(e.left)}}}{{{term(e.right)}}}"
    left, right = term(e.left, tightness(e, "left")), term(e.right, tightness(e, "right"))
    if e.op == "^":
        held = isinstance(e.left, t.Call) and not (isinstance(e.left.fn, t.Name) and e.left.fn.id in ("abs", "norm"))
        base = rf"\left({left}\right)" if held else left
        return f"{{{base}}}^{{{term(e.right)}}}"
    if e.op == "*":
        # Digits beside digits would be read as one number.
        return rf"{left} \cdot {right}" if re.match(r"[\d\\\[]", right) and re.search(r"\d$", left) else f"{left}\\,{right}"
    return f"{left} {_SIGNS[e.op]} {right}"


def _call(e: t.Call) -> str:
    called = e.fn.id if isinstance(e.fn, t.Name) else ""
    if called == "norm":
        power = {"inf": r"\infty"}.get(say(e.args[1]), say(e.args[1])) if len(e.args) > 1 else "2"
        return rf"\left\lVert {term(e.args[0])} \right\rVert_{{{power}}}"
    if called == "abs":
        return rf"\left| {term(e.args[0])} \right|"
    if called == "sqrt":
        return rf"\sqrt{{{term(e.args[0])}}}"
    if called == "stop":
        return rf"\overline{{{term(e.args[0])}}}"
    inside = ", ".join([*map(term, e.args), *(f"{_text(k.key)} = {term(k.value)}" for k in e.kwargs)])
    behind = rf";\, {_list(e.params)}" if e.params else ""
    return rf"{_FUNCTIONS.get(called) or term(e.fn, 12)}\left({inside}{behind}\right)"


def _list(items: Iterable[t.Expr]) -> str:
    return ", ".join(map(term, items))


# ------------------------------------------------------------------ binders, bodies, names


def _binder(b: t.Binder) -> str:
    return f"{_OPERATORS[b.op]}_{{{', '.join(map(_bind, b.binds))}}}"


def _bind(b: t.Bind) -> str:
    names = ", ".join(name(n.id) for n in b.pattern.names)
    text = f"({names})" if len(b.pattern.names) > 1 else names
    text += f"_{{{_list(b.pattern.indices)}}}" if b.pattern.indices else ""
    if b.source is None:
        return text
    cond = rf" \mid {term(b.cond)}" if b.cond else ""
    sign = r"\sim" if b.draws else r"\in"
    return f"{text} {sign} {_set(b.source)}{cond}"


def _set(e: t.Expr) -> str:
    """A range in braces, any other set as it is."""
    if isinstance(e, t.Binary) and e.op == "..":
        return rf"\left\{{{_term(e)}\right\}}"
    if isinstance(e, t.Binary) and e.op == "\\":
        return rf"{_set(e.left)} \setminus {_set(e.right)}"
    return term(e)


def _inline(b: t.Body) -> str:
    words = [rf",\quad {_word(i)}\;" if k == 0 or local(b.side[k - 1]) != local(i) else "," for k, i in enumerate(b.side)]
    return term(b.expr) + "".join(f"{word} {_item(i)}" for word, i in zip(words, b.side, strict=True))


def _word(i: t.Item) -> str:
    return r"\text{where}" if local(i) else r"\text{s.t.}"


def _within(set: t.Expr | None) -> str:
    return rf" \in {term(set)}" if set is not None else ""


def _item(i: t.Item) -> str:
    sign = "=" if i.kind == "unique" else r"\in"
    right = "" if i.right is None else f" {sign} {term(i.right)}"
    return f"{term(i.left)}{right}{_foralls(i.foralls)}"


def _foralls(foralls: tuple[t.Forall, ...]) -> str:
    return "".join(rf"\quad \forall\, {name(f.name.id)} \in {_set(f.source)}" for f in foralls)


def _kind(x: t.Type | None) -> str:
    match x:
        case None:
            return ""
        case t.TName() if x.name in _NUMBERS and not x.args:
            sides = r" \times ".join(map(term, x.dims))
            return _NUMBERS[x.name] + (f"^{{{sides}}}" if x.dims else "")
        case t.TFun():
            return rf"{_kind(x.source)} \to {_kind(x.target)}"
        case _:
            return _text(kind(x))


def name(text: str) -> str:
    r"""A name: a Greek letter as `\delta`, `u_2` and `u2` with an index, a longer word upright."""
    found = re.fullmatch(r"(.+?)(?:_(.+)|(\d+))", text)
    stem, index = (found.group(1), found.group(2) or found.group(3)) if found else (text, "")
    shown = _GREEK.get(stem) or (stem if len(stem) == 1 else _text(stem))
    return f"{shown}_{{{index if index.isdigit() else name(index)}}}" if index else shown


def _text(text: str) -> str:
    return rf"\text{{{text.translate(_ESCAPED)}}}"
