"""Lines of equal value of a function on a grid."""

from __future__ import annotations

from collections.abc import Sequence

Segment = tuple[tuple[float, float], tuple[float, float]]

# For each of the 16 ways in which the corners (0 left foot, 1 right foot, 2 right top, 3 left top) lie above the level,
# the pairs of edges (0 foot, 1 right, 2 top, 3 left) that a line joins.
_CASES = ("", "03", "01", "13", "12", "0312", "02", "23", "23", "02", "0123", "12", "13", "01", "03", "")
_EDGES = ((0, 1), (1, 2), (3, 2), (0, 3))


def contour(values: Sequence[Sequence[float]], xs: Sequence[float], ys: Sequence[float], level: float) -> list[Segment]:
    """Pieces of the line where the function is `level`, linear inside each cell.

    Shapes: values is [y][x]. Cells with a corner that is not a number are left out.
    Source: Lorensen and Cline 1987, in two dimensions.
    """
    found: list[Segment] = []
    for row in range(len(ys) - 1):
        for column in range(len(xs) - 1):
            corners = [(column, row), (column + 1, row), (column + 1, row + 1), (column, row + 1)]
            heights = [values[r][c] for c, r in corners]
            if any(h != h for h in heights):
                continue
            case = _CASES[sum(2**k for k, h in enumerate(heights) if h > level)]
            cut = [_cut(edge, corners, heights, xs, ys, level) for edge in map(int, case)]
            pieces = [(cut[k], cut[k + 1]) for k in range(0, len(cut), 2)]
            # Where a corner is exactly at the level, a piece shrinks to that corner.
            found += [piece for piece in pieces if _near(piece[0]) != _near(piece[1])]
    return found


def _cut(
    edge: int, corners: Sequence[tuple[int, int]], heights: Sequence[float], xs: Sequence[float], ys: Sequence[float], level: float
) -> tuple[float, float]:
    """Where the line crosses an edge of a cell."""
    a, b = _EDGES[edge]
    rise = heights[b] - heights[a]
    share = (level - heights[a]) / rise if rise else 0.5
    (ca, ra), (cb, rb) = corners[a], corners[b]
    return xs[ca] + share * (xs[cb] - xs[ca]), ys[ra] + share * (ys[rb] - ys[ra])


def joined(pieces: Sequence[Segment]) -> list[list[tuple[float, float]]]:
    """The pieces as lines: ends that meet are joined."""
    ends: dict[tuple[float, float], list[int]] = {}
    for k, piece in enumerate(pieces):
        for end in piece:
            ends.setdefault(_near(end), []).append(k)
    left = set(range(len(pieces)))
    lines = []
    while left:
        k = left.pop()
        line = list(pieces[k])
        for side in (-1, 0):
            while (k := next((j for j in ends[_near(line[side])] if j in left), -1)) >= 0:
                left.discard(k)
                a, b = pieces[k]
                new = b if _near(a) == _near(line[side]) else a
                line.insert(len(line) if side else 0, new)
        lines.append(line)
    return lines


def _near(point: tuple[float, float]) -> tuple[float, float]:
    return round(point[0], 9), round(point[1], 9)
