"""The seal of a card: a hash over its own text, so that no number in it is changed unseen.

A checksum, not a signature: it finds damage and edits by hand, not someone who seals anew.
"""

import hashlib
import re
from pathlib import Path

from catenary.domain.errors import BundleError

LARGEST = 1_000_000  # bytes of a card; ours have about 10,000
_END = "\n}\n"
_SEAL = re.compile(rb',\n "seal": "([0-9a-f]{64})"\n\}\n\Z')


def sealed(text: str) -> bytes:
    r"""Return the text of a JSON object with its seal as the last field.

    Args:
        text: Ends with ``"\n}\n"``, as `json.dumps` with ``indent=1`` writes it.
    """
    body = text.removesuffix(_END).encode()
    return body + f',\n "seal": "{hashlib.sha256(body).hexdigest()}"{_END}'.encode()


def is_sealed(content: bytes) -> bool:
    """Tell whether a card has a seal at all, whole or broken."""
    return b'"seal"' in content


def opened(content: bytes, path: Path) -> bytes:
    """Return the text that was sealed; nothing of it was interpreted before.

    Args:
        content: Of the file.
        path: Named in the error.

    Raises:
        BundleError: If it was cut short, changed, or never sealed.
    """
    found = _SEAL.search(content)
    if found is None:
        raise BundleError(
            f"{path} has no seal: it was cut short or changed, or is of an earlier catenary; copy"
            " the bundle again, or seal a card that you trust with `catenary bundle seal`"
        )
    body = content[: found.start()]
    if hashlib.sha256(body).hexdigest().encode() != found[1]:
        raise BundleError(
            f"{path} was changed: its seal is of another text; copy the bundle again (thresholds"
            " are changed by `catenary bundle calibrate`)"
        )
    return body + _END.encode()


def read(path: Path) -> bytes:
    """Return the content of a card that is not too large to be one.

    Raises:
        BundleError: If it cannot be read or is too large.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise BundleError(f"{path}: {error.strerror}; is {path.parent} a model bundle?") from error
    if len(content) > LARGEST:
        raise BundleError(f"{path} has more than {LARGEST} bytes: it is no card of a bundle")
    return content
