"""Free space of a workspace: enough to begin, enough to go on, enough for the whole run."""

import logging
from collections.abc import Iterable
from pathlib import Path

from catenary.domain.errors import StoreError
from catenary.store.workspace import Workspace

log = logging.getLogger(__name__)

LEAST_FREE_BYTES = 100_000_000  # a scan stops before the disk is quite full
_JUDGED_FROM = 200  # photographs, from which what the others will take is foretold


class Room:
    """Watches the free space while a scan writes."""

    def __init__(self, workspace: Workspace) -> None:
        """Count from nothing."""
        self._workspace = workspace
        self._images = self._bytes = 0
        self._is_told = False

    def require(self) -> None:
        """Do nothing while there is room for a batch.

        Raises:
            StoreError: If the disk is nearly full.
        """
        if (free := self._workspace.free_bytes()) < LEAST_FREE_BYTES:
            raise StoreError(
                f"only {free / 1e6:.0f} MB free in {self._workspace.path}; "
                "free some space and start the same scan again, it goes on where it was"
            )

    def wrote(self, files: Iterable[Path], images: int, left: int) -> None:
        """Note what photographs took, and warn once when the others will not fit.

        Args:
            files: Written for them; the database grows by little beside.
            images: How many they were.
            left: Photographs that are not scanned yet.
        """
        self._images += images
        self._bytes += sum(file.stat().st_size for file in files if file.exists())
        if self._is_told or self._images < _JUDGED_FROM:
            return
        needed = left * self._bytes / self._images
        free = self._workspace.free_bytes() - LEAST_FREE_BYTES
        if needed > free:
            self._is_told = True
            log.warning(
                "the %d photographs that are left will take about %.1f GB, %.1f GB are free in %s",
                left, needed / 1e9, max(free, 0) / 1e9, self._workspace.path,
                extra={"event": "disk", "needed_bytes": round(needed), "free_bytes": free},
            )  # fmt: skip
