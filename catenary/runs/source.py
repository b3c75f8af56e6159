"""One protocol for every way a run lies on disk, and the search for the right reader."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from catenary.domain.image import ImageRef


@dataclass(frozen=True, slots=True)
class RunDescription:
    """What is known of a run before any image is opened.

    Attributes:
        name: Name of the run, from its folder.
        layout: Name of the reader, e.g. ``"workstation"``.
        source: Absolute path or URL.
        line: 线路, or empty.
        direction: 行别 as a `Direction` value, or empty.
        date: Day of the inspection as ISO text, or empty.
    """

    name: str
    layout: str
    source: str
    line: str = ""
    direction: str = ""
    date: str = ""


class Source(Protocol):
    """An opened run; reads only, never writes beside the images."""

    @property
    def description(self) -> RunDescription:
        """What is known of the run."""
        ...

    def frames(self) -> Iterator[ImageRef]:
        """Yield every photograph in a stable order, without opening any.

        Raises:
            SourceError: If the index cannot be read.
        """
        ...

    def read(self, ref: ImageRef) -> bytes:
        """Return the encoded image bytes.

        Raises:
            UnreadableImageError: If these bytes are missing or cannot be read.
            SourceGoneError: If nothing of the run can be read for now.
        """
        ...

    def stamp(self, ref: ImageRef) -> str:
        """Return a short text that changes when the bytes may have changed, cheaply.

        Size and time of the file as a rule. Empty when nothing is known, also where the
        photograph cannot be reached: reading it tells why.
        """
        ...


class Layout(Protocol):
    """One way a run can lie on disk."""

    name: str
    looks_for: str  # for the error message: "a DB folder with an indexTB"

    def recognises(self, root: Path) -> bool:
        """Tell, cheaply, whether the folder has this form."""
        ...

    def open(self, root: Path) -> Source:
        """Open the run.

        Raises:
            SourceError: If it has this form but cannot be opened.
        """
        ...
