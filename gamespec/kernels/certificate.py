"""What a check at the end of a run says."""

from __future__ import annotations


def check(name: str, value: float, tol: float | None, note: str) -> dict[str, str | float | bool | None]:
    """One entry of a certificate: the value of a check, its tolerance (None: reported only), whether it holds, why."""
    return {"name": name, "value": value, "tol": tol, "ok": None if tol is None else value <= tol, "note": note}
