"""A game in the making: statements in the order of the file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gamespec.builder.terms import Bind, Term, Value, bound, plain, written

if TYPE_CHECKING:
    from gamespec.api import Game


@dataclass
class Builder:
    """A game in the making: one method for each statement, in the order of the file. `game()` checks it.

    Types are written as the language writes them: `"image[1, 8, 8] -> logits[10]"`.
    """

    name: str = ""
    language: int = 1
    _lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The `.game` file."""
        head = [f"language {self.language}", *([f"game {self.name}"] if self.name else [])]
        return "\n".join([*head, *self._lines]) + "\n"

    def game(self, params: Mapping[str, object] | None = None, folder: str | os.PathLike[str] = ".") -> Game:
        """The checked game; relative paths of data and imports start at `folder`. Raises CheckError."""
        from gamespec.api import from_text

        return from_text(self.text, os.path.join(folder, f"{self.name or 'built'}.game"), params)

    def write(self, statement: str) -> None:
        """A statement as text."""
        self._lines.append(statement)

    def use(self, path: str, name: str) -> Term:
        """`import "path" as name`."""
        self.write(f"import {written(path)} as {name}")
        return Term(name)

    def _declare(self, head: str, name: str, type: str, within: Value | None, tail: str) -> Term:
        inside = f" in {written(within)}" if within is not None else ""
        self.write(f"{head} {name}{f': {type}' if type else ''}{inside}{tail}")
        return Term(name)

    def param(self, name: str, value: Value, type: str = "", within: Value | None = None) -> Term:
        """A parameter, `param eps in [0, 1] = 0.1`."""
        return self._declare("param", name, type, within, f" = {written(value)}")

    def dim(self, name: str, value: Value | None = None) -> Term:
        """A dimension of types."""
        return self._declare("dim", name, "", None, f" = {written(value)}" if value is not None else "")

    def data(self, name: str, type: str, source: Value, within: Value | None = None) -> Term:
        """A table of samples."""
        return self._declare("data", name, type, within, f" = {written(source)}")

    def dist(self, name: str, type: str, source: Value) -> Term:
        """A distribution."""
        return self._declare("dist", name, type, None, f" = {written(source)}")

    def net(self, name: str, type: str, source: Value, params: str = "", within: Value | None = None, frozen: bool = False) -> Term:
        """A network; `params` names its parameters, `frozen` keeps them as they are."""
        options = f"{f' params {params}' if params else ''}{f' in {written(within)}' if within is not None else ''}{' frozen' if frozen else ''}"
        return self._declare("net", name, type, None, f" = {written(source)}{options}")

    def var(self, name: str, type: str = "", within: Value | None = None, init: Value | None = None, family: Bind | None = None) -> Term:
        """A variable that a player chooses; `family=i.within(span(0, 2))` makes one for every index."""
        tail = f" init {written(init)}" if init is not None else ""
        self._declare("var", f"{name}[{family.text}]" if family else name, type, within, tail)
        return Term(name)

    def define(self, name: str, formals: Iterable[Term | str], body: object, result: str = "") -> Term:
        """`def name(formals) -> result = body`; a formal with a type is `formal(z, "R[3]")`."""
        inside = ", ".join(map(bound, formals))
        self.write(f"def {name}({inside}){f' -> {result}' if result else ''} = {plain(body)}")
        return Term(name)

    def let(self, name: str, body: object) -> Term:
        """A name for a formula."""
        self.write(f"let {name} = {plain(body)}")
        return Term(name)

    def assume(self, fact: Term) -> None:
        """A fact that the compiler may use and reports as assumed."""
        self.write(f"assume {fact}")

    def solve(self, game: Term, label: str = "", order: str = "", ties: str = "") -> None:
        """The problem; `order="G then D"`."""
        tail = f"{f' order {order}' if order else ''}{f' ties {ties}' if ties else ''}"
        self.write(f"solve {f'{label}: ' if label else ''}{game}{tail}")

    def schedule(self, entries: Mapping[str, Value | Iterable[Value]], name: str = "", extends: str = "") -> None:
        """How it is solved: `{"h": word.adam(lr=0.002), "method": word.alternating}`; several directives are a list."""
        inside = " ".join(f"{path}: {', '.join(map(written, d)) if isinstance(d, list) else written(d)}" for path, d in entries.items())
        self.write(f"schedule {f'{name} ' if name else ''}{f'extends {extends} ' if extends else ''}{{ {inside} }}")

    def metric(self, name: str, body: object) -> Term:
        """What is measured."""
        self.write(f"metric {name} = {plain(body)}")
        return Term(name)

    def run(self, settings: Mapping[str, Value]) -> None:
        """How long, with which seed: `{"steps": 100, "seed": 0}`."""
        self.write(f"run {{ {' '.join(f'{path} = {written(value)}' for path, value in settings.items())} }}")

    def expect(self, condition: Term, schedule: str = "") -> None:
        """What must come out."""
        self.write(f"expect {f'{schedule}: ' if schedule else ''}{condition}")
