"""The reference is true: every program in it is checked, run or answered as the page says.

A fence says what is done with its text. `game`: the program is checked, has exactly the errors and warnings that its lines
announce with `# error: [GE203]` or `# warning: [GW410]` and the notes with `# note: [GN303]`; without errors it is compiled,
and the builder makes the same game. `game run`: it is also run, and all that it expects holds. `game file=a.game` leaves
it in the folder of the page for what follows, and `part file=lib.game` one that is no game by itself. `console`: each line
behind `$` is run there; the lines below it come, in this order, out of it.
`python`: executed, in one namespace for each page. Any other fence is prose.
"""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest

from gamespec import cli, pipeline
from gamespec.report.diagnostic import GameError
from gamespec.report.source import Source
from gamespec.syntax.parse import parse
from tests.builder.replay import rebuilt

HERE = Path(__file__).parent
PAGES = sorted(HERE.glob("*.md"))
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.M | re.S)
MARK = re.compile(r"# (error|warning|note): \[(G[EWN]\d{3})\]")


@dataclass(frozen=True)
class Block:
    """A fenced text of a page, with the line on which it begins."""

    page: Path
    line: int
    info: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        """As a test is called."""
        return f"{self.page.stem}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """The fenced texts of a page that are executed."""
    text = page.read_text(encoding="utf-8")
    found = [Block(page, text.count("\n", 0, m.start()) + 2, tuple(m[1].split()), m[2]) for m in FENCE.finditer(text)]
    return [b for b in found if b.info and b.info[0] in ("game", "part", "console", "python")]


GAMES = [b for page in PAGES for b in blocks(page) if b.info[0] == "game"]


def announced(text: str) -> set[tuple[int, str]]:
    """The lines and codes that a program announces, notes aside."""
    return {(n, m[2]) for n, line in enumerate(text.splitlines(), 1) for m in MARK.finditer(line) if m[1] != "note"}


def left(block: Block) -> None:
    """Leave a named file in the present folder."""
    for file in (i.removeprefix("file=") for i in block.info if i.startswith("file=")):
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_text(block.text, encoding="utf-8")


@pytest.fixture
def beside(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder of the page, with every file that stands on it before the block."""
    monkeypatch.chdir(tmp_path)
    block = request.getfixturevalue("block")
    for other in blocks(block.page):
        if other.line < block.line:
            left(other)


def said(text: str) -> tuple[list[tuple[int, str]], pipeline.Checked | None]:
    """The lines and codes of what is said about a program, and the checked game where it is one."""
    try:
        checked = pipeline.check(Source("page.game", text))
        found = checked.diagnostics
    except GameError as error:
        checked, found = None, error.diagnostics
    return [(text.count("\n", 0, max(d.primary.span.start, 0)) + 1, d.code) for d in found], checked


@pytest.mark.usefixtures("beside")
@pytest.mark.parametrize("block", GAMES, ids=str)
def test_a_program_says_what_the_page_says(block: Block):
    """Exactly the errors and warnings that are announced, and every note that is."""
    found, checked = said(block.text)
    expected = announced(block.text)
    notes = {(n, m[2]) for n, line in enumerate(block.text.splitlines(), 1) for m in MARK.finditer(line) if m[1] == "note"}
    assert {f for f in found if not f[1].startswith("GN")} == expected
    assert notes <= set(found)
    assert (checked is None) == any(code.startswith("GE") for _, code in expected)


@pytest.mark.usefixtures("beside")
@pytest.mark.parametrize("block", [b for b in GAMES if not any(c.startswith("GE") for _, c in announced(b.text))], ids=str)
def test_a_right_program_compiles_and_the_builder_makes_it(block: Block):
    """It becomes a program of its own, and the builder's game is the same to the hash."""
    checked = pipeline.check(Source("page.game", block.text))
    assert pipeline.check(Source("page.game", rebuilt(parse(Source("page.game", block.text))).text)).game.hash() == checked.game.hash()
    for schedule in checked.game.schedules:
        assert "def step" in pipeline.compile(checked, schedule.name).program.text


@pytest.mark.parametrize("block", [b for b in GAMES if "run" in b.info], ids=str)
def test_what_a_page_expects_holds(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """`gamec test` of the program: every `expect`, under the schedule that it speaks of."""
    monkeypatch.chdir(tmp_path)
    assert "expect" in block.text
    Path("page.game").write_text(block.text, encoding="utf-8")
    code = cli.main(["test", "page.game"])
    assert code == 0, capsys.readouterr().out


@pytest.mark.parametrize("page", [p for p in PAGES if any(b.info[0] in ("console", "python") for b in blocks(p))], ids=lambda p: p.stem)
def test_commands_and_python_of_a_page(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Commands print what the page shows, Python raises nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    names: dict[str, object] = {}
    for block in blocks(page):
        left(block)
        if block.info[0] == "python":
            exec(compile(block.text, str(block), "exec"), names)  # noqa: S102  # the reference's own programs; until 2027-11
        elif block.info[0] == "console":
            _console(block, capsys)


def _console(block: Block, capsys: pytest.CaptureFixture[str]) -> None:
    for part in re.split(r"^\$ ", block.text, flags=re.M)[1:]:
        command, _, shown = part.partition("\n")
        words = shlex.split(command, comments=True)
        assert words[0] == "gamec", block
        capsys.readouterr()
        cli.main(words[1:])
        out, err = capsys.readouterr()
        rest = [" ".join(line.split()) for line in (err + out).splitlines()]
        for line in (" ".join(line.split()) for line in shown.splitlines()):
            if line in ("", "..."):
                continue
            assert line in rest, f"{block}: `{command}` does not print, or not here, {line!r}:{os.linesep}{err}{out}"
            rest = rest[rest.index(line) + 1 :]


def test_the_reference_is_whole():
    """Every page is linked from the first one, in order, and every statement of the grammar has an example."""
    index = (HERE / "README.md").read_text(encoding="utf-8")
    linked = re.findall(r"\]\(([\w-]+\.md)\)", index)
    assert linked == sorted(p.name for p in PAGES if p.name != "README.md")
    words = {type(s).__name__ for b in GAMES if not announced(b.text) for s in parse(Source("page.game", b.text)).statements}
    assert words >= {
        "Language", "GameName", "Import", "Param", "Dim", "Data", "Dist", "Net", "Var", "Def", "Let", "Assume", "Solve", "Schedule", "Metric",
        "Run", "Expect",
    }  # fmt: skip
