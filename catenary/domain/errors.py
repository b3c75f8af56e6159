"""Errors that some caller acts on; everything else is a plain Python error."""

from collections.abc import Sequence

Mistake = tuple[str, str]  # dotted name of a field, what is wrong with it


class CatenaryError(Exception):
    """Base of the errors shown to users as one line, without a trace."""


class SourceError(CatenaryError):
    """A run cannot be recognised, opened or listed."""


class SourceGoneError(SourceError):
    """The whole run cannot be reached for now (a share or network that is down).

    No photograph is at fault: the scan waits, and leaves what it could not read as it was.
    """


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


class ImpossibleSettingsError(ValueError):
    """Settings that cannot be, found when their dataclass is made; `catenary.config` lists them.

    Attributes:
        mistakes: Dotted name of the field within its dataclass, and what is wrong with it.
    """

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        """Join the mistakes to one line, for callers without a settings file."""
        super().__init__("; ".join(f"{field}: {message}" for field, message in mistakes))
        self.mistakes = tuple(mistakes)


class BundleError(CatenaryError):
    """A model bundle is damaged, tampered with or made for another taxonomy."""


class StoreError(CatenaryError):
    """The workspace or a set cannot be written, or holds something unexpected."""


class NothingToReportError(StoreError):
    """A report would be empty: nobody decided, or nothing is selected."""


class StoreGoneError(StoreError):
    """The server of the database cannot be reached for now; what was finished is kept."""


class RunBusyError(StoreError):
    """Another process works on the run; it will let go."""


class StoreBusyError(StoreError):
    """Another program holds the database for longer than a write waits; it will let go."""
