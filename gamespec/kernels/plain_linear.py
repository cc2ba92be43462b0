"""Linear algebra on lists of plain numbers, or of tensors [starts], and what methods of second order make of it.

The same formulas as in `field.py`, `linear.py`, `hypergradient.py` and `response.py`, with the Jacobian written out: for
the few numbers of a small game it is a table of formulas. Shapes: a vector is a list, a table a list of rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from gamespec.kernels.plain import root_of, where_of

Number = float | Tensor
Vector = list[Number]


def dot_of(a: Vector, b: Vector) -> Number:
    """The inner product."""
    return sum((x * y for x, y in zip(a[1:], b[1:], strict=True)), a[0] * b[0])


def any_of(holds: bool | Tensor) -> bool:
    """Whether a condition holds for any start."""
    return bool(holds.any()) if isinstance(holds, Tensor) else bool(holds)


def solved_of(table: list[Vector], b: Vector) -> Vector:
    """The v with table v = b: by elimination, for tensors by torch; of a singular table the least squares solution."""
    n = len(b)
    wide = [x for row in [*table, b] for x in row]
    if any(isinstance(x, Tensor) for x in wide):
        like = next(x for x in wide if isinstance(x, Tensor))
        parts = [x.expand_as(like) if isinstance(x, Tensor) else torch.full_like(like, x) for x in wide]
        stack = torch.stack(parts, -1).reshape(*like.shape, n + 1, n)  # [starts, n + 1, n]
        found, wrong = torch.linalg.solve_ex(stack[..., :n, :], stack[..., n, :, None])
        if bool(wrong.any()):
            sound = stack[..., :n, :].isfinite().flatten(-2).all(-1)[..., None, None]  # what ran away has no singular values
            least = torch.linalg.pinv(torch.where(sound, stack[..., :n, :], 0.0)) @ stack[..., n, :, None]
            found = torch.where((wrong != 0)[..., None, None], torch.where(sound, least, math.nan), found)
        return list(found[..., 0].unbind(-1))
    rows = [[float(x) for x in (*row, y)] for row, y in zip(table, b, strict=True)]
    for k in range(n):
        best = max(range(k, n), key=lambda i: abs(rows[i][k]))
        rows[k], rows[best] = rows[best], rows[k]
        if not rows[k][k]:
            exact = torch.tensor([[float(x) for x in row] for row in table], dtype=torch.float64)
            if not bool(exact.isfinite().all()):
                return [math.nan] * n  # a game that ran away: its run ends, and says so
            return list((torch.linalg.pinv(exact) @ torch.tensor([float(x) for x in b], dtype=torch.float64)).tolist())
        for i in range(k + 1, n):
            share = rows[i][k] / rows[k][k]
            if share:
                rows[i] = [x - share * y for x, y in zip(rows[i], rows[k], strict=True)]
    v = [0.0] * n
    for k in reversed(range(n)):
        v[k] = (rows[k][n] - sum(rows[k][i] * v[i] for i in range(k + 1, n))) / rows[k][k]
    return list(v)


def neumann_numbers(table: list[Vector], b: Vector, steps: int, rate: float) -> Vector:
    """As `neumann`: rate * (b + (1 - rate A) b + ... + (1 - rate A)^steps b). Source: Lorraine et al. 2020, algorithm 3."""
    v, term = b, b
    for _ in range(steps):
        term = [t - rate * dot_of(row, term) for t, row in zip(term, table, strict=True)]
        v = [x + t for x, t in zip(v, term, strict=True)]
    return [rate * x for x in v]


def normal_numbers(table: list[Vector], b: Vector, steps: int, rate: float) -> Vector:
    """As `descend_normal`: gradient steps on |A v - b|^2 / 2. Source: Mehra and Hamm 2021, section 2, ApproxGrad."""
    v: Vector = [0.0 * x for x in b]
    for _ in range(steps):
        left = [dot_of(row, v) - x for row, x in zip(table, b, strict=True)]
        v = [x - rate * dot_of(row, left) for x, row in zip(v, table, strict=True)]
    return v


def transposed_of(table: list[Vector], v: Vector) -> Vector:
    """The transpose of a table times a vector."""
    return [dot_of(list(column), v) for column in zip(*table, strict=True)]


def hamiltonian_numbers(f: Vector, j: list[Vector]) -> Vector:
    """As `hamiltonian_field`: J^T F. Source: Abernethy, Lai and Wibisono 2019, section 3."""
    return transposed_of(j, f)


def consensus_numbers(f: Vector, j: list[Vector], weight: float) -> Vector:
    """As `consensus_field`: F + weight J^T F. Source: Mescheder, Nowozin and Geiger 2017, equation 12."""
    return [s + weight * t for s, t in zip(f, transposed_of(j, f), strict=True)]


def symplectic_numbers(f: Vector, j: list[Vector], weight: float, *, align: bool) -> Vector:
    """As `symplectic_field`: F + weight A^T F. Source: Balduzzi et al. 2018, algorithm 1 and proposition 9."""
    down, pushed = transposed_of(j, f), [dot_of(row, f) for row in j]
    around = [(a - b) / 2 for a, b in zip(down, pushed, strict=True)]
    sign: Number = 1.0
    if align:
        sign = where_of(dot_of(f, down) * dot_of(around, down) / len(f) + 0.1 >= 0, 1.0, -1.0)
    return [s + weight * sign * t for s, t in zip(f, around, strict=True)]


def competitive_numbers(f: Vector, j: list[Vector], rates: list[list[Number]]) -> Vector:
    """As `competitive_field`: the d with (I + O R) d = F. Source: Schäfer and Anandkumar 2019, equation 3."""
    lengths, begin = [r for own in rates for r in own], 0
    table: list[Vector] = []
    for own in rates:
        end = begin + len(own)
        for i in range(begin, end):
            across = [0.0 if begin <= k < end else r * x for k, (r, x) in enumerate(zip(lengths, j[i], strict=True))]
            table.append([(1.0 + x if k == i else x) for k, x in enumerate(across)])
        begin = end
    return solved_of(table, f)


Conditions = Callable[[Vector], tuple[Vector, list[Vector], Vector, list[Vector]]]
"""At a point: the residual z - P(z - F) and its Jacobian, the field F and its Jacobian."""


def answer_of(conditions: Conditions, project: Callable[[Vector], Vector] | None, z: Vector, steps: int, tol: float, attached: int = 2) -> Vector:
    """As `implicit_response`, without its derivative: where the residual vanishes, by Newton steps that shrink it.

    Every start goes its own way; one that is there stands still, but for the last `attached` steps.
    Source: Qi and Sun 1993.
    """
    z = z if project is None else project(z)
    for _ in range(steps):
        left, slopes, f, _ = conditions(z)
        size = root_of(dot_of(left, left))
        near = 10 * 2.220446049250313e-16 * (1 + root_of(dot_of(z, z)))
        live = (size > tol) & (size > near)
        if not any_of(live):
            break
        move = [-m for m in solved_of(slopes, left)]
        wanted, length, taken = live & (dot_of(move, f) <= 0), 1.0, live & (size < 0)
        found = z
        for _ in range(12):
            if not any_of(wanted):
                break
            trial = [x + length * m for x, m in zip(z, move, strict=True)]
            there = conditions(trial)[0]
            better = wanted & (root_of(dot_of(there, there)) <= (1 - 1e-4 * length) * size)
            found = [where_of(better, t, x) for t, x in zip(trial, found, strict=True)]
            taken, wanted, length = taken | better, wanted & (better == False), length / 2  # noqa: E712  # of a tensor too; until 2027-11
        slow = live & (taken == False)  # noqa: E712  # of a tensor too; until 2027-11
        if any_of(slow):
            found = [where_of(slow, x, y) for x, y in zip(descended_of(conditions, project, z), found, strict=True)]
        z = found
    for _ in range(attached):
        left, slopes, _, _ = conditions(z)
        z = [x - m for x, m in zip(z, solved_of(slopes, left), strict=True)]
    return z


def descended_of(conditions: Conditions, project: Callable[[Vector], Vector] | None, z: Vector) -> Vector:
    """Five projected steps along the field, each of length 1 over the size of its Jacobian."""
    for _ in range(5):
        _, _, f, own = conditions(z)
        size = root_of(sum((dot_of(row, row) for row in own[1:]), dot_of(own[0], own[0])))
        size = where_of(size > 2.220446049250313e-16, size, 2.220446049250313e-16)
        z = [x - s / size for x, s in zip(z, f, strict=True)]
        z = z if project is None else project(z)
    return z
