"""Colours: one palette for light and one for dark, told apart also by people who see few colours."""

from __future__ import annotations

LIGHT = ("#1f5fbf", "#c2410c", "#0f766e", "#8b3fb5", "#a16207", "#be185d", "#4d7c0f", "#52525b")
DARK = ("#7db3ff", "#ff9b61", "#4fd1c0", "#d6a2f5", "#f0c14b", "#ff8fbd", "#a7d46f", "#b5b5bf")

SURFACE = {
    "ink": ("#1c1d22", "#e8e8ee"),
    "soft": ("#5b5e6b", "#a3a6b4"),
    "line": ("#d9dae1", "#363843"),
    "faint": ("#b4b7c4", "#555866"),
    "page": ("#fbfbfd", "#15161a"),
    "card": ("#ffffff", "#1e2026"),
    "good": ("#15803d", "#6ee7a0"),
    "bad": ("#b91c1c", "#ff9a9a"),
    "warn": ("#92400e", "#fbc66f"),
}
"""Each role in light and in dark; text in `ink`, `soft`, `good`, `bad` and `warn` passes 4.5:1 on page and card."""


def variables(scope: str = ":root") -> str:
    """The palette as custom properties of CSS; dark where the reader's system is dark."""

    def block(dark: bool) -> str:
        tones = [f"--tone-{k}: {c};" for k, c in enumerate(DARK if dark else LIGHT)]
        return " ".join([*tones, *(f"--{name}: {pair[dark]};" for name, pair in SURFACE.items())])

    return f"{scope} {{ {block(False)} }}\n@media (prefers-color-scheme: dark) {{ {scope} {{ {block(True)} }} }}\n"


MARKS = """
.axis { stroke: var(--line); stroke-width: 1; fill: none; }
.curve { fill: none; stroke-linejoin: round; stroke-linecap: round; }
.arrow { stroke: var(--faint); stroke-width: .9; fill: none; stroke-linecap: round; }
.t { font: 11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: var(--soft); }
.t.head { font-size: 13px; font-weight: 600; fill: var(--ink); }
.t.node { font-size: 13px; font-weight: 600; fill: var(--ink); }
.t.halo { fill: var(--ink); paint-order: stroke; stroke: var(--page); stroke-width: 4px; }
.t.mid { text-anchor: middle; }
.t.end { text-anchor: end; }
.box { fill: var(--card); stroke: var(--faint); stroke-width: 1.2; }
.wire { fill: none; stroke: var(--soft); stroke-width: 1.4; }
.tip { fill: var(--soft); }
"""
"""The classes that the drawings use."""
