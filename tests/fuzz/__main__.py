"""`python -m tests.fuzz --minutes 15 --how grammar`: search for texts that the compiler does not survive.

`grammar` changes the tokens of games that there are and puts parts of one into another, guided by hypothesis; `bytes` is
libFuzzer through atheris (`pip install atheris`), which follows the branches that are taken. What fails is written to
`gamespec-fuzz` in the folder for temporary files; `--keep` adds what reached new branches to `corpus.json`, which the tests replay.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import sys
import tempfile
import time
import traceback
from pathlib import Path

HERE = Path(__file__).parent
FOUND = Path(tempfile.gettempdir()) / "gamespec-fuzz"
MEMORY = 500 * 2**20
"""Bytes that a text may cost beyond what the compiler itself takes."""


def failure(text: str, *, explain: bool) -> str:
    """What went wrong with a text, "" where nothing did."""
    from tests.fuzz.target import Slow, examine, limited  # not before what they import is instrumented

    try:
        with limited():
            examine(text, explain=explain)
    except Slow as error:
        return str(error)
    except MemoryError:
        return "more memory than there is"
    except Exception:
        return traceback.format_exc()
    return ""


def keep(text: str, reason: str, seen: set[str]) -> None:
    """Write a failing text with its reason, once for each place where it fails."""
    place = reason.strip().splitlines()[-3:] if "Traceback" in reason else [reason]
    mark = "".join(place)
    if mark in seen:
        return
    seen.add(mark)
    name = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]
    FOUND.mkdir(exist_ok=True)
    (FOUND / f"{name}.game").write_text(text, encoding="utf-8", errors="replace")
    (FOUND / f"{name}.txt").write_text(reason)
    print(f"FAILED {name}: {reason.strip().splitlines()[-1]}", flush=True)


def by_grammar(minutes: float, *, explain: bool, seed: int) -> tuple[int, set[str]]:
    """Mutants of real games until the time is over; the number tried, and the failures."""
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded

    from tests.fuzz.mutants import mutants

    end, tried, seen = time.monotonic() + 60 * minutes, 0, set[str]()

    @settings(max_examples=500, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(text=mutants())
    def search(text: str) -> None:
        nonlocal tried
        if time.monotonic() < end:
            tried += 1
            reason = failure(text, explain=explain)
            if reason:
                keep(text, reason, seen)

    while time.monotonic() < end:
        seed += 1
        seeded(seed)(search)()
    return tried, seen


def by_bytes(minutes: float, *, explain: bool) -> None:
    """LibFuzzer on the bytes of the text; ends the process."""
    import atheris

    with atheris.instrument_imports(include=["gamespec.syntax", "gamespec.check", "gamespec.report"]):
        from tests.fuzz.mutants import PROGRAMS, WORDS
        from tests.fuzz.target import examine

        # What is loaded at first use as well.
        for words in PROGRAMS:
            examine("\n".join(words), explain=explain)
    seen: set[str] = set()

    def one(data: bytes) -> None:
        text = data.decode("utf-8", "replace")
        reason = failure(text, explain=explain)
        if reason:
            keep(text, reason, seen)

    folder = FOUND
    (folder / "seeds").mkdir(parents=True, exist_ok=True)
    for k, text in enumerate([*(" ".join(tokens) for tokens in PROGRAMS), *corpus()]):
        (folder / "seeds" / str(k)).write_text(text, encoding="utf-8", errors="surrogateescape")
    (folder / "new").mkdir(exist_ok=True)
    (folder / "words.dict").write_text("\n".join('"' + "".join(f"\\x{b:02x}" for b in w.encode()) + '"' for w in WORDS))
    # libFuzzer writes what reaches new branches into the first folder.
    folders = [str(folder / "new"), str(folder / "seeds")]
    limits = [f"-max_total_time={int(60 * minutes)}", "-max_len=4096", "-rss_limit_mb=2048"]
    atheris.Setup([sys.argv[0], *limits, f"-dict={folder / 'words.dict'}", *folders], one)
    atheris.Fuzz()


def corpus() -> list[str]:
    """The texts that are kept."""
    file = HERE / "corpus.json"
    found: list[str] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    return found


def grow() -> None:
    """Add what libFuzzer found to reach new branches to the corpus, the shortest first, up to 400 texts."""
    new = [p.read_bytes().decode("utf-8", "replace") for p in (FOUND / "new").glob("*")]
    texts = sorted({*corpus(), *(t for t in new if len(t) < 2000)}, key=lambda t: (len(t), t))[:400]
    (HERE / "corpus.json").write_text(json.dumps(texts, indent=0, ensure_ascii=True) + "\n", encoding="utf-8")


def main() -> None:
    """Read the command line and search."""
    options = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    options.add_argument("--minutes", type=float, default=15)
    options.add_argument("--how", choices=("grammar", "bytes"), default="grammar")
    options.add_argument("--explain", action="store_true", help="also classify and choose")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--keep", action="store_true", help="put what libFuzzer found into the corpus, and search for nothing")
    chosen = options.parse_args()
    if chosen.keep:
        grow()
        return
    if chosen.how == "bytes":
        by_bytes(chosen.minutes, explain=chosen.explain)
        return
    failure("language 1\nvar u in [-1, 1]\nsolve min{u} [ u^2 ]\n", explain=chosen.explain)  # loads what is loaded once
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    tried, seen = by_grammar(chosen.minutes, explain=chosen.explain, seed=chosen.seed)
    print(f"{tried} texts, {len(seen)} failures")
    sys.exit(bool(seen))


if __name__ == "__main__":
    main()
