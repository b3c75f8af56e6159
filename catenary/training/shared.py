"""What trainings of one process share: decoded photographs, and changed pictures of parts."""

import zlib
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


class Shared:
    """Keeps what many small trainings on the same photographs would each make again.

    Nothing is ever dropped: it is for benches, whose photographs fit into memory.
    """

    def __init__(self, variants: int = 0, *, is_keeping: bool = True) -> None:
        """Start with nothing kept.

        Args:
            variants: Changed pictures of a part that are kept and drawn from; 0 changes it anew
                each time.
            is_keeping: Whether decoded photographs are kept.
        """
        self.variants = variants
        self._photographs: dict[Path, NDArray[np.uint8]] | None = {} if is_keeping else None
        self._made: dict[Hashable, object] = {}

    def photograph(self, path: Path, read: Callable[[], NDArray[np.uint8]]) -> NDArray[np.uint8]:
        """Return (height, width) uint8 of a file, never to be written to."""
        if self._photographs is None:
            return read()
        if path not in self._photographs:
            self._photographs[path] = read()
        return self._photographs[path]

    def picture(
        self,
        key: tuple[Hashable, ...],
        generator: np.random.Generator,
        make: Callable[[np.random.Generator], T],
    ) -> T:
        """Return a changed picture: a new one, or one of the variants of ``key``.

        A variant is always the same for a key, whichever training asks first.

        Args:
            key: Everything that pictures are made from, but chance.
            generator: Source of chance.
            make: Makes a picture from a source of chance.
        """
        if not self.variants:
            return make(generator)
        number = int(generator.integers(self.variants))
        place = (*key, number)
        if place not in self._made:
            self._made[place] = make(np.random.default_rng(zlib.crc32(repr(place).encode())))
        return self._made[place]  # type: ignore[return-value] # a key is of one kind of picture
