"""Games written as values of the IR."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

from gamespec.ir import expr as ir
from gamespec.ir.game import Data, Dist, Edge, Game, Group, Net, Node, Param, Part, Sense, Set, Use, Var
from gamespec.ir.types import REAL, Field, Interval, Type, vector

Like = Any


class E:
    """An expression that Python's operators build."""

    def __init__(self, expr: ir.Expr) -> None:
        self.expr = expr

    def __add__(self, other: Like) -> E:
        return call("add", self, other)

    def __radd__(self, other: Like) -> E:
        return call("add", other, self)

    def __sub__(self, other: Like) -> E:
        return call("sub", self, other)

    def __rsub__(self, other: Like) -> E:
        return call("sub", other, self)

    def __mul__(self, other: Like) -> E:
        return call("mul", self, other)

    def __rmul__(self, other: Like) -> E:
        return call("mul", other, self)

    def __truediv__(self, other: Like) -> E:
        return call("div", self, other)

    def __rtruediv__(self, other: Like) -> E:
        return call("div", other, self)

    def __pow__(self, other: Like) -> E:
        return call("pow", self, other)

    def __matmul__(self, other: Like) -> E:
        return call("matmul", self, other)

    def __neg__(self) -> E:
        return call("neg", self)

    def __getitem__(self, index: Like) -> E:
        return E(ir.Index(base=self.expr, indices=(raw(index),)))


def raw(value: Like) -> ir.Expr:
    """An expression from a number, a list or an expression."""
    if isinstance(value, E):
        return value.expr
    if isinstance(value, (list, tuple)):
        return ir.Array(items=tuple(map(raw, value)))
    if isinstance(value, (int, Fraction)):
        return ir.Num(value=Fraction(value))
    if isinstance(value, (float, str)):
        return ir.Num(value=Fraction(str(value)))
    return value  # type: ignore[no-any-return]  # already an expression; until 2027-11


def x(name: str) -> E:
    """A name."""
    return E(ir.Ref(name=name))


def call(fn: str, *args: Like) -> E:
    """A function of the language."""
    return E(ir.Call(fn=fn, args=tuple(map(raw, args))))


def net(name: str, *args: Like, at: Like = None) -> E:
    """A network at arguments."""
    return E(ir.Apply(net=name, args=tuple(map(raw, args)), at=None if at is None else raw(at)))


def fold(op: Any, draw: ir.Draw | Sequence[ir.Draw], body: Like) -> E:
    """A reduction."""
    draws = (draw,) if isinstance(draw, ir.Draw) else tuple(draw)
    return E(ir.Reduce(op=op, draws=draws, body=raw(body)))


def over(name: str, first: int, last: int, skip: Like = None) -> ir.Draw:
    """An index that runs over a range."""
    return ir.Draw(names=(name,), draws=False, first=first, last=last, skip=None if skip is None else raw(skip))


def sample(*names: str, of: str, draws: bool = True) -> ir.Draw:
    """Names bound to one sample."""
    return ir.Draw(names=names, over=of, draws=draws)


def value(node: str) -> E:
    """The value of a node."""
    return E(ir.Value(node=node))


def inside(word: str, *args: Like, shift: Like = None) -> Set:
    """A set of one part."""
    return Set(parts=(part(word, *args, shift=shift),))


def part(word: str, *args: Like, shift: Like = None) -> Part:
    """One set of an intersection; None is an open end of a box."""
    opened = ("-inf", "inf")
    ends = tuple(ir.Word(value=opened[k]) if a is None else raw(a) for k, a in enumerate(args))
    return Part(word=word, args=ends, shift=None if shift is None else raw(shift))


def var(name: str, lo: Like = None, hi: Like = None, **more: Any) -> Var:
    """A number in an interval, or anything else with `type` and `set`."""
    found = {"type": REAL, "set": None if lo is None and hi is None else inside("Box", lo, hi), **more}
    return Var(name=name, **found)


def node(name: str, sense: Sense, owns: str, objective: Like, **more: Any) -> Node:
    """A node; `owns` are names with spaces between."""
    return Node(id=name, sense=sense, owns=tuple(owns.split()), objective=raw(objective), **more)


def minimax(variables: Sequence[Var], f: Like, name: str = "toy", **more: Any) -> Game:
    """Minimise over the first variable, max over the second."""
    u, v = (variable.name for variable in variables)
    inner = f"main/max:{v}"
    nodes = (node(inner, "max", v, f), node("main", "min", u, value(inner)))
    edges = (Edge(kind="value", parent="main", child=inner),)
    return Game(name=name, vars=tuple(variables), nodes=nodes, edges=edges, root=("main",), **more)


def alone(variables: Sequence[Var], f: Like, sense: Sense = "min", **more: Any) -> Game:
    """One player who owns everything."""
    owns = " ".join(variable.name for variable in variables)
    return Game(name="alone", vars=tuple(variables), nodes=(node("main", sense, owns, f),), root=("main",), **more)


def block(variables: Sequence[Var], *players: tuple[Sense, str, Like], **more: Any) -> Game:
    """Players that move at once."""
    nodes = tuple(node(f"player{k + 1}", *player) for k, player in enumerate(players))
    ids = tuple(n.id for n in nodes)
    given = {"concept": "nash", "groups": (Group(id="group", nodes=ids),), **more}
    return Game(name="block", vars=tuple(variables), nodes=nodes, root=ids, **given)


def bilevel(
    variables: Sequence[Var], upper: tuple[Sense, str, Like], lower: tuple[Sense, str, Like], **more: Any
) -> Game:
    """A leader and a follower whose answer it sees."""
    inner = f"main/{lower[0]}:{lower[1]}"
    edge = Edge(kind="response", parent="main", child=inner, unique=more.pop("unique", True))
    nodes = (node(inner, *lower, scope=more.pop("scope", ())), node("main", *upper))
    return Game(name="bilevel", vars=tuple(variables), nodes=nodes, edges=(edge,), root=("main",), **more)


# ------------------------------------------------------------------ the games of the lectures


def anti_saddle(**more: Any) -> Game:
    """Concave in u, convex in v."""
    u, v = x("u"), x("v")
    box = (Fraction(-1, 2), Fraction(1, 2))
    return minimax([var("u", *box), var("v", *box)], -(u**2) + v**2 + 2 * u * v, "anti_saddle", **more)


def bilinear(lo: Like = None, hi: Like = None, **more: Any) -> Game:
    """The product x * y."""
    return minimax([var("x", lo, hi), var("y", lo, hi)], x("x") * x("y"), "bilinear", **more)


def forsaken(**more: Any) -> Game:
    """The game x (y - c) + phi(x) - phi(y)."""

    def phi(z: E) -> E:
        return z**2 / 4 - z**4 / 2 + z**6 / 6

    f = x("x") * (x("y") - x("c")) + phi(x("x")) - phi(x("y"))
    return minimax(
        [var("x", -2, 2), var("y", -2, 2)], f, "forsaken", params=(Param(name="c", value=raw("0.1")),), **more
    )


def matrix_game() -> Game:
    """A bilinear game on two simplices."""
    variables = [var(n, type=vector(2), set=inside("Simplex", 2, 1)) for n in "xy"]
    a = Param(name="A", value=raw([[3, -1], [-2, 1]]))
    return minimax(variables, x("x") @ x("A") @ x("y"), "matrix_game", params=(a,), order_word="auto")


def cournot(n: int = 3) -> Game:
    """Some firms choose quantities."""
    q, i = x("q"), x("i")
    f = x("cost")[i] * q[i] - (x("a") - fold("sum", over("j", 0, n - 1), q[x("j")])) * q[i]
    player = node("main", "min", "q", f, index="i", axis=n)
    family = var("q", 0, None, type=vector(n), index="i", axis=n)
    params = (Param(name="a", value=raw(10)), Param(name="cost", value=raw(list(range(1, n + 1)))))
    group = (Group(id="group", nodes=("main",)),)
    return Game(
        name="cournot", vars=(family,), nodes=(player,), root=("main",), concept="nash", groups=group, params=params
    )


def three_level() -> Game:
    """Three leaders in a row."""
    a, b, c = x("u1"), x("u2"), x("u3")
    nodes = (
        node("main/min:u2/min:u3", "min", "u3", (c - a - b) ** 2),
        node("main/min:u2", "min", "u2", (b - 2) ** 2 + c**2),
        node("main", "min", "u1", (a - 1) ** 2 + b**2 + c**2),
    )
    edges = tuple(Edge(kind="response", parent=p.id, child=k.id, unique=True) for k, p in pairwise(nodes))
    return Game(name="three_level", vars=tuple(map(var, ("u1", "u2", "u3"))), nodes=nodes, edges=edges, root=("main",))


IMAGE = Type(kind="real", shape=(64,))
LOGITS = Type(kind="logits", size=10)
UNIT = Interval(lo=Fraction(0), hi=Fraction(1))


def digits(name: str = "train", **more: Any) -> Data:
    """Pictures with classes."""
    fields = (Field(name="a", type=IMAGE, range=UNIT), Field(name="b", type=Type(kind="class", size=10)))
    return Data(name=name, fields=more.get("fields", fields), source=Use(word="digits"))


def network(name: str, word: str = "mlp", output: Type = LOGITS, source: Type = IMAGE, **more: Any) -> Net:
    """A network."""
    handle = more.pop("handle", name)
    return Net(name=name, inputs=(source,), output=output, source=Use(word=word, **more), handle=handle)


def pgd(word: str = "mlp") -> Game:
    """Adversarial training."""
    draw = sample("a", "b", of="train")
    ball = Set(parts=(part("Linf", x("eps")), part("Box", 0, 1, shift=x("a"))))
    inner = "main/max:eta"
    nodes = (
        node(inner, "max", "eta", call("ce", net("h", x("a") + x("eta")), x("b")), scope=(draw,)),
        node("main", "min", "h", fold("E", draw, value(inner))),
    )
    return Game(
        name="adversarial_training", params=(Param(name="eps", value=raw(Fraction(8, 255))),), data=(digits(),),
        nets=(network("h", word),), vars=(var("eta", type=IMAGE, set=ball, scope=(draw,)),), nodes=nodes,
        edges=(Edge(kind="value", parent="main", child=inner),), root=("main",),
    )  # fmt: skip


def cleaning(regularised: bool = True, word: str = "linear", weights: Set | None = None) -> Game:
    """Weights of training samples are chosen so that the model fitted with them does well on clean data."""
    fields = (*digits().fields, Field(name="i", type=Type(kind="index")))
    train = sample("a", "b", "i", of="tr", draws=False)
    loss = fold("sum", train, x("u")[x("i")] * call("ce", net("h", x("a")), x("b"))) / call("sum", x("u"))
    inner = loss + Fraction(1, 1000) * call("norm", x("w")) ** 2 if regularised else loss
    outer = fold("E", sample("c", "d", of="val"), call("ce", net("h", x("c")), x("d")))
    found = bilevel(
        [var("u", type=vector(300), set=weights or inside("Box", 0, 1))], ("min", "u", outer), ("min", "w", inner),
        data=(digits("tr", fields=fields), digits("val")), nets=(network("h", word, handle="w"),),
    )  # fmt: skip
    return found.model_copy(update={"name": "hyper_data_cleaning"})


def gan(nash: bool = False, **more: Any) -> Game:
    """A generator and a discriminator."""
    point = Type(kind="real", shape=(2,))
    nets = (
        network("G", output=point, source=point, handle="u"),
        network("D", output=Type(kind="prob"), source=point, handle="v"),
    )
    real, noise = sample("a", of="x_real"), sample("z", of="p_z")
    fake = net("D", net("G", x("z")))
    f = fold("E", real, call("log", net("D", x("a")))) + fold("E", noise, call("log", 1 - fake))
    common = {
        "nets": nets, "dists": (Dist(name="p_z", type=point, source=Use(word="Normal")),),
        "data": (digits("x_real", fields=(Field(name="a", type=point),)),),
    }  # fmt: skip
    if nash:
        generator = fold("E", noise, -call("log", fake))
        return block([], ("min", "u", generator), ("max", "v", f), **common, **{"concept": "block", **more})
    nodes = (node("main/max:v", "max", "v", f), node("main", "min", "u", value("main/max:v")))
    edge = Edge(kind="value", parent="main", child="main/max:v")
    return Game(name="gan", nodes=nodes, edges=(edge,), root=("main",), **common, **more)


def privacy() -> Game:
    """A filter that hides one label and keeps another: -min{v} and a merged min{w}."""
    point = Type(kind="real", shape=(8,))
    nets = (
        network("g", "linear", point), network("priv", "linear", LOGITS, point, handle="v"),
        network("util", "linear", LOGITS, point, handle="w"),
    )  # fmt: skip
    draw = sample("a", "b", of="train")
    risk = {name: fold("E", draw, call("ce", net(name, net("g", x("a"))), x("b"))) for name in ("priv", "util")}
    inner = "main/min:v"
    nodes = (
        node(inner, "min", "v", risk["priv"]),
        node("main", "min", "g w", -value(inner) + x("rho") * risk["util"]),
    )
    rho = Param(name="rho", value=raw(10), range=Interval(lo=Fraction(0)))
    return Game(
        name="privacy_filter", params=(rho,), data=(digits(),), nets=nets, nodes=nodes, root=("main",), merged=("w",),
        edges=(Edge(kind="value", parent="main", child=inner, sign=-1),),
    )  # fmt: skip


def beta() -> Game:
    """The best targeted attack: K - 1 attacks a sample, a discrete choice among them, a defender."""
    draw = sample("a", "b", of="train")
    k = over("k", 0, 9, skip=x("b"))
    attack = call("margin", net("h", x("a") + x("d")[x("k")]), x("k"), x("b"))
    nodes = (
        node("main/max:d", "max", "d", attack, scope=(draw,), index="k", axis=9),
        node("main/max:j", "max", "j", call("margin", net("h", x("a") + x("d")[x("m")]), x("m"), x("b")), scope=(draw,),
             choice=over("m", 0, 9, skip=x("b"))),
        node("main", "min", "h", fold("E", draw, call("ce", net("h", x("a") + x("d")[x("j")]), x("b")))),
    )  # fmt: skip
    family = var("d", type=IMAGE, set=inside("Linf", x("eps")), scope=(draw,), index="k", axis=9, skip=k.skip)
    chosen = var("j", type=Type(kind="index"), scope=(draw,))
    return Game(
        name="best_targeted_attack", params=(Param(name="eps", value=raw(Fraction(8, 255))),), data=(digits(),),
        nets=(network("h"),), vars=(family, chosen), nodes=nodes, root=("main",),
        edges=tuple(Edge(kind="response", parent="main", child=n.id) for n in nodes[:2]),
    )  # fmt: skip
