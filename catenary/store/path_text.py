"""Text columns that hold file names as the disk spells them."""

from sqlalchemy import Dialect, Text
from sqlalchemy.types import TypeDecorator

# Python shows a byte of a file name that is not UTF-8 as a lone surrogate (PEP 383), which no
# database takes. Such names are common: GBK names of a Windows archive unpacked on Linux.
# They are kept in the private-use block U+F780..U+F7FF instead.
_TO_PRIVATE = {0xDC00 + byte: 0xF700 + byte for byte in range(0x80, 0x100)}
_FROM_PRIVATE = {private: surrogate for surrogate, private in _TO_PRIVATE.items()}


def storable(text: str) -> str:
    r"""Return a file name as text every database and Parquet can hold.

    >>> storable("K12+300_\udcd6\udcd0.jpg").encode("utf-8").decode("utf-8").endswith(".jpg")
    True
    """
    return text if text.isascii() else text.translate(_TO_PRIVATE)


def restored(text: str) -> str:
    r"""Return the file name that `storable` was given.

    >>> restored(storable("K12+300_\udcd6\udcd0.jpg")) == "K12+300_\udcd6\udcd0.jpg"
    True
    """
    return text if text.isascii() else text.translate(_FROM_PRIVATE)


class PathText(TypeDecorator[str]):
    """Text that holds any file name."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Return what the database keeps."""
        return None if value is None else storable(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Return the name as Python opens it."""
        return None if value is None else restored(value)
