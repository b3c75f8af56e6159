"""What `configs/review.yaml` holds."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from catenary.domain.errors import ImpossibleSettingsError, Mistake
from catenary.domain.review import SecondReading

_TEXTS = ("notice_docx", "notice_pdf", "fonts")
_SHARES = ("second_confirmed", "second_rejected", "sample_share", "vigilance_share")


@dataclass(frozen=True, slots=True)
class ReviewSettings:
    """How decisions are made and pictures are served; all numbers are our starting values.

    Attributes:
        second_confirmed: Share in [0, 1] of confirmed items that are read again.
        second_rejected: Share in [0, 1] of other decided items that are read again.
        sample_share: Parts called normal that are shown, as a share of those raised.
        vigilance_share: Known defects shown again, as a share of what is handed out.
        ageing_days: Waiting so long is worth as much as the whole range of risk.
        lease_minutes: For which an item is somebody's.
        idle_minutes: After which a login that is not used ends.
        session_hours: After which every login ends.
        login_failures: Of one name, before it has to wait; ten times as many of one address.
        login_wait_s: How long then, seconds; twice as long for each failure more.
        break_after_minutes: Of steady work, when a break is proposed.
        break_minutes: How long it should be.
        decoded_mb: Memory for decoded photographs, megabytes.
        tiles_mb: Memory for tiles, megabytes.
        notice_docx: File of the railway's own template of the notice in Word; empty for ours.
        notice_pdf: The same as PDF (Typst).
        fonts: Folder of a font with Chinese characters for PDF; empty for those of the system.
    """

    second_confirmed: float = 1.0
    second_rejected: float = 0.1
    sample_share: float = 0.05
    vigilance_share: float = 0.02
    ageing_days: float = 14.0
    lease_minutes: float = 10.0
    idle_minutes: float = 480.0
    session_hours: float = 24.0
    login_failures: int = 5
    login_wait_s: float = 60.0
    break_after_minutes: float = 20.0
    break_minutes: float = 5.0
    decoded_mb: int = 600
    tiles_mb: int = 64
    notice_docx: str = ""
    notice_pdf: str = ""
    fonts: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        mistakes: list[Mistake] = [
            (name, f"must be in [0, 1], got {getattr(self, name)}")
            for name in _SHARES
            if not 0 <= getattr(self, name) <= 1
        ]
        mistakes += [
            (name, f"must be greater than 0, got {getattr(self, name)}")
            for name in self.__slots__
            if name not in (*_SHARES, *_TEXTS) and not getattr(self, name) > 0
        ]
        if mistakes:
            raise ImpossibleSettingsError(mistakes)

    @property
    def lease(self) -> timedelta:
        """How long an item is somebody's."""
        return timedelta(minutes=self.lease_minutes)

    @property
    def idle(self) -> timedelta:
        """How long a login may be unused."""
        return timedelta(minutes=self.idle_minutes)

    @property
    def longest(self) -> timedelta:
        """How long a login lasts at most."""
        return timedelta(hours=self.session_hours)

    def second_reading(self, has_accounts: bool) -> SecondReading:
        """Return what is read again; nothing where one person works alone."""
        return SecondReading(has_accounts, self.second_confirmed, self.second_rejected)

    def notice(self, form: str) -> tuple[Path | None, Path | None]:
        """Return template and fonts of a notice; None for those that are ours."""
        template = {"docx": self.notice_docx, "pdf": self.notice_pdf}.get(form, "")
        fonts = self.fonts if form == "pdf" else ""
        return (Path(template) if template else None, Path(fonts) if fonts else None)
