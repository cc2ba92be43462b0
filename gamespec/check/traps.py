"""Mistakes that train without a word: penalties through a batch, labels that leak, declarations that nothing reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gamespec.check.constant import plain, plain_use, row_count
from gamespec.check.names import below
from gamespec.ir import game as ir
from gamespec.ir.expr import Apply, Expr, Grad, Stop
from gamespec.ir.walk import children, free_names, walk
from gamespec.library.registry import words
from gamespec.syntax import tree

if TYPE_CHECKING:
    from gamespec.check.build import Build


def check(game: ir.Game, spec: tree.Spec, build: Build) -> None:
    """Record what trains without a word in a game that has no other mistake.

    Gradient penalties through batch normalisation (GE315), one-step attacks that know the label (GN514), and declarations
    that nothing reads (GW115); refuse epochs where there are no rows to count them by (GE501).
    """
    if not build.log.failed:
        _penalties(game, build)
        _leaking(game, build)
        _unread(spec, build)
        _counted(game, build)


def batch_coupled(net: ir.Net) -> bool:
    """Whether it is known that the samples of a batch meet inside a network while it is trained."""
    if net.source is None or net.source.word == "py":
        return False
    entry = words("networks")[net.source.word]
    return entry.batch_coupled is not None and entry.batch_coupled(**plain_use(net.source)[1])


# ------------------------------------------------------------------ gradient penalties


def _penalties(game: ir.Game, build: Build) -> None:
    """Through batch normalisation the slope at one sample is one of all samples, and no norm of it is that of a sample.

    Source: Gulrajani et al. 2017, section 4, "No critic batch normalization".
    """
    coupled = {n.name: n for n in game.nets if batch_coupled(n) and not n.frozen}
    owned = {o for node in game.nodes for o in node.owns}
    for node in game.nodes:
        if node.id.startswith("@"):
            continue
        for slope in _slopes(node.objective):
            used = sorted({e.net for e in walk(slope.body) if isinstance(e, Apply)} & coupled.keys())
            if used and slope.name not in owned:
                net = coupled[used[0]]
                word = net.source.word if net.source is not None else ""
                plainly = any(o.name == "norm" and "group" in o.words for o in words("networks")[word].options)
                other = f"write `{word}(.., norm = group)`" if plainly else "take `small_resnet`, whose samples never meet"
                build.log.add("GE315", f"a gradient penalty through the batch normalisation of `{net.name}`", build.spans[f"node:{node.id}"],
                              "the slope at one sample depends on all samples of the batch",
                              hint=f"{other}, or `small_cnn` or `dcgan_critic`")  # fmt: skip
                return


def _slopes(e: Expr) -> Iterator[Grad]:
    """The gradients in a formula through which a player is moved: none inside `stop`."""
    if isinstance(e, Stop):
        return
    if isinstance(e, Grad):
        yield e
    for part in children(e):
        yield from _slopes(part)


# ------------------------------------------------------------------ label leaking


def _leaking(game: ir.Game, build: Build) -> None:
    """A network trained against one step along the gradient at the true label learns to read the label off the step.

    Reported by the same attack it then looks robust. Source: Kurakin, Goodfellow and Bengio 2017, section 4.3.
    """
    chosen = next((plain(s.value) for s in game.run if s.key == "schedule"), "default")
    schedule = next((s for s in game.schedules if s.name == chosen), None)
    steps = {} if schedule is None else {e.target: _steps(e) for e in schedule.entries}
    attacks = [(n, steps.get(_target(n))) for n in game.nodes if n.scope and n.choice is None and _labelled(game, n)]
    learned = [n for n, k in attacks if k == 1 and not n.id.startswith("@")]
    reported = [(n, k) for n, k in attacks if n.id.startswith("@")]
    if learned and reported and all(k == 1 for _, k in reported):
        name = _target(reported[0][0])
        build.log.add("GN514", f"`{name}` reports the one-step attack of the true label that `{learned[0].owns[0]}` trains against",
                      build.spans[f"schedule:{chosen}.{name}"], "the label leaks into such a step, and the network learns to read it there",
                      hint=f"write `{name}: pgd(steps = 20, surrogate = [ce, margin])`")  # fmt: skip


def _target(node: ir.Node) -> str:
    """What a schedule calls an attack: `d`, and `robust.e` inside a metric."""
    metric = f"{node.id.split('/')[0][1:]}." if node.id.startswith("@") else ""
    return metric + node.owns[0]


def _steps(entry: ir.Entry) -> int | None:
    options = [plain_use(u)[1] | dict(zip(("steps",), plain_use(u)[0], strict=False)) for u in entry.directives if u.word == "pgd"]
    steps = options[0].get("steps", 10) if options else None
    return None if steps is None else int(str(steps))


def _labelled(game: ir.Game, node: ir.Node) -> bool:
    """Whether a follower's objective reads the class of the sample that it answers."""
    fields = {d.name: d.fields for d in game.data}
    classes = {n for d in node.scope for n, f in zip(d.names, fields.get(d.over, ()), strict=False) if f.type.kind == "class"}
    return not classes.isdisjoint(free_names(node.objective))


# ------------------------------------------------------------------ what nothing reads


def _unread(spec: tree.Spec, build: Build) -> None:
    """Warn of every network, variable and param of a file that nothing else in it names (GW115)."""
    kinds = {tree.Net: "network", tree.Var: "variable", tree.Param: "param"}
    own = [s for s in spec.statements if isinstance(s, (tree.Net, tree.Var, tree.Param))]
    handles = {s.params.id: s.name.id for s in own if isinstance(s, tree.Net) and s.params is not None}
    declared = {id(s.name) for s in own} | {id(s.params) for s in own if isinstance(s, tree.Net)}
    named = {n.id for s in spec.statements for n in below(s, tree.Name) if id(n) not in declared}
    named |= {handles[n] for n in named & handles.keys()}
    for s in own:
        if s.name.id not in named:
            build.log.add("GW115", f"nothing reads the {kinds[type(s)]} `{s.name.id}`", s.name.span, hint="use it, or drop it")


# ------------------------------------------------------------------ epochs of nothing


def _counted(game: ir.Game, build: Build) -> None:
    """An epoch is a pass over rows: streams, distributions and games of formulas have none."""
    counted = any(d.source.word in ("given", "py", "iid") or row_count(d.source) is not None for d in game.data)
    setting = next((s for s in game.run if s.key == "epochs"), None)
    if setting is not None and plain(setting.value) and not counted and not any(s.key == "steps" and plain(s.value) for s in game.run):
        build.log.add("GE501", "`epochs` counts passes over rows, and this game has none", build.spans["run:epochs"],
                      "no data source here has an end", hint="write `steps = 1000`")  # fmt: skip
