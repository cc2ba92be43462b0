"""The game graph as a picture in text: players as boxes, values and responses as arrows; for Graphviz and Mermaid."""

from __future__ import annotations

from gamespec.ir import game as ir


def dot(game: ir.Game) -> str:
    """The graph in the language of Graphviz."""
    lines = [f'digraph "{game.name}" {{', "  node [shape=box, fontname=sans]"]
    newline = "\\n"
    lines += [f'  "{node.id}" [label="{_label(node, newline)}"]' for node in _nodes(game)]
    for i, group in enumerate(game.groups):
        inside = " ".join(f'"{name}"' for name in group.nodes)
        lines += [f'  subgraph cluster_{i} {{ label="at once"; {inside} }}']
    style = {"value": "", "response": ", style=dashed"}
    inner = {node.id for node in _nodes(game)}
    lines += [
        f'  "{edge.parent}" -> "{edge.child}" [label="{_says(edge)}"{style[edge.kind]}]' for edge in game.edges if {edge.parent, edge.child} <= inner
    ]
    return "\n".join([*lines, "}", ""])


def mermaid(game: ir.Game) -> str:
    """The graph in the language of Mermaid."""
    number = {node.id: f"n{i}" for i, node in enumerate(_nodes(game))}
    lines = ["flowchart TD"]
    for group in game.groups:
        lines += [f'  subgraph {group.id} ["at once"]', *(f"    {number[n]}" for n in group.nodes if n in number), "  end"]
    lines += [f'  {number[node.id]}["{_label(node, "<br/>")}"]' for node in _nodes(game)]
    arrows = {"value": "-->", "response": "-.->"}
    lines += [f'  {number[e.parent]} {arrows[e.kind]}|"{_says(e)}"| {number[e.child]}' for e in game.edges if {e.parent, e.child} <= number.keys()]
    return "\n".join([*lines, ""])


def _nodes(game: ir.Game) -> list[ir.Node]:
    """The players, without those inside metrics."""
    return [node for node in game.nodes if not node.id.startswith("@")]


def _label(node: ir.Node, newline: str) -> str:
    """Who chooses what, once for what."""
    scope = ", ".join(name for draw in node.scope for name in draw.names)
    once = [f"one for each ({scope})"] if scope else [f"{node.axis} of a kind"] if node.axis else []
    chosen = "one of finitely many" if node.choice is not None else node.sense
    return newline.join([f"{node.label or node.id}", f"{chosen}: {', '.join(node.owns)}", *once])


def _says(edge: ir.Edge) -> str:
    """What the parent sees of the child."""
    if edge.kind == "value":
        return {1: "value", -1: "- value", 0: "value, sign unknown"}[edge.sign]
    return "the answer" if edge.unique else f"an answer ({edge.ties})"
