"""The problem of each player as one displayed formula."""

from __future__ import annotations

from collections.abc import Iterable

from gamespec.ir import game as ir
from gamespec.view.maths import Typesetter, name


def formulas(game: ir.Game) -> list[tuple[str, str]]:
    """What is played, as MathML blocks with the words before each: the game, responses, sets, constants, metrics."""
    shown: list[tuple[str, str]] = []
    setter = Typesetter(game, lambda node: _node(game, node, setter))
    for group in game.groups:
        nodes = [n for n in game.nodes if n.id in group.nodes]
        for node in nodes:
            said = f"{node.label or node.id}, at once with the others" if len(nodes) > 1 or node.axis else node.label or node.id
            shown.append((said, _display(_node(game, node.id, setter) + _each(node))))
    grouped = {n for g in game.groups for n in g.nodes}
    shown += [("the game" if len(game.root) == 1 else r, _display(_node(game, r, setter))) for r in game.root if r not in grouped]
    for edge in {e.child: e for e in game.edges if e.kind == "response"}.values():  # once, however many lead it
        shown.append(("where the answer is", _display(_response(game, edge, setter))))
    sets = [f"{name(v.name)}<mo>∈</mo>{setter.set(v.set)}" for v in game.vars if v.set]
    if sets:
        shown.append(("with", _inline(sets)))
    constants = [f"{name(p.name)}<mo>=</mo>{setter.write(p.value)}" for p in game.params]
    if constants:
        shown.append(("constants", _inline(constants)))
    shown += [(f"metric {m.name}", _display(f"{name(m.name)}<mo>=</mo>{setter.write(m.value)}")) for m in game.metrics]
    return shown


def _display(inside: str) -> str:
    return f'<math display="block"><mrow>{inside}</mrow></math>'


def _inline(items: Iterable[str]) -> str:
    """Short formulas in a line that may break between them."""
    return f"<p class='row'>{''.join(f'<math><mrow>{item}</mrow></math>' for item in items)}</p>"


def _under(word: str, owns: Iterable[str]) -> str:
    return f"<munder><mi>{word}</mi><mrow>{'<mo>,</mo>'.join(map(name, owns))}</mrow></munder>"


def _node(game: ir.Game, node: str, setter: Typesetter) -> str:
    """`min over x of the objective`, children written inside."""
    owner = game.node(node)
    members = [f"{o}_{owner.index}" if owner.axis else o for o in owner.owns]
    under = _under(owner.sense, members) if not owner.axis else _family(owner)
    limits = "".join(f"<mo>,</mo>{setter.write(c)}" for c in owner.constraints)
    return f"<mrow>{under}<mspace width='.25em'/>{setter.write(owner.objective, 2 if '/' in node else -2)}{limits}</mrow>"


def _family(owner: ir.Node) -> str:
    inside = "<mo>,</mo>".join(f"<msub>{name(o)}{name(owner.index)}</msub>" for o in owner.owns)
    return f"<munder><mi>{owner.sense}</mi><mrow>{inside}</mrow></munder>"


def _each(node: ir.Node) -> str:
    if not node.axis:
        return ""
    return f"<mspace width='1em'/><mtext>for all\N{NO-BREAK SPACE}</mtext>{name(node.index)}<mo>=</mo><mn>0</mn><mo>…</mo><mn>{node.axis - 1}</mn>"


def _response(game: ir.Game, edge: ir.Edge, setter: Typesetter) -> str:
    """`w = argmin over w of the follower's objective`."""
    child = game.node(edge.child)
    owns = "<mo>,</mo>".join(map(name, child.owns))
    under = f"<munder><mi>arg{child.sense}</mi><mrow>{setter.draw(child.choice) if child.choice else owns}</mrow></munder>"
    limits = "".join(f"<mo>,</mo>{setter.write(c)}" for c in child.constraints)
    sign = "<mo>=</mo>" if edge.unique else "<mo>∈</mo>"
    body = setter.write(child.objective)
    return f"<mrow>{owns}{sign}{under}<mspace width='.25em'/>{body}{limits}</mrow>{_each(child)}"
