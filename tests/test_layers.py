"""The shape of the project: who imports whom, how long files are, what comments may say."""

from __future__ import annotations

import re
import tokenize
from datetime import date
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = sorted((ROOT / "gamespec").rglob("*.py"))
PYTHON = [*PACKAGE, *sorted((ROOT / "tests").rglob("*.py"))]
FOLDERS = ("gamespec", "grammars", "specs", "tests", ".ci")
SUFFIXES = {".py", ".game", ".lark", ".md", ".toml", ""}
TEXTS = [
    *(path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*")) if path.is_file() and path.suffix in SUFFIXES),
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "pyproject.toml", ".gitignore")),
]

MAX_LINES = 400
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")
HOME = re.compile(r"(?<![\w.:/$}~-])/(?:home|root|work|Users|tmp|mnt|opt)/\w")
SILENCER = re.compile(r"#\s*(noqa|type:\s*ignore|pragma:\s*no cover)")
# What is silenced, then a reason, then a month where the reason will pass.
GIVEN = r"(?:noqa: [A-Z]+\d+(?:, [A-Z]+\d+)*|type: ignore\[[\w, -]+\]|pragma: no cover)"
SILENCED = re.compile(rf"(?:# {GIVEN}  )+# (?P<reason>\w[^#]{{3,}})$")
MONTH = re.compile(r"; until (\d{4})-(\d{2})$")


def shown(path: Path, line: int, text: str) -> str:
    """A finding as `file:line: text`."""
    return f"{path.relative_to(ROOT).as_posix()}:{line}: {text.strip()}"


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    """Every line of the project that a pattern is found in."""
    return [
        shown(path, number, line)
        for path in TEXTS
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]


def silencers() -> list[tuple[str, str]]:
    """Every comment that silences a tool, with its place."""
    found = []
    for path in PYTHON:
        with tokenize.open(path) as file:
            comments = [t for t in tokenize.generate_tokens(file.readline) if t.type == tokenize.COMMENT]
        found += [(shown(path, t.start[0], t.string), t.string) for t in comments if SILENCER.match(t.string)]
    return found


@pytest.mark.parametrize("loaded", [True, False], ids=["what a program loads", "annotations as well"])
def test_a_module_imports_only_what_stands_below_it(loaded, tmp_path, monkeypatch, capsys):
    """The contracts of pyproject.toml hold; the layers also for imports that only annotations need."""
    monkeypatch.chdir(ROOT)
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    key = "exclude_type_checking_imports = "
    config = tmp_path / "contracts.toml"
    config.write_text(text.replace(f"{key}true", f"{key}{str(loaded).lower()}"), encoding="utf-8")

    code = lint_imports(str(config), limit_to_contracts=() if loaded else ("layers",), no_cache=True, no_logo=True)

    assert f"{key}true" in text
    assert code == 0, capsys.readouterr().out


def test_a_late_import_by_name_is_seen():
    """Import-linter cannot see `import_module("sympy")`; only the one module that may do it does."""
    named = re.compile(r"import_module\(\s*f?[\"'](?!gamespec)(\w+)")
    found = {(path.relative_to(ROOT).as_posix(), name) for path in PACKAGE for name in named.findall(path.read_text(encoding="utf-8"))}

    assert found == {("gamespec/classify/symbolic.py", "sympy")}


def test_files_are_short():
    """A file of the package that passes 400 lines wants to be two."""
    lengths = {path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines()) for path in PACKAGE}

    assert {path: lines for path, lines in lengths.items() if lines > MAX_LINES} == {}


def test_nothing_is_left_to_do_in_a_comment():
    """What is left to do is an issue."""
    assert lines_with(UNFINISHED) == []


def test_no_path_of_one_machine_is_written_down():
    """The project runs wherever it is put."""
    assert lines_with(HOME) == []


def test_what_silences_a_tool_says_why():
    """Each `noqa`, `type: ignore` and `no cover` names what it silences and has a reason."""
    assert [place for place, text in silencers() if not SILENCED.match(text)] == []


def test_no_month_of_a_silencer_has_passed():
    """A reason that was to pass by now is looked at again."""
    today = date.today()
    months = [(place, MONTH.search(text)) for place, text in silencers()]
    late = [place for place, month in months if month and (int(month[1]), int(month[2])) < (today.year, today.month)]

    assert late == []
