"""The game as a diagram: a box for each player, leaders above followers, an arrow for what each sees of the other."""

from __future__ import annotations

from dataclasses import dataclass
from xml.sax.saxutils import escape

from gamespec.ir.game import Edge, Game, Node
from gamespec.ir.walk import problem
from gamespec.view.scale import label

_TIP = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse">'
    '<path class="tip" d="M0 0L8 4L0 8Z"/></marker></defs>'
)
_WIDE, _TALL, _GAP, _RISE = 178.0, 62.0, 26.0, 60.0


@dataclass(frozen=True, slots=True)
class _Box:
    node: Node
    x: float
    y: float


def diagram(game: Game, responses: dict[str, str] | None = None) -> str:
    """The players as SVG. `responses` adds a word to the arrow of a follower: how derivatives pass through it."""
    played = problem(game)
    levels = _levels(played)
    widest = max(len(level) for level in levels)
    wide = max(widest * (_WIDE + _GAP) + _GAP, 360.0)
    boxes: dict[str, _Box] = {}
    for depth, level in enumerate(levels):
        left = (wide - len(level) * (_WIDE + _GAP) + _GAP) / 2
        for k, node in enumerate(level):
            boxes[node.id] = _Box(node, left + k * (_WIDE + _GAP), 8 + depth * (_TALL + _RISE))
    tall = 8 + len(levels) * (_TALL + _RISE) - _RISE + 10
    together = [b for b in boxes.values() if b.y == 8]
    framed = len(together) > 1 or game.concept == "nash"
    parts = [_frame(together, game)] if framed else []
    tall += 20 if framed and len(levels) == 1 else 0
    wires = [e for e in played.edges if e.child in boxes and e.parent in boxes and boxes[e.child].y > boxes[e.parent].y]
    parts += [_wire(boxes[e.parent], boxes[e.child], e, (responses or {}).get(e.child, "")) for e in wires]
    parts += [_drawn(game, box) for box in boxes.values()]
    said = "; ".join(f"{n.sense} over {', '.join(n.owns)}" for level in levels for n in level)
    head = (
        f'<svg viewBox="0 0 {wide:g} {tall:g}" class="diagram" style="max-width:{wide * 1.15:.0f}px" role="img" aria-label="players: {escape(said)}">'
    )
    tip = _TIP
    return f"{head}{tip}{''.join(parts)}</svg>"


def _levels(game: Game) -> list[list[Node]]:
    """Players by how many leaders stand above them."""
    above = {e.child: e.parent for e in game.edges}  # of several leaders any one: they stand side by side

    def depth(node: str) -> int:
        count, seen = 0, {node}
        while node in above and above[node] not in seen:
            node = above[node]
            seen.add(node)
            count += 1
        return count

    nodes = [n for n in game.nodes if n.owns]
    if game.order_word == "simultaneous":
        return [nodes[::-1]]
    deepest = max((depth(n.id) for n in nodes), default=0)
    levels = [[n for n in reversed(nodes) if depth(n.id) == d] for d in range(deepest + 1)]
    return [level for level in levels if level]


def _drawn(game: Game, box: _Box) -> str:
    """Sense and variables in one line, where they live in the next."""
    node, x, y = box.node, box.x, box.y
    tone = 0 if node.sense == "min" else 1
    owns = ", ".join(f"{o}[{node.index}]" if node.axis else o for o in node.owns)
    lines = [_cut(_where(game, node), 29), _cut(_scope(node), 29)]
    edge = f'<rect class="box" x="{x:g}" y="{y:g}" width="{_WIDE:g}" height="{_TALL:g}" rx="7"/>'
    side = f'<rect x="{x:g}" y="{y:g}" width="5" height="{_TALL:g}" rx="2.5" fill="var(--tone-{tone})"/>'
    middle = x + _WIDE / 2 + 2
    sense = f'<tspan fill="var(--tone-{tone})">{node.sense}</tspan>'
    text = f'<text class="t node mid" x="{middle:g}" y="{y + 20:g}">{sense} {escape(_cut(owns, 19))}</text>'
    rest = "".join(
        f'<text class="t mid" x="{middle:g}" y="{y + 36 + 14 * k:g}">{escape(line)}</text>' for k, line in enumerate(li for li in lines if li)
    )
    return edge + side + text + rest


def _where(game: Game, node: Node) -> str:
    """The set or the network that a player chooses from."""
    for own in node.owns:
        net = next((n for n in game.nets if own in (n.handle, n.name)), None)
        if net is not None:
            return f"network {net.source.word}" if net.source else "network, given"
        var = next((v for v in game.vars if v.name == own), None)
        if var is not None:
            words = " \N{INTERSECTION} ".join(p.word for p in var.set.parts) if var.set else "unbounded"
            return f"{var.type} in {words}" if var.set else f"{var.type}, {words}"
    return "discrete" if node.choice else ""


def _scope(node: Node) -> str:
    if node.axis:
        return f"{node.index} = 0..{label(node.axis - 1)}"
    return f"one per ({', '.join(n for d in node.scope for n in d.names)})" if node.scope else ""


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _wire(parent: _Box, child: _Box, edge: Edge, word: str) -> str:
    """From the leader down to the follower: who sees what."""
    x1, y1, x2, y2 = parent.x + _WIDE / 2, parent.y + _TALL, child.x + _WIDE / 2, child.y
    bend = (y1 + y2) / 2
    dash = "" if edge.kind == "value" else ' stroke-dasharray="5 4"'
    path = f'<path class="wire"{dash} marker-start="url(#tip)" d="M{x1:g} {y1 + 2:g}C{x1:g} {bend:g} {x2:g} {bend:g} {x2:g} {y2 - 2:g}"/>'
    said = "its value" if edge.kind == "value" else "its answer"
    said += f", {word}" if word else ""
    return path + f'<text class="t halo" x="{(x1 + x2) / 2 + 8:g}" y="{bend + 4:g}">{escape(said)}</text>'


def _frame(boxes: list[_Box], game: Game) -> str:
    """Around players that move at once."""
    if not boxes:
        return ""
    left, right = min(b.x for b in boxes) - 8, max(b.x for b in boxes) + _WIDE + 8
    box = (
        f'<rect x="{left:g}" y="2" width="{right - left:g}" height="{_TALL + 24:g}" rx="9" fill="none" stroke="var(--faint)" stroke-dasharray="3 4"/>'
    )
    return f'{box}<text class="t end" x="{right - 8:g}" y="{_TALL + 21:g}">at once{", Nash" if game.concept == "nash" else ""}</text>'
