"""Functions of plain numbers or of tensors, with torch's values and slopes at overflow, kinks and outside the domain.

A loop over plain numbers costs a hundredth of the same loop over tensors of one number; on tensors [starts] the very
same text plays many starts at once. Where Python raises an error (exp(1000), 1/0, log(-1)), torch goes on with an
infinity or NaN, and so do these.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def exp_of(x: float | Tensor) -> float | Tensor:
    """The exponential."""
    if isinstance(x, Tensor):
        return torch.exp(x)
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def log_of(x: float | Tensor) -> float | Tensor:
    """The natural logarithm: -inf at 0, NaN below."""
    if isinstance(x, Tensor):
        return torch.log(x)
    return math.log(x) if x > 0 else -math.inf if x == 0 else math.nan


def root_of(x: float | Tensor) -> float | Tensor:
    """The square root: NaN below 0."""
    if isinstance(x, Tensor):
        return torch.sqrt(x)
    return math.sqrt(x) if x >= 0 else math.nan


def sin_of(x: float | Tensor) -> float | Tensor:
    """The sine: NaN at infinity."""
    if isinstance(x, Tensor):
        return torch.sin(x)
    return math.sin(x) if math.isfinite(x) else math.nan


def cos_of(x: float | Tensor) -> float | Tensor:
    """The cosine: NaN at infinity."""
    if isinstance(x, Tensor):
        return torch.cos(x)
    return math.cos(x) if math.isfinite(x) else math.nan


def tanh_of(x: float | Tensor) -> float | Tensor:
    """The hyperbolic tangent."""
    return torch.tanh(x) if isinstance(x, Tensor) else math.tanh(x)


def sigmoid_of(x: float | Tensor) -> float | Tensor:
    """1 / (1 + exp(-x)), without overflow."""
    if isinstance(x, Tensor):
        return torch.sigmoid(x)
    if x >= 0:
        return 1.0 / (1.0 + math.exp(-x))
    small = math.exp(x)
    return small / (1.0 + small)


def softplus_of(x: float | Tensor) -> float | Tensor:
    """log(1 + exp(x)); x itself above 20, as torch has it."""
    if isinstance(x, Tensor):
        return torch.nn.functional.softplus(x)
    return x if x > 20 else math.log1p(math.exp(x))


def ratio_of(x: float | Tensor, y: float | Tensor) -> float | Tensor:
    """The quotient x / y: infinite or NaN where y is 0."""
    if isinstance(x, Tensor) or isinstance(y, Tensor) or y:
        return x / y
    return math.nan if x == 0 or x != x else math.copysign(math.inf, x) * math.copysign(1.0, y)


def power_of(x: float | Tensor, y: float | Tensor) -> float | Tensor:
    """The power x ** y: infinite where too large, NaN for a root of a negative number."""
    if isinstance(x, Tensor) or isinstance(y, Tensor):
        return x**y
    try:
        found = x**y
    except OverflowError:
        return -math.inf if x < 0 and y % 2 == 1 else math.inf
    except ZeroDivisionError:
        return math.copysign(math.inf, x) if y % 2 == 1 else math.inf
    return math.nan if isinstance(found, complex) else found


def sign_of(x: float | Tensor) -> float | Tensor:
    """-1, 0 or 1; 0 at NaN, as a slope of the absolute value."""
    if isinstance(x, Tensor):
        return torch.sign(x)
    return 1.0 if x > 0 else -1.0 if x < 0 else 0.0


def larger_of(x: float | Tensor, y: float | Tensor) -> float | Tensor:
    """The larger of two; NaN where one is."""
    if isinstance(x, Tensor) or isinstance(y, Tensor):
        return torch.maximum(torch.as_tensor(x), torch.as_tensor(y))
    return x if x >= y or x != x else y


def smaller_of(x: float | Tensor, y: float | Tensor) -> float | Tensor:
    """The smaller of two; NaN where one is."""
    if isinstance(x, Tensor) or isinstance(y, Tensor):
        return torch.minimum(torch.as_tensor(x), torch.as_tensor(y))
    return x if x <= y or x != x else y


def where_of(holds: float | Tensor, x: float | Tensor, y: float | Tensor) -> float | Tensor:
    """The number x where a condition holds, else y."""
    if not isinstance(holds, Tensor):
        return x if holds else y
    return torch.where(holds, x, y)


def equal_of(x: float | Tensor, y: float | Tensor) -> float | Tensor:
    """1 where two numbers are equal, else 0: which entries share the slope of a maximum."""
    equal = x == y
    return equal.to(torch.float64) if isinstance(equal, Tensor) else float(equal)


def share_of(x: float | Tensor, y: float | Tensor) -> float | Tensor:
    """The slope of max(x, y) in x: 1 where it is the larger, 1/2 at a tie, else 0."""
    if isinstance(x, Tensor) or isinstance(y, Tensor):
        return torch.heaviside(torch.as_tensor(x - y), torch.tensor(0.5, dtype=torch.float64))
    return 1.0 if x > y else 0.5 if x == y else 0.0


def zero_ratio_of(x: float | Tensor, y: float | Tensor) -> float | Tensor:
    """The quotient x / y, and 0 where y is 0: the slope of a norm at the origin, as torch has it."""
    if isinstance(y, Tensor):
        return torch.where(y == 0, 0.0, x / y)
    return x / y if y else 0.0


def clip_of(x: float | Tensor, lo: float, hi: float) -> float | Tensor:
    """The nearest number in lo..hi; NaN stays."""
    if isinstance(x, Tensor):
        return torch.clamp(x, lo, hi)
    return lo if x < lo else hi if x > hi else x


def best_of(values: list[float] | list[Tensor], candidates: list[object], *, largest: bool) -> object:
    """The candidate with the largest value, else with the smallest; the first of equals, for every start its own.

    Shapes: candidates are numbers, or lists of numbers; a number is a float or a tensor [starts].
    """
    tables = [v for v in values if isinstance(v, Tensor)]
    if not tables:
        plain = [float(v) for v in values]
        return candidates[plain.index(max(plain) if largest else min(plain))]
    table = torch.stack(tables)  # [k, starts]
    return chosen_of(candidates, table.argmax(0) if largest else table.argmin(0))


def chosen_of(candidates: list[object], index: Tensor) -> object:
    """The candidate with this number, for every start its own. Shapes: index is [starts], candidates as in `best_of`."""
    parts = [c for c in candidates if isinstance(c, list)]
    if parts:
        return [chosen_of(list(entries), index) for entries in zip(*parts, strict=True)]
    return torch.stack([c for c in candidates if isinstance(c, Tensor)]).gather(0, index[None])[0]


def unpacked(t: Tensor, *, plain: bool = True, keep: int = 0) -> object:
    """A tensor as a number or nested lists of numbers; where not `plain`, of tensors of the last `keep` dimensions."""
    if plain:
        return t.tolist()
    return [unpacked(row, plain=False, keep=keep) for row in t.unbind()] if t.dim() > keep else t


def packed(numbers: object, like: Tensor) -> Tensor:
    """Numbers or nested lists of them as a tensor of the kind of another: the inverse of `unpacked`."""
    if isinstance(numbers, Tensor):
        return numbers.detach().to(like.dtype)
    if isinstance(numbers, list) and any(isinstance(n, Tensor | list) for n in numbers):
        return torch.stack([packed(n, like) for n in numbers])
    return torch.tensor(numbers, dtype=like.dtype, device=like.device)
