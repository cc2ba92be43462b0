"""The style sheet of a report: one column on a phone, two on a desk, light or dark as the reader's system is."""

from __future__ import annotations

from gamespec.view import dress

_RULES = """
* { box-sizing: border-box; }
html { color-scheme: light dark; -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 20px 16px 64px; }
header { border-bottom: 1px solid var(--line); padding-bottom: 14px; margin-bottom: 8px; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 6px 0; overflow-wrap: anywhere; }
h2 { font-size: 1.12rem; margin: 34px 0 10px; }
p { margin: 6px 0; max-width: 72ch; }
.soft { color: var(--soft); font-size: .92rem; }
.lead { max-width: 76ch; }
.state { display: inline-block; padding: 2px 11px; border-radius: 99px; border: 1.5px solid; font-weight: 600; font-size: .92rem; }
.good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px; margin: 10px 0; }
.pair { display: grid; grid-template-columns: minmax(0, 1fr); gap: 14px; }
@media (min-width: 820px) { .pair { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
.pair > .card { margin: 0; }
.plates { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(320px, 100%), 1fr)); gap: 12px; }
.plates .card { padding: 8px 8px 4px; margin: 0; }
.plates svg { width: 100%; height: auto; display: block; }
.diagram { display: block; margin: 4px auto; width: 100%; height: auto; }
.wide { overflow-x: auto; }
pre { margin: 0; font: 13px/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; white-space: pre; overflow-x: auto; tab-size: 4; }
pre.wrap { white-space: pre-wrap; overflow-wrap: anywhere; }
pre .c { color: var(--soft); font-style: italic; }
pre .k { color: var(--tone-0); font-weight: 600; }
pre .n { color: var(--tone-1); }
table { border-collapse: collapse; width: 100%; font-size: .94rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 6px 12px 6px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; color: var(--soft); font-size: .84rem; }
tr:last-child td { border-bottom: 0; }
td.num { white-space: nowrap; }
td { overflow-wrap: break-word; }
.long td { overflow-wrap: anywhere; }
math { font-size: 1.15rem; }
math[display="block"] { margin: 2px 0; padding-bottom: 2px; }
munder > :nth-child(2), munderover > :nth-child(2) { padding-top: .22em; }
.formula { display: grid; grid-template-columns: minmax(0, 1fr); gap: 0; border-bottom: 1px solid var(--line); padding: 8px 0; }
.formula:last-child { border-bottom: 0; }
.row { display: flex; flex-wrap: wrap; justify-content: center; gap: .1em 1.6em; margin: 2px 0; }
details > summary { cursor: pointer; color: var(--soft); padding: 4px 0; }
a { color: var(--tone-0); }
@media print { .card { break-inside: avoid; } }
"""


def sheet() -> str:
    """The whole style of a report."""
    return dress.variables() + dress.MARKS + _RULES
