"""`python -m tests.bench [WORD ...] [--write]`: ratios of our times to others', as a table and as JSON.

Words choose the jobs whose group or name contain one of them; `--write` puts their rows into RESULTS.md, row by row, and
leaves the others as they were.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from gamespec.report.diagnostic import GameError
from tests.bench import formulas, overhead
from tests.bench.jobs import JOBS, NOTES
from tests.bench.pairs import GAMES, ROOT, Skip, seconds, timed

PAGE = Path(__file__).with_name("RESULTS.md")

COMMANDS = {
    "gamec --help": (["--help"], 150.0),
    "gamec version": (["version"], None),
    "gamec check": (["check", str(ROOT / "specs/robust/pgd_digits.game")], 300.0),
    "gamec explain": (["explain", str(ROOT / "specs/robust/pgd_digits.game")], None),
    "gamec fmt --check": (["fmt", "--check", str(ROOT / "specs/robust/pgd_digits.game")], None),
}
"""Commands whose start is timed, with the most milliseconds of processor time that are allowed."""

UNITS = {"start-up": "ms", "many starts": "s", "memory": "MB", "overhead": "%", "compilation": "s"}
"""Groups of rows that are measured against a number and not against other work, with the unit."""

COMPILE = """
import sys, time
from pathlib import Path
from gamespec.run.lane import Lane
from tests.bench.pairs import emitted
module, game = emitted(Path(sys.argv[1]), None, Path(sys.argv[2]))
state = module.start()
begin = time.perf_counter()
lane = Lane(module, "on", 0)
lane(state)
print(lane.warning or time.perf_counter() - begin)
"""


def starts() -> list[dict[str, object]]:
    """Processor time of each command, medians of 7: what it takes on a machine that does nothing else."""
    rows = []
    for name, (args, bar) in COMMANDS.items():
        spent = [_processor([sys.executable, "-m", "gamespec.cli", *args]) for _ in range(8)][1:]
        rows.append({"group": "start-up", "job": name, "ms": round(statistics.median(spent), 1), "bar_ms": bar})
    return rows


def _processor(command: list[str]) -> float:
    """Milliseconds of processor time of a command; byte code is kept, as it is where a package is installed."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | {"PYTHONPYCACHEPREFIX": tempfile.gettempdir() + "/bench-pyc"}
    before = os.times()
    subprocess.run(command, check=False, capture_output=True, env=kept)
    after = os.times()
    return 1e3 * (after.children_user + after.children_system - before.children_user - before.children_system)


def compiling() -> list[dict[str, object]]:
    """Seconds from an eager step to a compiled one: with nothing kept, then with the package in the cache, in new processes."""
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        caches = {"XDG_CACHE_HOME": folder, "TORCHINDUCTOR_CACHE_DIR": f"{folder}/inductor"}
        for name, bar in (("cold", 15.0), ("cached", 3.0)):
            command = [sys.executable, "-c", COMPILE, str(GAMES / "gan_simultaneous.game"), folder]
            done = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | caches)
            said = done.stdout.strip().splitlines()[-1]
            row: dict[str, object] = {"group": "compilation", "job": f"one step of the 2-D GAN, {name}", "bar_s": bar}
            rows.append(row | ({"s": round(float(said), 1)} if said.replace(".", "").isdigit() else {"skipped": said}))
    return rows


MEMORY = """
import sys
from pathlib import Path
import torch
from tests.bench.jobs import memory_of_unroll
def peak():  # of this process alone: getrusage begins with what its parent had
    return int(next(l for l in open("/proc/self/status") if l.startswith("VmHWM")).split()[1])
torch.set_num_threads(1)
step, warm = memory_of_unroll(sys.argv[1], int(sys.argv[2])), memory_of_unroll(sys.argv[1], 1)
warm()
before = peak()
step()
print((peak() - before) / 1024)
"""


def memory() -> list[dict[str, object]]:
    """Peak above that of a step with one inner step, of an unrolled hypergradient, each in a process of its own."""
    rows: list[dict[str, object]] = []
    for steps in (20, 100):
        for again, bar in (("true", 60.0), ("false", None)):
            done = subprocess.run([sys.executable, "-c", MEMORY, again, str(steps)], check=True, capture_output=True, text=True)
            how = "iterates stored" if again == "true" else "graphs stored"
            job = f"hyper_mlp_1024, unroll of {steps} steps, {how}"
            rows.append({"group": "memory", "job": job, "bar_MB": bar, "MB": round(float(done.stdout.split()[-1]), 1)})
    return rows


def many_starts() -> list[dict[str, object]]:
    """Seconds of the process for 10,000 starts of 1,000 steps of extragradient, medians of 3."""
    rows: list[dict[str, object]] = []
    for path in (formulas.BILINEAR, formulas.FORSAKEN):
        work = formulas.portrait(path)
        spent = [seconds(work, 1) for _ in range(4)][1:]
        row = {"group": "many starts", "job": f"{path.stem}, 10,000 starts x 1,000 iterations of extragradient", "bar_s": formulas.BAR}
        rows.append(row | {"s": round(statistics.median(spent), 2)})
    return rows


def machine() -> str:
    """The processor, its cores, and the versions, without the name of anybody's computer."""
    cpu = platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text(encoding="utf-8").splitlines()
        cpu = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), cpu)
        flags = next((line for line in lines if line.startswith("flags")), "")
        cpu += "".join(f", {word}" for word in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if word in flags.split())
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{cpu}; {os.cpu_count()} cores{load}; one thread; Python {platform.python_version()}, torch {torch.__version__}"


def table(rows: list[dict[str, object]]) -> str:
    """The rows as markdown, one table for each group."""
    parts: list[str] = []
    for group in dict.fromkeys(str(r["group"]) for r in rows):
        mine = [r for r in rows if r["group"] == group]
        if group in UNITS:
            unit = UNITS[group]
            parts += [f"## {group}", "", f"| | {unit} | at most | |", "|---|---|---|---|"]
            parts += [f"| {r['job']} | {r.get(unit, '-')} | {r.get(f'bar_{unit}') or ''} | {_verdict(r)} |" for r in mine]
        else:
            parts += [f"## {group}", "", "| job | against | ratio | at most | range | ours, ms | theirs, ms | |", "|---|---|---|---|---|---|---|---|"]
            for r in mine:
                span = "" if "skipped" in r else f"{r['low']} to {r['high']}"
                cells = [r["job"], r["against"], r.get("ratio", "-"), r["bar"] or "", span, r.get("ours_ms", ""), r.get("theirs_ms", ""), _verdict(r)]
                parts.append(f"| {' | '.join(map(str, cells))} |")
        parts.append("")
    return "\n".join(parts)


def _verdict(row: dict[str, object]) -> str:
    """What a row says: held, missed, skipped and why, and what else was found."""
    if "skipped" in row:
        return f"skipped: {row['skipped']}"
    note = str(row.get("note", ""))
    for key, bar in (("ratio", "bar"), *((unit, f"bar_{unit}") for unit in UNITS.values())):
        value, limit = row.get(key), row.get(bar)
        if isinstance(value, int | float) and isinstance(limit, int | float):
            return "; ".join(filter(None, ["held" if value <= limit else "MISSED", note]))
    return note


def page(rows: list[dict[str, object]], minutes: float | None = None) -> str:
    """The rows as a page that says how they were made."""
    made = "Rows come from separate runs, each written when it was made, so that times compare within a row only; the machine\nis that of the last."
    if minutes is not None:
        made = f"All rows come from one run, of {minutes:.0f} minutes; times compare within a row only."
    head = (
        "Made by `python -m tests.bench --write`: medians of the ratios of paired repeats, ours to theirs, taken in turns in one\nprocess. "
        f"{made} "
        "The table of floors has what no eager program can leave out, against the same hand-written step."
    )
    return f"# Times, as ratios\n\n{head}\n{machine()}.\n\n{table(rows)}"


def keep(rows: list[dict[str, object]], minutes: float | None = None) -> None:
    """Put rows into the page, each in the place of the one of its name, where that was asked for; `minutes` of a whole run end the others."""
    if "--write" not in sys.argv:
        return
    store = PAGE.with_suffix(".json")
    old = json.loads(store.read_text(encoding="utf-8"))["rows"] if store.exists() and minutes is None else []
    known = {(r["group"], r["job"], r.get("against")): r for r in [*old, *rows]}
    order = {(job.group, job.name, job.against): k for k, job in enumerate(JOBS)}
    merged = sorted(known.values(), key=lambda r: order.get((r["group"], r["job"], r.get("against")), len(order)))
    store.write_text(json.dumps({"machine": machine(), "rows": merged}, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(merged, minutes).rstrip() + "\n", encoding="utf-8")


def main() -> int:
    """Time, print and write; 1 when a bar is missed."""
    torch.set_num_threads(1)
    begin = time.monotonic()
    words = [a for a in sys.argv[1:] if not a.startswith("--")]
    rows: list[dict[str, object]] = []
    for job in JOBS:
        if words and not any(w in f"{job.group} {job.name} {job.against}" for w in words):
            continue
        try:
            rows.append(timed(job))
        except GameError as error:
            rows.append({"group": job.group, "job": job.name, "against": job.against, "bar": job.bar, "skipped": error.diagnostics[0].message})
        if job.name in NOTES:
            rows[-1]["note"] = NOTES[job.name]
        sys.stderr.write(f"{json.dumps(rows[-1])}\n")
        keep(rows[-1:])
    extras = {"start-up": starts, "many starts": many_starts, "memory": memory, "overhead": overhead.rows, "compilation": compiling}
    for name, extra in extras.items():
        if not words or any(w in name for w in words):
            rows += (made := extra())
            keep(made)
    minutes = None if words else (time.monotonic() - begin) / 60
    if minutes is not None:
        keep(rows, minutes)
    print(page(rows, minutes))
    print(json.dumps({"machine": machine(), "rows": rows}))
    return int(any("MISSED" in _verdict(r) for r in rows))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Skip as reason:
        sys.exit(str(reason))
