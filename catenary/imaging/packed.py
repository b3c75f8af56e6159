"""Pictures that lie in one file together, since millions of small files hurt every file system.

A pack is an uncompressed ZIP archive, which any tool opens. A path enters it like a folder:
``evidence/RUN/3f2a.zip/9b1c-0.jpg``.
"""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

ENDING = ".zip"
_NO_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that ZIP knows: the same pictures, the same bytes


def packed(pictures: Mapping[str, bytes]) -> bytes:
    """Return a pack of encoded pictures, by their names in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as pack:
        for name, content in pictures.items():
            pack.writestr(zipfile.ZipInfo(name, _NO_DATE), content)
    return buffer.getvalue()


def read(path: Path) -> bytes:
    """Return an encoded picture, out of a pack or from a file of its own.

    A picture that its pack lost is looked for beside the pack, where it may have been drawn again
    (`loose`).

    Raises:
        OSError: If it is nowhere, or not whole.
    """
    if path.parent.suffix != ENDING:
        return path.read_bytes()
    try:
        with zipfile.ZipFile(path.parent) as pack:
            return pack.read(path.name)  # which compares its checksum
    except (OSError, KeyError, zipfile.BadZipFile, ValueError, EOFError, NotImplementedError):
        return loose(path).read_bytes()


def loose(path: Path) -> Path:
    """Return where a picture lies as a file of its own.

    >>> loose(Path("run/3f2a.zip/9b1c-0.jpg")).as_posix(), loose(Path("run/7.jpg")).as_posix()
    ('run/9b1c-0.jpg', 'run/7.jpg')
    """
    return path.parent.with_name(path.name) if path.parent.suffix == ENDING else path
