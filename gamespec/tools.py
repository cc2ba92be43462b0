"""What the commands on texts do: layout, fixes, the manuals of codes and words, schemas, everything written out."""

from __future__ import annotations

import importlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gamespec import commands, shipped
from gamespec.report.diagnostic import Diagnostic, GameError
from gamespec.report.source import Source

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from gamespec.screen import Screen


def fmt(args: Namespace, screen: Screen) -> int:
    """Every file in the one layout; `--check` and `--diff` change nothing and end with 1 where something would change."""
    from gamespec.syntax.layout import layout

    code, changed = 0, 0
    paths = list(_files(args.files))
    for path in paths:
        try:
            source = _source(path, screen)
            made = layout(source, unicode=args.unicode)
        except GameError as error:
            screen.say(error.diagnostics)
            code = 1
            continue
        different = made != source.text
        changed += different
        screen.document.setdefault("files", []).append({"file": source.name, "changed": different})
        code = max(code, _keep(args, screen, path, source, made))
    if not args.diff and paths != ["-"]:
        screen.note(f"{changed} of {len(screen.document.get('files', []))} files {'would change' if args.check else 'changed'}")
    return code


def _keep(args: Namespace, screen: Screen, path: str, source: Source, made: str) -> int:
    """What becomes of a new text: it is shown, counted, or written where the old one was."""
    from gamespec.report.fixes import difference

    different = made != source.text
    if args.diff:
        if different:
            screen.result(difference(source.name, source.text, made))
        return int(different)
    if getattr(args, "check", False):
        if different:
            screen.note(f"{source.name} would change")
        return int(different)
    if path == "-":
        screen.result(made)
    elif different:
        try:
            _write(Path(path), made)
        except OSError as error:
            screen.note(f"gamec: cannot write {path}: {error.strerror}")
            return 2
        screen.note(f"{source.name} changed")
    return 0


def fix(args: Namespace, screen: Screen) -> int:
    """Every file after its fixes; what they leave is reported as `check` reports it."""
    from gamespec.report.fixes import mend

    code = 0
    for path in args.files:
        try:
            source = _source(path, screen)
        except GameError as error:
            screen.say(error.diagnostics)
            code = 1
            continue
        mended = mend(source, _mistakes, unsafe=args.unsafe)
        kept = _keep(args, screen, path, source, mended.text)
        if args.diff:
            code = max(code, kept)
            continue
        after = Source(source.name, mended.text)
        screen.sources[source.name] = after
        screen.document.setdefault("fixed", []).append({"file": source.name, "fixes": mended.made})
        screen.note(f"{source.name}: {mended.made} fixed")
        code = max(code, kept, int(screen.say(_mistakes(after))))
    return code


def _mistakes(source: Source) -> tuple[Diagnostic, ...]:
    """Everything there is to say about a text."""
    from gamespec import pipeline

    try:
        return pipeline.check(source).diagnostics
    except GameError as error:
        return error.diagnostics


def rule(args: Namespace, screen: Screen) -> int:
    """The manual page of a code, or the list of all."""
    from gamespec.report.codes import CODES
    from gamespec.report.manual import manual, page
    from gamespec.report.suggest import nearest

    if args.code is None:
        screen.document["rules"] = [manual(row) for row in CODES.values()]
        screen.result("\n".join(f"{row.code}  {row.title}" for row in CODES.values()))
        return 0
    code = args.code.upper()
    if code not in CODES:
        near = nearest(code, CODES)
        screen.note(f"gamec: no code `{args.code}`" + (f"; did you mean `{near}`?" if near else "") + " (`gamec rule` lists all)")
        return 2
    screen.document["rules"] = [manual(CODES[code])]
    screen.result(page(CODES[code]))
    return 0


def schema(args: Namespace, screen: Screen) -> int:
    """The JSON Schema of the IR or of what `--output json` prints."""
    if args.kind == "ir":
        from gamespec.ir.game import Game

        made = {"$schema": "https://json-schema.org/draft/2020-12/schema"} | Game.model_json_schema()
    else:
        from gamespec.report.schema import schema as diagnostics

        made = diagnostics()
    screen.document["schema"] = made
    screen.result(json.dumps(made, indent=2, ensure_ascii=False))
    return 0


def expand(args: Namespace, screen: Screen) -> int:
    """The same game with every default written out."""
    from gamespec.notation.expand import expanded

    checked = commands.checked_file(args.file, screen)
    text = expanded(checked)
    screen.document["expanded"] = text
    screen.result(text)
    return 0


def words(args: Namespace, screen: Screen) -> int:
    """The words of the library, or the games that come with it."""
    from gamespec.library import registry

    rows: list[tuple[str, str]] = []
    if args.kind in ("responses", "solvers"):
        module = "gamespec.library.responses" if args.kind == "responses" else "gamespec.solvers.about"
        screen.document["words"], text = importlib.import_module(module).listed(_signature)
        screen.result(text)
        return 0
    if args.kind == "specs":
        base = shipped.folder()
        paths = shipped.games(base) if base else []
        rows = [(f"specs/{path.relative_to(base).as_posix()}", shipped.first_line(path)) for path in paths if base]
    elif args.kind == "directives":
        from gamespec.library.directives import FIXED

        rows = [(f"{word}({_signature(entry)})" if entry.options else word, entry.summary) for word, entry in FIXED.items()]
    else:
        rows = [(f"{word}({_signature(entry)})", entry.source) for word, entry in registry.words(args.kind).items()]
    screen.document["words"] = [{"word": word, "about": about} for word, about in rows]
    width = max((len(word) for word, _ in rows), default=0)
    screen.result("\n".join(f"{word.ljust(min(width, 56))}  {about}".rstrip() for word, about in rows))
    return 0


def _signature(entry: Any) -> str:  # noqa: ANN401  # a record of the library; until 2027-11
    """Options as they are written: `steps, lr = 0.1`; a rate of 0 leaves the rule's own."""
    from gamespec.library.base import REQUIRED

    shown = []
    for option in entry.options:
        default = "|".join(option.words) or ("" if option.default is REQUIRED else _literal(option.default))
        default = "rule's own" if option.name == "lr" and option.default == 0 else default
        shown.append(f"{option.name}{'...' if option.many else ''}{f' = {default}' if default else ''}")
    return ", ".join(shown)


def _literal(value: object) -> str:
    """A default as the language writes it; nothing for none."""
    if value is None or value == ():
        return ""
    if isinstance(value, tuple):
        return f"[{', '.join(_literal(v) for v in value)}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


# ------------------------------------------------------------------ files


def _files(paths: list[str]) -> Iterator[str]:
    """The files named, and every game below the folders named."""
    for path in paths:
        place = Path(path)
        yield from map(str, shipped.games(place) + sorted(place.rglob("lib/**/*.game"))) if place.is_dir() else [path]


def _source(path: str, screen: Screen) -> Source:
    source = commands.source_of(path)
    screen.sources[source.name] = source
    return source


def _write(target: Path, text: str) -> None:
    """The whole text or nothing of it, whatever happens on the way."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8", newline="\n")
        temporary.chmod(target.stat().st_mode)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
