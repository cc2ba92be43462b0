"""The report of a run: one HTML page with everything inside, no script and no network."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from gamespec.report.diagnostic import GameError
from gamespec.run.result import Status
from gamespec.view.album import album
from gamespec.view.beside import named
from gamespec.view.diagram import diagram
from gamespec.view.formula import formulas
from gamespec.view.opened import Opened
from gamespec.view.picture import Picture
from gamespec.view.sheet import sheet
from gamespec.view.svg import standalone

_HEAD = (
    '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">"""
    '<link rel="icon" href="data:,">'
)
"""Nothing is fetched, not even the icon that browsers ask for unless the page says that it has none."""

_SHORT = 14
"""Letters of a cell that is kept on one line."""

_GOOD = (Status.CONVERGED, Status.FINISHED)
_KEYWORDS = re.compile(
    r"(?P<c>#[^\n]*)|(?P<k>\b(?:language|game|param|let|def|var|net|data|dist|dim|solve|schedule|metric|run|expect|import|order|params|init|min|max|argmin|argmax"
    r"|forall|where|nash|extends|frozen)\b)|(?P<n>(?<![\w.])\d[\d_]*(?:\.\d+)?(?:e-?\d+)?)"
)


def report(run: Opened, others: Sequence[Opened] = ()) -> str:
    """The page; where `others` share data and types of networks with the run, their pictures stand side by side."""
    found = album(run, others)
    body = "".join(
        [
            _head(run),
            _section(
                "The game",
                f'<div class="pair"><div class="card wide">{_maths(run)}</div><div class="card">{diagram(run.game, _responses(run))}</div></div>',
            ),
            _section("Result", f'<div class="pair">{_results(run)}</div>'),
            _section("Beside each other", _beside([run, *others])) if others else "",
            *(_plates(p) for p in found.pictures),
            _section("What the compiler found and chose", f'<div class="card wide"><pre class="wrap">{escape(explained(run))}</pre></div>'),
            _section("The file", f'<div class="card wide"><pre>{coloured(run.text)}</pre></div>'),
            _section("How to make it again", _manifest(run)),
            _missing(found.missing),
        ]
    )
    head = _HEAD + f"<title>{escape(run.game.name)}, {escape(run.manifest['schedule'])}: {run.status}</title><style>{sheet()}</style>"
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body><main>{body}</main></body></html>\n'


def explained(run: Opened) -> str:
    """The text of `gamec explain` for this run; what was saved of the plan where the file no longer compiles."""
    from gamespec import pipeline

    try:
        return pipeline.explain(pipeline.check(run.source, run.sets), run.manifest["schedule"], why=True)
    except (GameError, ImportError):
        plan = run.path / "plan.txt"
        return plan.read_text(encoding="utf-8") if plan.is_file() else "\n".join(run.manifest.get("choice", ()))


def coloured(text: str) -> str:
    """The text of a game with its comments, keywords and numbers marked."""
    parts, last = [], 0
    for found in _KEYWORDS.finditer(text):
        parts.append(escape(text[last : found.start()]))
        parts.append(f'<span class="{found.lastgroup}">{escape(found[0])}</span>')
        last = found.end()
    return "".join([*parts, escape(text[last:])])


def _head(run: Opened) -> str:
    status, m = run.status, run.manifest
    tone = "good" if status in _GOOD else "bad" if status.failed else "warn"
    about = " ".join(line.strip().lstrip("# ") for line in run.text.splitlines() if line.strip().startswith("#"))
    facts = [
        f"schedule {m['schedule']}",
        f"seed {m['seed']}",
        f"{m['steps']} steps",
        f"{float(m.get('seconds', 0)):.3g} s on {m.get('device', 'cpu')}",
    ]
    facts += [f"{k} = {v}" for k, v in run.sets]
    note = run.result.get("note", "")
    return (
        f"<header><h1>{escape(run.game.name)}</h1><p class='lead'>{escape(about)}</p>"
        f"<p><span class='state {tone}'>{status}</span> {_verdict(run)}</p><p>{_sentence(status.advice)}</p>"
        f"{f'<p>{_sentence(note)}.</p>' if note else ''}<p class='soft'>{escape(', '.join(map(str, facts)))}</p></header>"
    )


def _sentence(text: str) -> str:
    """A sentence of the run with its code set as code."""
    whole = escape(text[:1].upper() + text[1:])
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", whole)


def _verdict(run: Opened) -> str:
    """Certificate and expectations in two words."""
    words = []
    if run.result["checks"]:
        bad = [c for c in run.result["checks"] if c["ok"] is False]
        held = any(c["ok"] for c in run.result["checks"])
        words.append(
            "<span class='bad'>not certified</span>" if bad else "<span class='good'>certified</span>" if held else "reported, nothing to certify"
        )
    expected = run.result["expectations"]
    if expected:
        met = sum(bool(e["ok"]) for e in expected)
        words.append(f"<span class='{'good' if met == len(expected) else 'bad'}'>{met} of {len(expected)} expectations met</span>")
    return ", ".join(words)


def _maths(run: Opened) -> str:
    return "".join(f'<div class="formula"><span class="soft">{escape(said)}</span>{maths}</div>' for said, maths in formulas(run.game))


def _responses(run: Opened) -> dict[str, str]:
    """How derivatives pass through each follower, as the plan says it."""
    plan = run.path / "plan.txt"
    text = plan.read_text(encoding="utf-8") if plan.is_file() else ""
    return {node: kind.lower() for node, kind in re.findall(r"\('([^']+)', (\w+)\(", text) if kind not in ("Frozen", "Rule")}


def _results(run: Opened) -> str:
    metrics = [[k, _number(v)] for k, v in run.result["metrics"].items()]
    checks = [
        [_about(c), _number(c["value"]), "" if c.get("tol") is None else f"\N{LESS-THAN OR EQUAL TO} {c['tol']:g}", _held(c["ok"])]
        for c in run.result["checks"]
    ]
    expects = [[_held(e["ok"]), f"<code>{escape(e['text'])}</code>"] for e in run.result["expectations"]]
    cards = []
    if metrics:
        cards.append(_card("Metrics", _table(["metric", "value"], metrics)))
    if expects:
        cards.append(_card("Expectations", _table(["", "expected"], expects)))
    if checks:
        cards.append(_card("Certificate", _table(["check", "value", "bound", ""], checks)))
    players = [[name, _shape(run, name)] for name in run.result["players"]]
    cards.append(_card("Players", _table(["player", "chose"], players)))
    return "".join(cards)


def _beside(runs: Sequence[Opened]) -> str:
    """One column for each run: how it ended, and every metric that any of them has."""
    metrics = dict.fromkeys(k for run in runs for k in run.result["metrics"])
    rows = [["status", *(str(run.status) for run in runs)], ["schedule", *(escape(str(run.manifest["schedule"])) for run in runs)]]
    rows += [[escape(k), *(_number(run.result["metrics"].get(k, "")) for run in runs)] for k in metrics]
    return f'<div class="card wide">{_table(["", *map(escape, named(runs))], rows)}</div>'


def _shape(run: Opened, name: str) -> str:
    """The numbers of a small variable, the size of a large one or of a network."""
    try:
        numbers = run.numbers(name)
    except (OSError, ValueError, RuntimeError) as error:
        return f"unreadable: {escape(type(error).__name__)}"
    count = sum(t.numel() for t in numbers.values())
    if run.result["players"][name]["kind"] == "module" or count > 12:
        return f"{count:,} numbers".replace(",", "\N{NARROW NO-BREAK SPACE}")
    flat = next(iter(numbers.values())).reshape(-1).tolist()
    return ", ".join(f"{0.0 if abs(v) < 5e-13 else v:.6g}" for v in flat)


def _about(check: Mapping[str, Any]) -> str:
    """The name of a check with what it is about below."""
    note = check.get("note", "")
    return escape(check["name"]) + (f'<div class="soft">{escape(note)}</div>' if note else "")


def _held(ok: bool | None) -> str:
    return {True: "<span class='good'>ok</span>", False: "<span class='bad'>failed</span>", None: ""}[ok]


def _number(value: Any) -> str:  # noqa: ANN401  # of JSON; until 2027-11
    return f"{value:.6g}" if isinstance(value, int | float) else escape(str(value))


def _card(title: str, inside: str) -> str:
    return f'<div class="card wide"><strong>{title}</strong>{inside}</div>'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{h}</th>" for h in head)
    cells = ["".join(f"<td{' class=num' if len(re.sub('<[^>]*>', '', cell)) < _SHORT else ''}>{cell}</td>" for cell in row) for row in rows]
    return f"<table><thead><tr>{top}</tr></thead><tbody>{''.join(f'<tr>{c}</tr>' for c in cells)}</tbody></table>"


def _section(title: str, inside: str) -> str:
    return f"<section><h2>{title}</h2>{inside}</section>" if inside else ""


def _plates(picture: Picture) -> str:
    """The panels of a picture side by side, its caption below."""
    panels = "".join(f'<div class="card">{standalone(p)}</div>' for p in picture.panels)
    caption = f'<p class="soft">{escape(picture.caption)}</p>' if picture.caption else ""
    return _section(escape(picture.title), f'<div class="plates">{panels}</div>{caption}')


def _manifest(run: Opened) -> str:
    rows = [[escape(k), escape(v)] for k, v in _flat(run.manifest) if k.split(".")[0] not in ("choice", "files")]
    command = f"gamec replay {run.path.as_posix()}"
    return (
        f"<p><code>{escape(command)}</code> makes the run again and compares every bit.</p>"
        f'<details><summary>Manifest</summary><div class="card long">{_table(["", ""], rows)}</div></details>'
    )


def _flat(value: Mapping[str, Any], above: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for key, inside in value.items():
        if isinstance(inside, Mapping):
            rows += _flat(inside, f"{above}{key}.")
        else:
            rows.append((f"{above}{key}", ", ".join(map(str, inside)) if isinstance(inside, list) else str(inside)))
    return rows


def _missing(reasons: Sequence[str]) -> str:
    """Pictures that this run does not give, out of the way."""
    items = "".join(f"<li>{escape(reason)}</li>" for reason in reasons)
    return f'<details class="soft"><summary>Pictures that this run does not give</summary><ul>{items}</ul></details>' if reasons else ""
