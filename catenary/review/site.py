"""All that the routes work with, put together once and passed in."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from catenary.domain.defect_loop import Deadlines
from catenary.domain.taxonomy import Taxonomy
from catenary.jobs.reviewing.accounts import Passwords
from catenary.jobs.reviewing.review_settings import ReviewSettings
from catenary.review.attempts import Attempts
from catenary.review.exports import Exports
from catenary.review.mast_index import MastIndex
from catenary.review.photos import Photos
from catenary.review.tell import Teller
from catenary.store.database import Database
from catenary.store.defect_counts import DefectCounts
from catenary.store.queue_counts import QueueCounts
from catenary.store.reviews import Rules
from catenary.store.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Site:
    """What a running server has.

    Attributes:
        db: Of the workspace.
        workspace: Holds evidence pictures and shards.
        taxonomy: Conditions and grades.
        settings: See configs/review.yaml.
        clock: Returns UTC with its zone.
        photos: Decoded photographs and what is cut of them.
        teller: Makes answers of items.
        attempts: Failed logins of names.
        addresses: Failed logins of addresses.
        passwords: Hashes and compares them.
        secret: Of this process: the token of those without a login.
        exports: Reports made for download.
        masts: Of the runs, in order.
        queue_counts: Of the queue, kept.
        defect_counts: Of the closed loop, kept.
        deadlines: See configs/closed_loop.yaml.
    """

    db: Database
    workspace: Workspace
    taxonomy: Taxonomy
    settings: ReviewSettings
    clock: Callable[[], datetime]
    photos: Photos
    teller: Teller
    attempts: Attempts
    addresses: Attempts
    passwords: Passwords
    secret: str
    exports: Exports
    masts: MastIndex
    queue_counts: QueueCounts
    defect_counts: DefectCounts
    deadlines: Deadlines = Deadlines()  # noqa: RUF009 - frozen

    def rules(self, has_accounts: bool) -> Rules:
        """Return what decisions are made under."""
        second = self.settings.second_reading(has_accounts)
        return Rules(self.taxonomy, second, self.settings.ageing_days, self.deadlines)
