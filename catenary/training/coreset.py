"""A few points that stand for many: greedy k-centre, on random projections."""

import numpy as np
from numpy.typing import NDArray

PROJECTED = 64  # dimensions in which distances are compared


def k_centre(points: NDArray[np.float32], count: int, first: int) -> NDArray[np.int64]:
    """Return points, chosen one by one, each the farthest from those before it.

    No point is then more than twice as far from a chosen one as in the best choice of as many
    (Gonzalez, "Clustering to minimize the maximum intercluster distance", 1985).

    Args:
        points: (N, D).
        count: How many at most; duplicates of chosen points are never chosen.
        first: Index of the first.

    Returns:
        Up to ``count`` different indices, in the order of choice.

    >>> k_centre(np.array([[0.0], [1.0], [10.0], [4.0]], np.float32), 3, first=0).tolist()
    [0, 2, 3]
    """
    chosen = [first]
    squares = (points**2).sum(axis=1)
    nearest = _to(points, squares, first)
    while len(chosen) < min(count, len(points)):
        farthest = int(nearest.argmax())
        if nearest[farthest] <= 0:
            break
        chosen.append(farthest)
        np.minimum(nearest, _to(points, squares, farthest), out=nearest)
    return np.array(chosen, np.int64)


def coreset(
    points: NDArray[np.float32], count: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Return the points of `k_centre` on a random projection, as PatchCore picks its patches.

    Distances keep within a few percent (Johnson & Lindenstrauss 1984), and few dimensions are
    quick to compare.
    """
    size = points.shape[1]
    if size > PROJECTED:
        axes = generator.standard_normal((size, PROJECTED), np.float32) / np.sqrt(PROJECTED)
        points = points @ axes.astype(np.float32)
    return k_centre(points, count, int(generator.integers(len(points))))


def _to(points: NDArray[np.float32], squares: NDArray[np.float32], one: int) -> NDArray[np.float32]:
    """Return squared distances (N,) to one of the points; exactly 0 to itself."""
    away = squares + squares[one] - 2 * (points @ points[one])
    away[one] = 0
    found: NDArray[np.float32] = np.maximum(away, 0)
    return found
