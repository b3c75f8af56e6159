"""Where overlapping tiles of one size lie in a picture; no pixels are touched here."""


def starts(length: int, tile: int, overlap: int) -> list[int]:
    """Return the first pixel of each tile along one axis.

    Every tile has the full size: the last one is moved back to end at ``length``
    instead of being cut short, so a detector never sees a sliver.

    Args:
        length: Axis length in pixels, at least 1.
        tile: Tile size in pixels, greater than ``overlap``.
        overlap: Pixels that neighbours share at least, 0 or more.

    Returns:
        Increasing offsets; ``[0]`` when the axis is not longer than one tile.

    Raises:
        ValueError: If ``overlap`` is not in ``[0, tile)`` or ``length`` is below 1.

    >>> starts(2500, tile=1024, overlap=200)
    [0, 824, 1476]
    """
    if not 0 <= overlap < tile:
        raise ValueError(f"overlap must be in [0, tile), got overlap={overlap} px, tile={tile} px")
    if length < 1:
        raise ValueError(f"length must be at least 1 px, got {length}")
    if length <= tile:
        return [0]
    return [*range(0, length - tile, tile - overlap), length - tile]


def windows(height: int, width: int, tile: int, overlap: int) -> list[tuple[int, int]]:
    """Return the top-left corner (x, y) of every tile of a picture, row by row.

    Args:
        height: Picture height in pixels, at least 1.
        width: Picture width in pixels, at least 1.
        tile: Side of the square tiles in pixels, greater than ``overlap``; a picture smaller
            than that gives shorter tiles when sliced.
        overlap: Pixels that neighbours share at least, 0 or more.

    Raises:
        ValueError: See `starts`.

    >>> windows(500, 1500, tile=1024, overlap=200)
    [(0, 0), (476, 0)]
    """
    rows, columns = starts(height, tile, overlap), starts(width, tile, overlap)
    return [(x, y) for y in rows for x in columns]
