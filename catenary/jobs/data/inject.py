"""Make a labelled set with defects injected into the normal parts of another one."""

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from catenary import config
from catenary.datasets import coco
from catenary.datasets.labels import Label, LabelledImage, LabelledSet
from catenary.domain.finding import NORMAL
from catenary.imaging.crops import Crop, cut
from catenary.jobs.data import labelled as labelled_sets
from catenary.simulation.inject import CONTROL, Edit, InjectionSettings, inject
from catenary.simulation.write import LABELS, claim, write_whole

EDITS = "edits.csv"
_COLUMNS = (
    *("file_name", "source_image", "part_id", "component", "condition", "severity", "strength"),
    *("method", "seed", "is_control", "mask", "x0", "y0", "x1", "y1"),
)
_PARTS = "parts"  # what was made of each photograph, until all are done


@dataclass(frozen=True, slots=True)
class Injected:
    """What was made.

    Attributes:
        labelled: The new set.
        made: (component, condition) to copies; controls under ``"control"``.
        left_out: Why parts did not serve, with counts.
    """

    labelled: LabelledSet
    made: Counter[tuple[str, str]]
    left_out: Counter[str]


@dataclass(frozen=True, slots=True)
class _Task:
    """One copy to make: of which part, what, and from which seed."""

    index: int
    number: int
    condition: str
    severity: float
    seed: tuple[int, ...]


def inject_set(
    settings_file: Path,
    labels_file: Path,
    folder: Path,
    overrides: tuple[str, ...],
    progress: Callable[[int, int], None],
) -> Injected:
    """Make a set of copies, each with one part changed; goes on where it was stopped.

    Args:
        settings_file: YAML of `InjectionSettings`.
        labels_file: COCO labels; parts labelled normal and not ignored are used.
        folder: Gets ``images/``, ``masks/`` (what was changed, 255), ``labels.json`` and
            ``edits.csv``.
        overrides: ``key=value`` settings.
        progress: Called with photographs done and photographs in all.

    Raises:
        ConfigError: If settings or labels are not valid, an image is missing, or the folder
            holds another set.
    """
    settings = config.load(settings_file, InjectionSettings, overrides)
    source = labelled_sets.read(labels_file)
    claim(folder, asdict(settings) | {"labels": config.fingerprint(labels_file)})
    for name in ("images", "masks", _PARTS):
        (folder / name).mkdir(exist_ok=True)
    total = len(source.images)
    for number, image in enumerate(source.images):
        if not _part(folder, number, "csv").exists():
            _make_copies(settings, source.root, folder, number, image)
        progress(number + 1, total)
    return _joined(folder, total)


def _make_copies(
    settings: InjectionSettings, root: Path, folder: Path, number: int, image: LabelledImage
) -> None:
    """Make all copies of one photograph, then note that it is done."""
    tasks = list(_tasks(settings, number, image))
    images, rows = [], []
    if tasks:
        data, pixels = labelled_sets.photograph(root, image)
        for pair in zip(tasks[::2], tasks[1::2], strict=True):  # a defect and its control
            crop = cut(pixels, image.labels[pair[0].index].box, settings.margin)
            edits = [_edited(crop, image, task) for task in pair]
            for task, edit in zip(pair, edits, strict=True):
                refusal = next((one for one in edits if isinstance(one, str)), "")
                if isinstance(edit, str) or refusal:
                    rows.append(_row(image, task, refusal))
                    continue
                copy = _copy(image, task, edit.severity)
                changed = pixels.copy()
                height, width = crop.pixels.shape
                changed[crop.y0 : crop.y0 + height, crop.x0 : crop.x0 + width] = edit.pixels
                mask = _write(folder, copy, changed, data, crop, edit)
                images.append(copy)
                rows.append(_row(image, task, edit.method, copy.ref.file_name, mask, edit.severity))
    coco.write(LabelledSet(folder, tuple(images)), _part(folder, number, "json"))
    write_whole(_part(folder, number, "csv"), _table(rows))


def _tasks(settings: InjectionSettings, number: int, image: LabelledImage) -> Iterator[_Task]:
    """Yield a defect and its control in turn, for every part that serves."""
    for index, label in enumerate(image.labels):
        rates = settings.rates.get(label.component)
        if rates is None or label.is_ignored or label.condition != NORMAL:
            continue
        for copy in range(settings.per_part):
            seed = (settings.seed, number, index, copy)
            random = np.random.default_rng(seed)
            weights = np.array(list(rates.values()))
            condition = str(random.choice(list(rates), p=weights / weights.sum()))
            severity = float(random.uniform(*settings.severity))
            yield _Task(index, copy, condition, severity, seed)
            yield _Task(index, copy, CONTROL, severity, seed)


def _edited(crop: Crop, image: LabelledImage, task: _Task) -> Edit | str:
    random = np.random.default_rng([*task.seed, 1])
    component = image.labels[task.index].component
    return inject(crop, component, task.condition, task.severity, random)


def _copy(image: LabelledImage, task: _Task, severity: float) -> LabelledImage:
    """Return the labels of a copy: one part changed, the others as they were."""
    own = image.labels[task.index]
    tag = f"{task.index}-{task.number}-{task.condition}"
    name = f"{image.ref.image_id}~{tag}"
    safe = "".join(one if one.isalnum() or one in "-_~" else "_" for one in name)
    is_lossy = Path(image.ref.file_name).suffix.lower() in (".jpg", ".jpeg")
    file_name = f"images/{safe}{'.jpg' if is_lossy else '.png'}"
    part = f"{own.part_id or image.ref.image_id}~{tag}"
    is_control = task.condition == CONTROL
    changed = replace(
        own,
        condition=NORMAL if is_control else task.condition,
        severity=severity,
        part_id=part,
        mask=None,  # of the part as it was, like the points and lines
        keypoints=(),
        lines=(),
    )
    labels: tuple[Label, ...] = (
        *image.labels[: task.index],
        changed,
        *image.labels[task.index + 1 :],
    )
    ref = replace(image.ref, image_id=name, location=file_name, file_name=file_name)
    source = image.source or image.ref.image_id
    # What was rejected of the photograph may be a defect now.
    return replace(image, ref=ref, labels=labels, source=source, rejections=())


def _write(
    folder: Path,
    copy: LabelledImage,
    pixels: NDArray[np.uint8],
    original: bytes,
    crop: Crop,
    edit: Edit,
) -> str:
    """Write a copy and its mask; return the mask's name."""
    mask = np.zeros(pixels.shape, np.uint8)
    height, width = edit.mask.shape
    mask[crop.y0 : crop.y0 + height, crop.x0 : crop.x0 + width][edit.mask] = 255
    name = f"masks/{Path(copy.ref.file_name).stem}.png"
    write_whole(folder / name, cv2.imencode(".png", mask)[1].tobytes())
    write_whole(folder / copy.ref.file_name, encoded_alike(pixels, original, copy.ref.file_name))
    return name


def encoded_alike(pixels: NDArray[np.uint8], original: bytes, name: str) -> bytes:
    """Return the copy compressed as its photograph was, so that compression tells nothing."""
    if not name.endswith(".jpg"):
        return cv2.imencode(".png", pixels)[1].tobytes()
    with Image.open(io.BytesIO(original)) as opened:
        tables: dict[int, list[int]] = getattr(opened, "quantization", {})
    buffer = io.BytesIO()
    luma = {0: tables[0]} if 0 in tables else None
    Image.fromarray(pixels).save(buffer, "JPEG", qtables=luma)
    return buffer.getvalue()


def _row(
    image: LabelledImage,
    task: _Task,
    method: str,
    file_name: str = "",
    mask: str = "",
    severity: float = 0.0,
) -> dict[str, object]:
    """Return one line of the table; without a file name, ``method`` is why nothing was made."""
    label = image.labels[task.index]
    values = (
        file_name,
        image.source or image.ref.image_id,
        label.part_id or f"{image.ref.image_id}#{task.index}",
        label.component,
        task.condition,
        f"{severity:.3f}",
        f"{task.severity:.3f}",
        method,
        "-".join(map(str, task.seed)),
        int(task.condition == CONTROL),
        mask,
        *(f"{side:.1f}" for side in (label.box.x0, label.box.y0, label.box.x1, label.box.y1)),
    )
    return dict(zip(_COLUMNS, values, strict=True))


def _table(rows: list[dict[str, object]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _part(folder: Path, number: int, ending: str) -> Path:
    return folder / _PARTS / f"{number:06d}.{ending}"


def _joined(folder: Path, total: int) -> Injected:
    """Join what was made of each photograph into one set and one table."""
    images: list[LabelledImage] = []
    done: list[dict[str, object]] = []
    left_out: Counter[str] = Counter()
    for number in range(total):
        images += coco.read(_part(folder, number, "json")).images
        with _part(folder, number, "csv").open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if row["file_name"]:
                    done.append(dict(row))
                elif row["is_control"] == "0":
                    left_out[f"{row['component']}: {row['method']}"] += 1
    labelled = LabelledSet(folder, tuple(images))
    coco.write(labelled, folder / LABELS)
    write_whole(folder / EDITS, _table(done))
    made = Counter((str(row["component"]), str(row["condition"])) for row in done)
    return Injected(labelled, made, left_out)
