"""What to say about brackets that do not pair."""

from __future__ import annotations

from gamespec.report.diagnostic import Diagnostic, Fix, Label
from gamespec.report.source import Span
from gamespec.syntax.mistake import CLOSES, MARKS, Mistake, change
from gamespec.syntax.table import END


def closer(m: Mistake) -> Diagnostic | None:
    """A closing bracket that closes nothing, or something else."""
    mark = MARKS.get(m.token.type)
    if mark is None or (m.opened and CLOSES[m.opened[-1].type] == m.token.type):
        return None
    if not m.opened:
        label = Label(m.span(m.token), "nothing is open here")
        fix = change(f"remove the `{mark}`", m.span(m.token), "")
        return Diagnostic("GE002", f"`{mark}` closes nothing", label, hint=f"remove the `{mark}`", fixes=(fix,))
    opening = m.opened[-1]
    needed = MARKS[CLOSES[opening.type]]
    return Diagnostic(
        code="GE002",
        message=f"`{opening.text}` is closed by `{mark}`",
        primary=Label(m.span(m.token), f"`{needed}` is needed here"),
        related=(Label(m.span(opening), "opens here"),),
        hint=f"write `{needed}` before the `{mark}`, or instead of it",
        fixes=(change(f"write `{needed}` before it", m.span(m.token), f"{needed}{mark}"),)
        if len(m.opened) > 1 and CLOSES[m.opened[-2].type] == m.token.type
        else (change(f"write `{needed}`", m.span(m.token), needed),),
    )


def unclosed(m: Mistake) -> Diagnostic | None:
    """A bracket that is still open where the statement ends, or where it alone could go on."""
    if not m.opened:
        return None
    opening = m.opened[-1]
    closing = CLOSES[opening.type]
    if m.token.type != END and (closing not in m.accepts or _is_closed(m)):
        return None
    end = m.back() if m.token.type == END else m.token
    place = "the statement ends here" if m.token.type == END else "before this"
    related = () if end == opening else (Label(m.span(end), place),)
    return Diagnostic(
        code="GE002",
        message=f"`{opening.text}` is never closed",
        primary=Label(m.span(opening), "opens here"),
        related=related,
        hint=f"close it with `{MARKS[closing]}`",
        fixes=_closing(m, MARKS[closing]) if m.token.type == END else (),
    )


def _closing(m: Mistake, mark: str) -> tuple[Fix, ...]:
    """The bracket at the end of its statement; nothing but that bracket can stand there where it is the outermost one."""
    if CLOSES[m.opened[-1].type] not in m.accepts:
        return ()
    last = m.back().end
    body = m.opened[-1].type == "LSQB" and m.tokens[0].type == "SOLVE"
    sure = len(m.opened) == 1 and (body or m.tokens[0].type in {"SCHEDULE", "RUN"})
    gap = " " if body or m.opened[-1].type == "LBRACE" else ""
    return (change(f"write `{mark}`", Span(m.source.name, last, last), f"{gap}{mark}", safe=sure),)


def _is_closed(m: Mistake) -> bool:
    """Whether the innermost open bracket is closed by its own kind further on."""
    stack = [m.opened[-1].type]
    for token in m.tokens[m.at :]:
        if token.type in CLOSES:
            stack.append(token.type)
        elif token.type in MARKS:
            if CLOSES[stack.pop()] != token.type:
                return False
            if not stack:
                return True
    return False
