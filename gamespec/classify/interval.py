"""Interval arithmetic that rounds outward: the true value of every operation lies inside its result."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

Interval = tuple[float, float]

INF = math.inf
ALL: Interval = (-INF, INF)
_SLACK = 2e-15
"""Relative error allowed to `math.exp` and its like: libm keeps them within two units in the last place."""


def exact(value: Fraction | int) -> Interval:
    """The narrowest interval of floats around a rational."""
    try:
        middle = float(value)
    except OverflowError:
        return (math.nextafter(INF, 0), INF) if value > 0 else (-INF, math.nextafter(-INF, 0))
    found = Fraction(middle)
    if found == value:
        return middle, middle
    return (middle, math.nextafter(middle, INF)) if found < value else (math.nextafter(middle, -INF), middle)


def _sum(a: float, b: float, towards: float) -> float:
    total = a + b
    if math.isinf(total):
        # Finite numbers that overflow: the largest float is on the safe side where infinity is not.
        overflow = not (math.isinf(a) or math.isinf(b)) and total != towards
        return math.nextafter(total, 0) if overflow else total
    back = total - a
    error = (a - (total - back)) + (b - back)
    wrong_side = error < 0 if towards < 0 else error > 0
    return math.nextafter(total, towards) if wrong_side else total


def add(a: Interval, b: Interval) -> Interval:
    """All sums; exact where floats are."""
    return _sum(a[0], b[0], -INF), _sum(a[1], b[1], INF)


def neg(a: Interval) -> Interval:
    """All opposites."""
    return -a[1], -a[0]


def _product(a: float, b: float, towards: float) -> float:
    """The product a * b rounded towards an infinity, and exactly where the product is a float."""
    if a == 0 or b == 0:
        # An infinite end stands for "arbitrarily large", so that zero times it is zero.
        return 0.0
    found = a * b
    if math.isinf(a) or math.isinf(b):
        return found
    if 1e-140 < abs(a) < 1e140 and 1e-140 < abs(b) < 1e140:
        error = _error(a, b, found)
        wrong_side = error < 0 if towards < 0 else error > 0
        return math.nextafter(found, towards) if wrong_side else found
    return math.nextafter(found, towards)


def _error(a: float, b: float, found: float) -> float:
    """What rounding took from a * b: the error-free product of Dekker 1971."""
    a_high = a * 134217729.0
    a_high -= a_high - a
    b_high = b * 134217729.0
    b_high -= b_high - b
    a_low, b_low = a - a_high, b - b_high
    return ((a_high * b_high - found) + a_high * b_low + a_low * b_high) + a_low * b_low


def mul(a: Interval, b: Interval) -> Interval:
    """All products; exact where floats are."""
    (p, q), (r, s) = a, b
    if p < 0 < q and r < 0 < s:
        return min(_product(p, s, -INF), _product(q, r, -INF)), max(_product(p, r, INF), _product(q, s, INF))
    # The signs tell which ends make the smallest and the largest product.
    if p >= 0:
        least, most = (q if r < 0 else p, r), (q if s > 0 else p, s)
    elif q <= 0:
        least, most = (p if s > 0 else q, s), (p if r < 0 else q, r)
    else:
        least, most = ((p, s), (q, s)) if r >= 0 else ((q, r), (p, r))
    return _product(*least, -INF), _product(*most, INF)


def inverse(a: Interval) -> Interval:
    """All reciprocals of the members but zero."""
    lo, hi = a
    if lo < 0 < hi or lo == hi == 0:
        return ALL
    if lo < 0:
        return neg(inverse(neg(a)))
    low = 0.0 if hi == INF else math.nextafter(1 / hi, 0)
    return low, INF if lo == 0 or 1 / lo == INF else math.nextafter(1 / lo, INF)


def _climb(x: float, n: int, towards: float) -> float:
    found = x
    for _ in range(n - 1):
        found = _product(found, x, towards)
    return max(found, 0.0)


def power(a: Interval, n: int) -> Interval:
    """All n-th powers; for n < 0 of the members but zero."""
    if n <= 0:
        return inverse(power(a, -n)) if n else (1.0, 1.0)
    if n % 2 == 0:
        low, high = absolute(a)
        return _climb(low, n, -INF), _climb(high, n, INF)
    low = _climb(a[0], n, -INF) if a[0] >= 0 else -_climb(-a[0], n, INF)
    high = _climb(a[1], n, INF) if a[1] >= 0 else -_climb(-a[1], n, -INF)
    return low, high


def _wide(lo: float, hi: float, floor: float, ceiling: float) -> Interval:
    """Ends moved outward by the error of libm, cut where the function cannot go."""
    lo = lo if math.isinf(lo) else lo - abs(lo) * _SLACK - 5e-324
    hi = hi if math.isinf(hi) else hi + abs(hi) * _SLACK + 5e-324
    return max(lo, floor), min(hi, ceiling)


def _exp(x: float) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return INF


def exp(a: Interval) -> Interval:
    """All exponentials."""
    lo = _exp(a[0])
    lo = math.nextafter(INF, 0) if lo == INF else lo
    return _wide(lo, _exp(a[1]), 0.0, INF)


def log(a: Interval) -> Interval:
    """Logarithms of the positive members."""
    if a[1] <= 0:
        return ALL
    lo = -INF if a[0] <= 0 else math.log(a[0])
    return _wide(lo, math.log(a[1]) if a[1] < INF else INF, -INF, INF)


def sqrt(a: Interval) -> Interval:
    """Square roots of the members that are not negative."""
    if a[1] < 0:
        return ALL
    return _wide(math.sqrt(max(a[0], 0.0)), math.sqrt(a[1]), 0.0, INF)


def tanh(a: Interval) -> Interval:
    """All hyperbolic tangents."""
    return _wide(math.tanh(a[0]), math.tanh(a[1]), -1.0, 1.0)


def sigmoid(a: Interval) -> Interval:
    """All values of 1 / (1 + exp(-z))."""
    lo, hi = inverse(add((1.0, 1.0), exp(neg(a))))
    return max(lo, 0.0), min(hi, 1.0)


def softplus(a: Interval) -> Interval:
    """All values of log(1 + exp(z)), which is max(z, 0) + log(1 + exp(-|z|))."""
    lo, hi = (max(x, 0.0) + math.log1p(_exp(-abs(x))) for x in a)
    return _wide(lo, hi, 0.0, INF)


def absolute(a: Interval) -> Interval:
    """All absolute values."""
    low = 0.0 if a[0] <= 0 <= a[1] else min(abs(a[0]), abs(a[1]))
    return low, max(abs(a[0]), abs(a[1]))


def cos(a: Interval) -> Interval:
    """All cosines."""
    lo, hi = a
    if not hi - lo < 2 * math.pi or max(abs(lo), abs(hi)) > 1e6:
        return -1.0, 1.0
    ends = (math.cos(lo), math.cos(hi))
    low, high = _wide(min(ends), max(ends), -1.0, 1.0)
    # The multiples of pi inside, looked for a little beyond the ends because pi is no float.
    first, last = math.ceil(lo / math.pi - 1e-9), math.floor(hi / math.pi + 1e-9)
    for k in range(first, last + 1):
        low, high = (low, 1.0) if k % 2 == 0 else (-1.0, high)
    return low, high


def sin(a: Interval) -> Interval:
    """All sines."""
    quarter = (-math.pi / 2 - 1e-15, -math.pi / 2 + 1e-15)
    return cos(add(a, quarter))


def hull(a: Interval, b: Interval) -> Interval:
    """The smallest interval around both."""
    return min(a[0], b[0]), max(a[1], b[1])


FUNCTIONS: dict[str, Callable[[Interval], Interval]] = {
    "abs": absolute, "exp": exp, "log": log, "sqrt": sqrt, "sin": sin, "cos": cos,
    "tanh": tanh, "sigmoid": sigmoid, "softplus": softplus,
}  # fmt: skip
"""Functions of one number, by their name in the language."""
