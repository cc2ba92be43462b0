"""Solve A v = b given only the product of A with a vector."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def conjugate_gradient(matvec: Callable[[Tensor], Tensor], b: Tensor, steps: int, tol: float) -> Tensor:
    """Solve A v = b for a symmetric positive definite A given only v -> A v.

    Shapes: b and the result are [n]; matvec maps [n] to [n].
    Error: |A v - b| <= tol after at most n steps in exact arithmetic; each step costs one matvec.
    Batching: closed under vmap: a finished lane stops moving, nothing branches on a value.
    Source: Hestenes and Stiefel 1952, section 3.
    """
    v, r, p, rr = torch.zeros_like(b), b, b, b @ b
    still = torch.zeros_like(rr)
    for _ in range(steps):
        live = rr > tol**2
        ap = matvec(p)
        # A finished lane stands still: there p @ ap may be 0, and what it divides nan.
        alpha = torch.where(live, rr / (p @ ap), still)
        v, r = torch.addcmul(v, alpha, p), torch.addcmul(r, alpha, ap, value=-1)
        rr_next = r @ r
        p, rr = torch.addcmul(r, torch.where(live, rr_next / rr, still), p), rr_next
    return v


def neumann(matvec: Callable[[Tensor], Tensor], b: Tensor, steps: int, rate: float) -> Tensor:
    """Approximate A^{-1} b by the series rate * (b + (1 - rate A) b + ... + (1 - rate A)^steps b).

    Shapes: b and the result are [n]; matvec maps [n] to [n].
    Error: |A v - b| <= |b| max |1 - rate a|^(steps + 1) over the eigenvalues a of A, so rate < 2 / max a is needed.
    Batching: closed under vmap.
    Source: Lorraine, Vicol and Duvenaud 2020, algorithm 3.
    """
    v, term = b, b
    for _ in range(steps):
        term = torch.sub(term, matvec(term), alpha=rate)
        v = v + term
    return rate * v


def gmres(matvec: Callable[[Tensor], Tensor], b: Tensor, steps: int, tol: float) -> Tensor:
    """Solve A v = b for any square A given only v -> A v, by the smallest residual in the Krylov space of b.

    Shapes: b and the result are [n]; matvec maps [n] to [n]. At most min(steps, n) products; as many vectors are kept.
    Error: |A v - b| <= tol |b| after at most n steps in exact arithmetic; where A is singular and its kernel is that of
    its transpose, the least squares solution.
    Batching: branches on values, hence for neither vmap nor capture.
    Source: Saad and Schultz 1986, algorithm 3, with a least squares solve in place of rotations.
    """
    size = torch.linalg.vector_norm(b)
    if not float(size) > 0:
        return torch.zeros_like(b)
    basis, columns, v = [b / size], list[Tensor](), torch.zeros_like(b)
    for k in range(min(steps, b.shape[0])):
        w = matvec(basis[k])
        known = torch.stack(basis)  # [k + 1, n]
        column = known @ w
        w = w - column @ known
        again = known @ w  # twice is enough to stay orthogonal
        w = w - again @ known
        length = torch.linalg.vector_norm(w)
        columns.append(torch.cat([column + again, length[None]]))
        table = torch.stack([torch.cat([c, c.new_zeros(k + 2 - len(c))]) for c in columns], dim=1)  # [k + 2, k + 1]
        wanted = torch.cat([size[None], size.new_zeros(k + 1)])
        weights = torch.linalg.pinv(table) @ wanted
        v = weights @ known
        if float(torch.linalg.vector_norm(table @ weights - wanted)) <= tol * float(size) or not float(length) > 0:
            break
        basis.append(w / length)
    return v


def descend_normal(matvec: Callable[[Tensor], Tensor], b: Tensor, steps: int, rate: float) -> Tensor:
    """Approximate A^{-1} b for a symmetric A by gradient steps on |A v - b|^2 / 2: v <- v - rate * A (A v - b).

    Shapes: b and the result are [n]; matvec maps [n] to [n].
    Error: |v - A^{-1} b| <= |A^{-1} b| max (1 - rate a^2)^steps over the eigenvalues a of A; rate < 2 / max a^2 is needed.
    Cost: two matvecs a step.
    Batching: closed under vmap.
    Source: Mehra and Hamm 2021, section 2, ApproxGrad, after Pedregosa 2016.
    """
    v = torch.zeros_like(b)
    for _ in range(steps):
        v = v - rate * matvec(matvec(v) - b)
    return v
