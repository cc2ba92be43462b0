"""Where the command line writes: results on stdout, what is said to a person on stderr, or one JSON document."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gamespec import __version__
from gamespec.report.diagnostic import Diagnostic, GameError

if TYPE_CHECKING:
    from gamespec.report.source import Source


@dataclass
class Screen:
    """The output of one command."""

    output: str = "human"
    color: str = "auto"
    strict: bool = False
    sources: dict[str, Source] = field(default_factory=dict)
    said: list[Diagnostic] = field(default_factory=list)
    document: dict[str, Any] = field(default_factory=dict)

    @property
    def json(self) -> bool:
        """Whether stdout is for a program: nothing is said to a person."""
        return self.output in {"json", "github", "sarif"}

    @property
    def colored(self) -> bool:
        """Whether stderr takes colors."""
        if self.color != "auto":
            return self.color == "always"
        return sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def say(self, diagnostics: Iterable[Diagnostic]) -> bool:
        """Show diagnostics; whether they forbid to go on."""
        from gamespec.report.render import human, short

        new = [d for d in diagnostics if d not in self.said]
        self.said.extend(new)
        self._find(new)
        if new and not self.json:
            text = short(new, self.sources) if self.output == "short" else human(new, self.sources, self.colored) + "\n"
            self.note(text)
        return any(d.severity == "error" or (self.strict and d.severity == "warning") for d in new)

    def note(self, text: str) -> None:
        """A line for a person."""
        if not self.json:
            sys.stdout.flush()
            sys.stderr.write(text + "\n")

    def result(self, text: str) -> None:
        """A result for a person."""
        if not self.json:
            sys.stdout.write(text if text.endswith("\n") else text + "\n")
            sys.stdout.flush()

    def close(self, code: int) -> None:
        """Write the document, if that is what is wanted."""
        if self.json:
            self._find(self.said)
            text = self._document(code)
            sys.stdout.write(text + "\n" if text else "")
        sys.stdout.flush()

    def _document(self, code: int) -> str:
        if self.output == "github":
            from gamespec.report.formats import github

            return github(self.said, self.sources)
        if self.output == "sarif":
            from gamespec.report.formats import sarif

            return json.dumps(sarif(self.said, self.sources, __version__), indent=2, ensure_ascii=False)
        from gamespec.report.render import as_json

        document = as_json(self.said, self.sources, __version__) | self.document | {"exit": code}
        return json.dumps(_plain(document), indent=2, ensure_ascii=False)

    def _find(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Read the files that a message points into and that nobody has read yet: imported ones."""
        from gamespec.syntax.read import read

        for diagnostic in diagnostics:
            for label in (diagnostic.primary, *diagnostic.related):
                name = label.span.file
                if name not in self.sources and os.path.isfile(name):
                    try:
                        self.sources[name] = read(name)
                    except GameError:
                        continue


def _plain(value: Any) -> Any:  # noqa: ANN401  # JSON; until 2027-11
    """JSON knows no NaN."""
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return json.dumps(value)
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, tuple | list) else value
