"""The command line: exit codes, streams, formats, and nothing loaded that is not needed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

import gamespec
from gamespec import cli
from gamespec.library.directives import FIXED
from gamespec.library.registry import words
from gamespec.report.diagnostic import Diagnostic, Label
from gamespec.report.source import Span
from tests.run import programs


@pytest.fixture
def gamec(monkeypatch, tmp_path, capsys):
    """Run a command with stand-ins for the stages before `run`; gives exit code, stdout, stderr."""
    warned = Diagnostic("GW001", "no language", Label(Span("toy.game", 0, 1)))
    checked = programs.Checked(programs.game(schedules=("gda", "default")), diagnostics=(warned,))
    fake = programs.pipeline(
        {
            None: programs.network(),
            "default": programs.network(),
            "gda": programs.rotation("simultaneous", expected="diverging"),
            "cycle": programs.rotation(),
            "wrong": programs.rotation(expected="converged"),
            "shapes": programs.rotation("shapes"),
            "nan": programs.rotation("logarithm", expected="nan", tol=None),
        },
        checked,
    )
    monkeypatch.setitem(sys.modules, "gamespec.pipeline", fake)
    monkeypatch.setattr(gamespec, "pipeline", fake, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "toy.game").write_text(programs.TEXT)
    (tmp_path / "bad.game").write_text("solve ?\n")

    def call(*argv):
        try:
            code = cli.main(argv)
        except SystemExit as stop:
            code = stop.code
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_a_good_file_is_fine(gamec):
    """Exit 0; the warning is on stderr, stdout is empty."""
    code, out, err = gamec("check", "toy.game")

    assert (code, out) == (0, "")
    assert "GW001" in err


def test_strict_makes_warnings_errors_before_or_after_the_command(gamec):
    """Global options may stand on either side."""
    assert gamec("--strict", "check", "toy.game")[0] == 1
    assert gamec("check", "--strict", "toy.game")[0] == 1
    assert gamec("run", "toy.game", "--strict")[0] == 1


def test_all_files_are_checked(gamec):
    """One bad file does not hide the others."""
    code, _, err = gamec("check", "bad.game", "toy.game", "nowhere.game")

    assert code == 1
    assert [w for w in ("GE001", "toy.game: fine", "GE603") if w not in err] == []


def test_short_output_is_one_line_each(gamec):
    """For editors."""
    _, _, err = gamec("check", "--output", "short", "bad.game")

    assert err.startswith("bad.game:1:7: error[GE001]: ")


def test_json_is_one_document_on_stdout(gamec):
    """With every diagnostic, and nothing on stderr."""
    code, out, err = gamec("--output", "json", "check", "bad.game", "toy.game")
    document = json.loads(out)

    assert (code, err, document["exit"]) == (1, "", 1)
    assert [d["code"] for d in document["diagnostics"]] == ["GE001", "GW001"]


@pytest.mark.parametrize(
    ("stage", "word"),
    [("ast", "Solve"), ("ir", '"name": "toy"'), ("facts", "bilinear"), ("plan", "move u"), ("program", "import torch")],
)
def test_every_stage_can_be_shown(gamec, stage, word):
    """On stdout."""
    code, out, _ = gamec("check", "toy.game", "--show", stage)

    assert (code, word in out) == (0, True)


def test_explain_prints_its_text(gamec):
    """The result goes to stdout."""
    assert gamec("explain", "toy.game", "--why")[1] == "toy: explained why\n"


@pytest.mark.parametrize(
    ("schedule", "code", "word"),
    [
        ("default", 0, "finished: all steps were made"),
        ("cycle", 3, "  the path cycles around"),
        ("wrong", 3, "FAILED  status == converged"),
        ("gda", 5, "diverging: "),
        ("nan", 5, "nan: "),
        ("shapes", 4, ""),
        ("nothing", 1, ""),
    ],
)
def test_exit_codes_of_runs(gamec, schedule, code, word):
    """Fine, failed, diverged, wrong shapes, unknown schedule."""
    found, out, _ = gamec("run", "toy.game", "--schedule", schedule, "--quiet")

    assert found == code
    assert word in out


def test_an_error_inside_the_program_is_shown_at_its_line(gamec):
    """With a caret under the objective, on stderr."""
    _, out, err = gamec("run", "toy.game", "--schedule", "shapes")

    assert out == ""
    assert [w for w in ("error[GE701]", "toy.game:3:23", "u*v", "^^^") if w not in err] == []


def test_a_run_says_where_it_is_and_how_to_load_it(gamec, tmp_path):
    """The printed path exists; progress is on stderr."""
    _, out, err = gamec("run", "toy.game", "--seed", "4", "--steps", "10", "--out", "mine")
    path = next(line.split(": ", 1)[1] for line in out.splitlines() if line.startswith("saved: "))

    assert (tmp_path / path / "manifest.json").exists()
    assert f'gs.load_run("{path}").players["h"]' in out
    assert "step 10/10" in err


def test_a_run_as_json(gamec):
    """For programs: the same, and no progress."""
    code, out, err = gamec("run", "toy.game", "--schedule", "cycle", "--output", "json")
    document = json.loads(out)

    assert (code, err) == (3, "")
    assert (document["run"]["status"], document["run"]["exit"]) == ("cycling", 3)


def test_an_unwritable_folder_is_a_mistake_of_the_command(gamec, tmp_path):
    """No traceback."""
    (tmp_path / "file").write_text("")
    code, _, err = gamec("run", "toy.game", "--out", "file/sub")

    assert (code, "cannot write" in err) == (2, True)


@pytest.mark.parametrize(
    "argv",
    [
        (),
        ("sing",),
        ("run",),
        ("run", "toy.game", "--set", "eps"),
        ("run", "toy.game", "--seed", "-1"),
        ("list", "x"),
        ("check", "a", "--show", "x"),
    ],
)
def test_a_bad_command_line_is_two(gamec, argv):
    """With a usage line."""
    code, _, err = gamec(*argv)

    assert (code, "usage: gamec" in err) == (2, True)


def test_emit_writes_the_program(gamec, tmp_path):
    """On stdout, or whole into a file."""
    text = programs.network().text

    assert gamec("emit", "toy.game")[1] == text
    assert gamec("emit", "toy.game", "-o", "train.py")[0] == 0
    assert (tmp_path / "train.py").read_text() == text
    assert gamec("emit", "toy.game", "-o", "no/such/folder.py")[0] == 2


def test_test_runs_each_schedule_that_an_expect_names(gamec):
    """The default one once, others by name; divergence that is expected is fine."""
    code, out, _ = gamec("test", "toy.game")
    lines = [line.split() for line in out.splitlines()]

    assert code == 0
    assert [(line[0], line[-1]) for line in lines[:2]] == [("ok", "default"), ("ok", "gda")]
    assert lines[2][:4] == ["2", "of", "2", "held,"]


def test_test_goes_through_folders_and_fails_with_three(gamec, tmp_path):
    """A file with a mistake fails, the others still run."""
    code, out, _ = gamec("test", str(tmp_path))

    assert code == 3
    assert "GE001: cannot go on here" in out
    assert out.splitlines()[-1].startswith("2 of 3 held")


def test_a_fault_of_ours_is_seventy_with_a_report(gamec, tmp_path):
    """Never a traceback on the screen; the file has it."""
    (tmp_path / "boom.game").write_text("boom")
    code, _, err = gamec("check", "boom.game")
    report = err.splitlines()[-1].removeprefix("report: ")

    assert code == 70
    assert err.startswith("internal error: RuntimeError")
    assert "Traceback" not in err
    with open(report) as file:
        assert "boom" in file.read()
    os.unlink(report)


@pytest.mark.parametrize("kind", cli.KINDS)
def test_every_list_can_be_printed(gamec, kind):
    """Also an empty one."""
    assert gamec("list", kind)[0] == 0


def test_the_list_of_solvers_says_what_each_plays_costs_and_comes_from(gamec):
    """One entry for every file: accepted games, gradients of a step, source."""
    entries = re.split(r"\n(?=\w)", gamec("list", "solvers")[1].strip())

    assert [e.split("(")[0] for e in entries] == sorted(words("solvers"))
    for entry in entries:
        _, _, plays, step, source = entry.splitlines()
        assert re.match(r"    plays: (all at once|in turn|one player)", plays)
        assert re.match(r"    a step: \d+ gradients? a player", step)
        assert source == f"    from: {words('solvers')[entry.split('(')[0]].source}"


def test_the_list_of_directives_has_every_word_that_is_no_rule(gamec):
    """Each with its options and what it does."""
    lines = gamec("list", "directives")[1].strip().splitlines()

    assert [re.split(r"[(\s]", line)[0] for line in lines] == list(FIXED)
    assert any(line.startswith("hedge(lr = 0.1") and "Freund and Schapire" in line for line in lines)


def test_list_shows_options_and_source(gamec):
    """How a word is written and where it comes from."""
    assert "simplex(" in gamec("list", "sets")[1].lower()


def test_version_names_python_and_torch(gamec):
    """One line."""
    assert gamec("version")[1].startswith(f"gamec {gamespec.__version__} (language 1, python 3")


def test_colors_follow_the_flag_and_the_environment(gamec, monkeypatch):
    """Never into a file, unless asked for."""
    monkeypatch.setenv("NO_COLOR", "1")

    assert "\x1b[" not in gamec("check", "bad.game")[2]
    assert "\x1b[" in gamec("check", "bad.game", "--color", "always")[2]


def outside(*argv, **options):
    """Run the command in a process of its own."""
    return subprocess.run([sys.executable, *argv], capture_output=True, text=True, check=False, **options)


def test_help_loads_neither_torch_nor_anything_heavy():
    """`gamec --help` is quick."""
    code = (
        "import sys\nfrom gamespec.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'sympy', 'rich', 'pydantic', 'lark'} & set(sys.modules)\nprint(sorted(heavy))"
    )

    assert outside("-c", code).stdout.splitlines()[-1] == "[]"


def test_a_reader_that_closes_the_pipe_is_no_error():
    """`gamec list sets | head -0`."""
    code = "import os, sys\nr, w = os.pipe()\nos.close(r)\nos.dup2(w, 1)\nfrom gamespec.cli import main\nsys.exit(main(['list', 'sets']))"
    done = outside("-c", code)

    assert (done.returncode, done.stderr) == (0, "")
