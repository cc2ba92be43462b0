"""Small symmetric matrices: exact tests of definiteness, and bounds of the smallest eigenvalue."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

Matrix = Sequence[Sequence[Fraction]]


def semidefinite(a: Matrix) -> bool:
    """Whether xᵀ a x >= 0 for all x, decided exactly by elimination."""
    rows = [list(row) for row in a]
    n = len(rows)
    for k in range(n):
        pivot = rows[k][k]
        if pivot < 0 or (pivot == 0 and any(rows[k][j] for j in range(k + 1, n))):
            return False
        for i in range(k + 1, n) if pivot else ():
            factor = rows[i][k] / pivot
            for j in range(k + 1, n) if factor else ():
                rows[i][j] -= factor * rows[k][j]
    return True


def shifted(a: Matrix, by: Fraction) -> list[list[Fraction]]:
    """The matrix minus a multiple of the identity."""
    return [[x - by if i == j else x for j, x in enumerate(row)] for i, row in enumerate(a)]


def smallest(a: Sequence[Sequence[float]]) -> tuple[float, list[float]]:
    """The smallest eigenvalue and its direction, nearly: cyclic Jacobi rotations."""
    n = len(a)
    m = [[float(x) for x in row] for row in a]
    v = [[float(i == j) for j in range(n)] for i in range(n)]
    for _ in range(12):
        for p in range(n):
            for q in range(p + 1, n):
                _rotate(m, v, p, q)
    k = min(range(n), key=lambda i: m[i][i])
    return m[k][k], [v[i][k] for i in range(n)]


def _rotate(m: list[list[float]], v: list[list[float]], p: int, q: int) -> None:
    """One rotation that makes m[p][q] vanish, gathered in v."""
    if m[p][q] == 0:
        return
    angle = 0.5 * math.atan2(2 * m[p][q], m[q][q] - m[p][p])
    c, s = math.cos(angle), math.sin(angle)
    for row in (*m, *v):
        row[p], row[q] = c * row[p] - s * row[q], s * row[p] + c * row[q]
    rows = zip(m[p], m[q], strict=True)
    m[p], m[q] = map(list, zip(*((c * x - s * y, s * x + c * y) for x, y in rows), strict=True))


def least(a: Matrix) -> Fraction:
    """A lower bound of the smallest eigenvalue, exact where that is a simple fraction."""
    if len(a) == 1:
        return a[0][0]
    guess, _ = smallest([[float(x) for x in row] for row in a])
    size = max(1.0, *(abs(float(x)) for row in a for x in row))
    tidy = Fraction(guess).limit_denominator(1000)
    lower = (Fraction(guess) - Fraction(size) / 10**k for k in (13, 11, 9, 6, 3))
    # The last is sure: an eigenvalue lies within a row's sum of some diagonal entry (Gershgorin 1931).
    sure = min(row[i] - sum((abs(x) for j, x in enumerate(row) if j != i), Fraction(0)) for i, row in enumerate(a))
    return next(x for x in (tidy, *lower, sure) if semidefinite(shifted(a, x)))


def solve(a: Matrix, b: Sequence[Fraction]) -> list[Fraction] | None:
    """The solution of a x = b, None where a is singular."""
    n = len(a)
    rows = [[*row, value] for row, value in zip(a, b, strict=True)]
    for k in range(n):
        pivot = next((i for i in range(k, n) if rows[i][k]), None)
        if pivot is None:
            return None
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [x / rows[k][k] for x in rows[k]]
        for i in range(n):
            if i != k and rows[i][k]:
                rows[i] = [x - rows[i][k] * y for x, y in zip(rows[i], rows[k], strict=True)]
    return [row[n] for row in rows]
