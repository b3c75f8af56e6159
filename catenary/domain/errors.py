"""Errors that some caller acts on; everything else is a plain Python error."""


class CatenaryError(Exception):
    """Base of the errors shown to users as one line, without a trace."""


class SourceError(CatenaryError):
    """A run cannot be recognised, opened or listed."""


class UnreadableImageError(CatenaryError):
    """One image cannot be read or decoded; the scan records it and goes on.

    Attributes:
        code: Short stable reason for the ledger, e.g. ``"zero_bytes"``, ``"truncated"``,
            ``"not_an_image"``, ``"too_large"``, ``"unsupported"``, ``"missing"``, ``"locked"``.
    """

    def __init__(self, code: str, message: str) -> None:
        """Keep the reason code beside the sentence for people."""
        super().__init__(message)
        self.code = code


class ConfigError(CatenaryError):
    """A settings, taxonomy or label file is not valid; the message lists every mistake."""


class BundleError(CatenaryError):
    """A model bundle is damaged, tampered with or made for another taxonomy."""


class StoreError(CatenaryError):
    """The workspace cannot be written or holds something unexpected."""
