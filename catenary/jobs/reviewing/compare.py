"""Compare a run with an earlier one of the same masts."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from catenary import config
from catenary.domain.change import (
    Change,
    DefectChange,
    PartChange,
    Shot,
    Uncompared,
)
from catenary.domain.errors import StoreError
from catenary.domain.finding import Finding, Verdict
from catenary.domain.geometry import Box
from catenary.domain.image import Frame, ImageRef
from catenary.domain.taxonomy import Taxonomy
from catenary.jobs import evidence, workspaces
from catenary.jobs.evidence import Picture
from catenary.jobs.reviewing import pairing, since
from catenary.jobs.reviewing.pairing import Match, Run
from catenary.jobs.reviewing.photographs import Photographs, Pixels
from catenary.pipeline import arm_turn, history, raising, run_noise, second_look
from catenary.pipeline.history import Compared, CompareSettings
from catenary.pipeline.raising import Pictures
from catenary.pipeline.registration import Registration
from catenary.pipeline.resemblance import laid_over
from catenary.pipeline.run_noise import Noise
from catenary.reports import comparison, comparison_page
from catenary.reports.comparison import (
    ComparedPair,
    Comparison,
    FoundAgain,
    Laid,
)
from catenary.reports.comparison_page import Views
from catenary.reports.wording import printable
from catenary.store.ledger import Entry
from catenary.store.workspace import Workspace

Progress = Callable[[int, int], None]

log = logging.getLogger(__name__)

_ARM_PAIRS = 40  # pairs of photographs, evenly over the run, that tell how exact arms are measured


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be compared.

    Attributes:
        run: Later run.
        earlier_run: Earlier run of the same masts.
        mm_per_px: Scale by camera id; under ``""`` that of all others.
        with_pictures: Look into the photographs too, where they are still there.
        html: Page to write, or None.
        csv: Table to write, or None.
        overrides: ``key=value`` settings over configs/compare.yaml.
        is_raising: Raise watched parts that changed as findings of the later run.
    """

    run: str
    earlier_run: str
    mm_per_px: Mapping[str, float]
    with_pictures: bool = True
    html: Path | None = None
    csv: Path | None = None
    overrides: tuple[str, ...] = ()
    is_raising: bool = False


def parse_scales(texts: Iterable[str]) -> dict[str, float]:
    """Return mm per px by camera id of ``CAMERA=VALUE`` or ``VALUE``.

    Raises:
        ValueError: If one is not such, or not positive.

    >>> parse_scales(["03=1.5", "2"])
    {'03': 1.5, '': 2.0}
    """
    scales: dict[str, float] = {}
    for text in texts:
        camera, _, value = text.rpartition("=")
        try:
            scale = float(value)
        except ValueError:
            scale = 0.0
        if not 0 < scale < float("inf"):
            raise ValueError(f"needs CAMERA=VALUE with mm per px above 0, got {text!r}")
        scales[camera] = scale
    return scales


def compare(place: Path | Workspace, request: Request, progress: Progress) -> Comparison:
    """Compare two runs of a workspace, and write page and table where they are asked for.

    The located parts of both runs are held in memory.

    Args:
        place: Workspace, or its folder.
        request: What.
        progress: Called with photographs compared and photographs in all.

    Raises:
        StoreError: If the workspace or a run is not there, or a file cannot be written.
        ConfigError: If a setting is wrong.
    """
    settings = config.load(
        config.bundled("configs/compare.yaml"), CompareSettings, request.overrides
    )
    taxonomy = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
    if request.run == request.earlier_run:
        raise StoreError(f"{request.run} cannot be compared with itself; name an earlier run")
    with workspaces.existing(place) as (db, workspace):
        with db.read() as connection:
            names = request.earlier_run, request.run
            before, after = (pairing.read(connection, workspace, name) for name in names)
        matches = list(pairing.matches(before, after, settings))
        noise = run_noise.noise_of(
            (
                (
                    before.shots[one.earlier.ref.image_id],
                    after.shots[one.later.ref.image_id],
                    one.result,
                )
                for one in matches
                if one.later and one.earlier and isinstance(one.result, Registration)
            ),
            settings.registration,
        )
        compared = _Comparer((before, after), noise, settings, taxonomy, request)
        compared.learn_arms(matches)
        pairs = []
        for number, match in enumerate(matches, start=1):
            pairs.append(compared.pair(match))
            progress(number, len(matches))
        found = Comparison(
            after.name,
            before.name,
            tuple(pairs),
            compared.found_again(),
            tuple(pairing.suggestions(matches, before, after, settings)),
            asdict(settings) | {"noise": asdict(noise)},
            taxonomy,
            datetime.now(UTC).astimezone(),
        )
        kept = since.keep(db, workspace, found, compared.raised if request.is_raising else None)
        found = replace(found, raised=kept)
    if request.csv:
        comparison.write_csv(found, request.csv)
    if request.html:
        comparison_page.write(found, compared.views, request.html)
    return found


class _Comparer:
    """Compares pair after pair, and counts what was found again."""

    def __init__(
        self,
        runs: tuple[Run, Run],
        noise: Noise,
        settings: CompareSettings,
        taxonomy: Taxonomy,
        request: Request,
    ) -> None:
        self.before, self.after = before, after = runs
        self.noise, self.taxonomy = noise, taxonomy
        self.settings, self.request = settings, request
        self.photographs = self._photographs(before), self._photographs(after)
        self.raised: list[tuple[Finding, Picture]] = []
        self.arm_deg: float | None = None
        self.hits: Counter[str] = Counter()
        self.total: Counter[str] = Counter()

    def _photographs(self, run: Run) -> Photographs:
        return Photographs(run.name, run.source if self.request.with_pictures else None)

    def learn_arms(self, matches: Sequence[Match]) -> None:
        """Learn how much arms seem to turn that hang as they did, from pairs all over the run."""
        asked = [
            (one.earlier.ref, one.later.ref, one.result.transform, boxes)
            for one in matches
            if one.later and one.earlier and isinstance(one.result, Registration)
            if (boxes := self._arms(one.earlier))
        ]
        step = max(1, -(-len(asked) // _ARM_PAIRS))
        steady = []
        for earlier, later, there, boxes in asked[::step]:
            before, after = self.photographs[0].pixels(earlier), self.photographs[1].pixels(later)
            if before is None or after is None:
                continue
            found = (arm_turn.arm_turn(before, box, after, there) for box in boxes)
            steady += [one.deg for one in found if one is not None and one.is_held]
        self.arm_deg = arm_turn.limit_of(steady, self.settings.history.chance)
        log.info("steady arms measured=%d limit_deg=%s", len(steady), self.arm_deg)

    def _arms(self, earlier: Entry) -> list[Box]:
        """Return the boxes of what was likely a steady arm, where such are watched."""
        settings = self.settings.history
        parts = self.before.shots[earlier.ref.image_id].parts
        return [
            one.component.box
            for one in parts
            if one.component.kind == arm_turn.KIND
            and one.component.kind in settings.watched
            and one.component.score >= settings.likely
        ]

    def found_again(self) -> dict[str, FoundAgain]:
        """Return by component how many sure parts the other run located at their places."""
        return {kind: FoundAgain(self.hits[kind], count) for kind, count in self.total.items()}

    def pair(self, match: Match) -> ComparedPair:
        """Compare one pair of photographs."""
        later, earlier, result = match.later, match.earlier, match.result
        if later is None or earlier is None or not isinstance(result, Registration):
            reason = None if isinstance(result, Registration) else result
            return self._uncompared(later, earlier, reason)
        shots = self.before.shots[earlier.ref.image_id], self.after.shots[later.ref.image_id]
        compared = history.compare(
            *shots, result, self.noise, self.settings.registration, self.settings.history
        )
        self._count(compared)
        compared, has_pictures = self._looked_at(compared, earlier.ref, later.ref, shots)
        laid = compared.registration.transform
        middle = complex(later.width, later.height) / 2
        shift = laid.alpha * middle + laid.beta - middle
        return ComparedPair(
            later.ref,
            earlier.ref,
            Laid(
                len(compared.registration.pairs),
                compared.registration.share,
                compared.registration.error_px,
                laid,
                (shift.real, shift.imag),
            ),
            None,
            compared.parts,
            compared.defects,
            self._mm_per_px(later.ref),
            (later.width, later.height),
            has_pictures,
        )

    def _uncompared(
        self, later: Entry | None, earlier: Entry | None, reason: Uncompared | None
    ) -> ComparedPair:
        """Return a pair without a registration; defects are told, as not comparable."""
        defects = [
            DefectChange(
                Change.NOT_COMPARABLE,
                part.component.kind,
                part.condition,
                None if is_later else part,
                part if is_later else None,
                part.component.box if is_later else None,
            )
            for entry, run, is_later in ((earlier, self.before, False), (later, self.after, True))
            if entry is not None
            for part in run.shots[entry.ref.image_id].parts
            if part.verdict is Verdict.DEFECT
        ]
        size = (later.width, later.height) if later else (0, 0)
        refs = later.ref if later else None, earlier.ref if earlier else None
        return ComparedPair(*refs, None, reason, (), tuple(defects), None, size, False)

    def _count(self, compared: Compared) -> None:
        sure = self.settings.history.sure
        for one in compared.parts:
            is_found = one.earlier is not None and one.later is not None
            if one.score >= sure and (is_found or one.reason is None):
                self.total[one.kind] += 1
                self.hits[one.kind] += is_found

    def _looked_at(
        self, compared: Compared, earlier: ImageRef, later: ImageRef, shots: tuple[Shot, Shot]
    ) -> tuple[Compared, bool]:
        """Look into both pictures, where they can be read and there is something to look at."""
        settings = self.settings
        if not any(second_look.is_due(one, settings.history) for one in compared.parts):
            return compared, False
        before, after = self.photographs[0].pixels(earlier), self.photographs[1].pixels(later)
        if before is None or after is None:
            return compared, False
        parts = second_look.looked_at(
            compared.parts,
            compared.registration,
            (before, after),
            settings.registration,
            settings.history,
            self.arm_deg,
        )
        self._raise(parts, earlier, later, after)
        return history.with_parts(compared, *shots, parts, self.noise, settings.history), True

    def _raise(
        self, parts: Sequence[PartChange], earlier: ImageRef, later: ImageRef, after: Pixels
    ) -> None:
        if not self.request.is_raising:
            return
        height, width = after.shape
        name = printable(f"{self.before.name}/{earlier.file_name}")
        pictures = Pictures(later.image_id, name, (width, height))
        for one in raising.raised(parts, pictures, self.taxonomy, self.settings.history):
            picture = evidence.picture_of(Frame(later, after), one.component.box)
            self.raised.append((one, picture))

    def _mm_per_px(self, ref: ImageRef) -> float | None:
        scales = self.request.mm_per_px
        return scales.get(ref.camera, scales.get(""))

    def views(self, pair: ComparedPair) -> Views | None:
        """Return the later photograph and the earlier one laid over it, where both are there."""
        if pair.later is None or pair.earlier is None or pair.laid is None:
            return None
        before = self.photographs[0].pixels(pair.earlier)
        after = self.photographs[1].pixels(pair.later)
        if before is None or after is None:
            return None
        height, width = after.shape
        return Views(laid_over(before, pair.laid.transform, Box(0, 0, width, height)), after)
