"""Imports: the definitions of another file under a name of their own, `atk.margin`.

A path is relative to the file that imports and stays inside the project: the nearest folder above the main file that
holds `.git`, or else the folder of the main file. Links are followed before that is decided.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gamespec.check.binders import circles
from gamespec.check.declare import declare
from gamespec.check.names import free
from gamespec.check.scope import Broken, Failed, Log, ModuleName, Scope
from gamespec.report.diagnostic import GameError
from gamespec.syntax import tree
from gamespec.syntax.parse import parse
from gamespec.syntax.read import read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gamespec.check.build import Build
    from gamespec.check.scope import Const
    from gamespec.ir import game as ir
    from gamespec.report.source import Source

Definition = tree.Param | tree.Dim | tree.Dist | tree.Let | tree.Def
_QUIET = (tree.Language, tree.GameName, tree.Import)


@dataclass(slots=True)
class Files:
    """The files that a game is made of, and those that are being read."""

    main: Source
    found: dict[str, Source] = field(default_factory=dict)
    reading: list[Path] = field(default_factory=list)

    def root(self) -> Path:
        """The folder that no import leaves."""
        folder = Path(self.main.name).resolve().parent
        return next((p for p in (folder, *folder.parents) if (p / ".git").exists()), folder)


def enter(spec: tree.Spec, file: str, files: Files, scope: Scope, build: Build) -> list[ir.Param | ir.Dist]:
    """Declare what the imports of a file bring, under dotted names; gives the constants and distributions among it."""
    made: list[ir.Param | ir.Dist] = []
    for s in spec.statements:
        if not isinstance(s, tree.Import):
            continue
        try:
            made += _one(s, file, files, scope, build)
        except Failed:
            scope.names[s.name.id] = Broken(s.name.span)
    return made


def qualified(spec: tree.Spec) -> tree.Spec:
    """The file with `atk.margin` as one name wherever `atk` is an import."""
    known = frozenset(s.name.id for s in spec.statements if isinstance(s, tree.Import))
    return replace(spec, statements=tuple(_joined(s, known) for s in spec.statements)) if known else spec


def _joined(node: Any, known: frozenset[str]) -> Any:  # noqa: ANN401  # any part of a tree; until 2027-11
    if isinstance(node, tree.Attr) and isinstance(node.base, tree.Name) and node.base.id in known:
        return tree.Name(node.span, f"{node.base.id}.{node.key}")
    if isinstance(node, tuple):
        return tuple(_joined(part, known) for part in node)
    if not isinstance(node, tree.Node):
        return node
    changed = {f.name: _joined(getattr(node, f.name), known) for f in fields(node) if f.name != "span"}
    return replace(node, **changed)


# ------------------------------------------------------------------ one import


def _one(s: tree.Import, file: str, files: Files, scope: Scope, build: Build) -> list[ir.Param | ir.Dist]:
    log, name = build.log, s.name.id
    if name in scope.names:
        raise log.fail("GE102", f"`{name}` is declared twice", s.name.span, hint=f"call one of them `{name}_2`")
    scope.names[name] = ModuleName(s.name.span)
    source = _source(s, file, files, log)
    try:
        spec = qualified(parse(source))
    except GameError as error:
        log.diagnostics += error.diagnostics
        raise Failed from None
    files.reading.append(Path(source.name).resolve())
    try:
        return _definitions(spec, s.name, source, files, scope, build)
    finally:
        files.reading.pop()


def _source(s: tree.Import, file: str, files: Files, log: Log) -> Source:
    """The text of an imported file. Raises Failed with GE106 where it may not be read, GE105 where files import one another."""
    written, span = Path(s.path.value), s.path.span
    if written.is_absolute() or "\\" in s.path.value or "\0" in s.path.value or not s.path.value:
        raise log.fail("GE106", "an import is a path from the folder of this file", span, hint='write `import "lib/attacks.game" as atk`')
    path = Path(file).parent / written
    real, root = path.resolve(), files.root()
    if not real.is_relative_to(root):
        raise log.fail("GE106", "an import leaves the project", span, f"outside {root}", hint="copy the definitions into the project")
    chain = [Path(files.main.name).resolve(), *files.reading]
    if real in chain:
        shown = [p.name for p in [*chain[chain.index(real) :], real]]
        raise log.fail("GE105", "files import one another in a circle", span, " -> ".join(shown), hint="move what both need into a third file")
    try:
        source = read(path)
    except GameError as error:
        first = error.diagnostics[0]
        raise log.fail("GE106", first.message, span, first.primary.text, hint="check the path, which starts at this file") from None
    files.found[source.name] = source
    return source


def _definitions(spec: tree.Spec, name: tree.Name, source: Source, files: Files, scope: Scope, build: Build) -> list[ir.Param | ir.Dist]:
    """Declare the definitions of one file: there under their own names, in the importing file under dotted ones."""
    module = Scope()
    made = enter(spec, source.name, files, module, build)
    for s in _refused(spec):
        word = type(s).__name__.lower()
        build.log.add("GE107", f"`{word}` in an imported file", s.span, "only definitions can be imported",
                      hint=f"keep `{word}` in the file that is run, and import the rest", )  # fmt: skip
    statements = [s for s in spec.statements if isinstance(s, Definition)]
    for bad in circles(_uses(statements), {s.name.id: s.name.span for s in statements}, build.log):
        module.names[bad] = Broken(next(s.name.span for s in statements if s.name.id == bad))
    for s in statements:
        found = _declared(s, name.id, module, build, {})
        if found is not None:
            made.append(found)
        scope.names[f"{name.id}.{s.name.id}"] = module.names[s.name.id]
    return made


def _refused(spec: tree.Spec) -> Iterator[tree.Statement]:
    return (s for s in spec.statements if not isinstance(s, (*_QUIET, tree.Param, tree.Dim, tree.Dist, tree.Let, tree.Def)))


def _uses(statements: list[Definition]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for s in statements:
        if isinstance(s, (tree.Let, tree.Def)):
            formals = {f.name.id for f in s.formals} if isinstance(s, tree.Def) else set()
            found[s.name.id] = tuple(set(free(s.body)) - formals)
    return found


def _declared(s: Definition, prefix: str, module: Scope, build: Build, overrides: Mapping[str, Const]) -> ir.Param | ir.Dist | None:
    """One definition; what has a name in the game gets that of the import before its own."""
    if isinstance(s, tree.Def):
        before = len(build.log.diagnostics)
        declare(s, module, build, overrides)
        # Under a dotted name nothing of the library is hidden.
        build.log.diagnostics[before:] = [d for d in build.log.diagnostics[before:] if d.code != "GW110"]
        return None
    unique = build.fresh(f"{prefix}_{s.name.id}")
    build.taken.discard(unique)
    named = replace(s, name=tree.Name(s.name.span, unique))
    made = declare(named, module, build, overrides)
    module.names[s.name.id] = module.names.pop(unique)
    return made  # type: ignore[return-value]  # only params and distributions are declared here; until 2027-11


__all__ = ["Files", "enter", "qualified"]
