"""A scarce bench in one small folder, to let another machine learn."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import yaml
from pydantic import TypeAdapter

from catenary.datasets import coco
from catenary.datasets.labels import LabelledImage, LabelledSet
from catenary.domain.errors import ConfigError
from catenary.evaluation import scarcity
from catenary.imaging.decode import decode_gray
from catenary.jobs.benches import bench_folder, scarce_given
from catenary.jobs.benches.scarce import STRANGE
from catenary.jobs.benches.scarce_given import INJECTED, INJECTED_LABELS, MADE, Read
from catenary.jobs.benches.scarce_parts import Steps
from catenary.jobs.benches.scarce_recipe import Boxes, ScarceBench
from catenary.training.classifier_data import is_usable

RECIPE = "scarce.yaml"
_LABELS = "labels.json"
_TEST_QUALITY = 95
_JPEG = b"\xff\xd8"


def pack(
    path: Path, overrides: tuple[str, ...], folder: Path, quality: int, progress: Steps
) -> int:
    """Write photographs and labels that networks of a bench need, and a recipe that names them.

    What is there already of anomaly scores is packed too. Defects are injected here.

    Args:
        path: Settings, see `ScarceBench`.
        overrides: ``key=value`` settings.
        folder: New folder; the recipe names it as it is given here.
        quality: JPEG quality from 1 to which photographs that are learnt from are compressed where
            that makes them smaller; 0 copies them. Of tests, JPEG files are copied, and others
            compressed to 95.
        progress: Called with what is done, how many are done and how many there are.

    Returns:
        Bytes of all files.

    Raises:
        ConfigError: If settings, labels or photographs are not valid, or the folder exists.
    """
    if folder.exists():
        raise ConfigError(f"{folder} exists already; give a new folder")
    found = scarce_given.read(path, overrides)
    settings, pool = found.settings, found.pool
    settings.output.mkdir(parents=True, exist_ok=True)
    made = scarce_given.injected(settings, pool, progress)
    output = folder / "bench"
    learnt = _all_of(found)
    used = (*pool.normal, *pool.defective)
    chosen = {_only(one, settings.component).ref.image_id for one in used}
    _write(learnt, chosen, folder / "learnt", quality)
    progress("pack", 1, len(found.tests) + 2)
    if made:
        names = {one.ref.image_id for one in made}
        _write(made, names, output / INJECTED, quality, INJECTED_LABELS)
    progress("pack", 2, len(found.tests) + 2)
    tests = []
    for number, (test, labelled) in enumerate(zip(settings.tests, found.tests, strict=True)):
        place = folder / f"test-{number}"
        own = [_only(one, settings.component) for one in labelled.images]
        _write(own, {one.ref.image_id for one in own}, place, _TEST_QUALITY if quality else 0)
        tests.append(replace(test, labels=place / _LABELS))
        progress("pack", number + 3, len(found.tests) + 2)
        kept = settings.output / scarce_given.located(number)
        if test.boxes is Boxes.DETECTOR:
            shutil.copyfile(kept, output / kept.name)
    for seed in settings.seeds:
        _copy(settings.output / f"seed-{seed}" / STRANGE, output / f"seed-{seed}" / STRANGE)
    there = replace(
        settings, labels=(folder / "learnt" / _LABELS,), tests=tuple(tests), output=output
    )
    text = yaml.safe_dump(
        TypeAdapter(ScarceBench).dump_python(there, mode="json"),
        allow_unicode=True,
        sort_keys=False,
    )
    (folder / RECIPE).write_text(text, encoding="utf-8")
    if made:  # as it is read there: labels of one component alone
        again = scarce_given.read(folder / RECIPE, ()).pool
        bench_folder.write(output / INJECTED / MADE, scarce_given.made_of(there, again))
    return sum(one.stat().st_size for one in folder.rglob("*") if one.is_file())


def _all_of(found: Read) -> list[LabelledImage]:
    """Return all photographs that some could be chosen from, so that the same are chosen."""
    settings = found.settings
    able = scarcity.pool(found.labelled.images, settings.component, settings.conditions, is_usable)
    names = {one.ref.image_id for one in (*able.normal, *able.defective)}
    return [
        _only(one, settings.component) for one in found.labelled.images if one.ref.image_id in names
    ]


def _only(image: LabelledImage, component: str) -> LabelledImage:
    """Return a photograph of joined sets with one component, named as before they were joined."""
    begin = f"{image.ref.run}/"
    return replace(
        image,
        ref=replace(image.ref, image_id=image.ref.image_id.removeprefix(begin)),
        source=image.source.removeprefix(begin),
        labels=tuple(one for one in image.labels if one.component == component),
        rejections=(),
    )


def _copy(source: Path, target: Path) -> None:
    if source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _write(
    images: Sequence[LabelledImage],
    chosen: set[str],
    folder: Path,
    quality: int,
    labels: str = _LABELS,
) -> None:
    """Write a labelled set; photographs that are not chosen are named and do not travel."""
    folder.mkdir(parents=True)
    moved = []
    for number, image in enumerate(images):
        source = Path("/") / image.ref.file_name
        name = f"{number:05d}{source.suffix.lower()}"
        if image.ref.image_id in chosen:
            name = _carried(source, folder / name, quality).name
        ref = replace(image.ref, file_name=name, location=name)
        moved.append(replace(image, ref=ref))
    coco.write(LabelledSet(folder, tuple(moved)), folder / labels)


def _carried(source: Path, target: Path, quality: int) -> Path:
    """Write a photograph, compressed where that makes it smaller; return its file."""
    try:
        data = source.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read labelled image {source}: {error.strerror}") from error
    if quality and not (quality == _TEST_QUALITY and data.startswith(_JPEG)):
        pixels = decode_gray(data)
        how = (cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_OPTIMIZE, 1)
        small = cv2.imencode(".jpg", pixels, how)[1].tobytes()
        if len(small) < len(data):
            data, target = small, target.with_suffix(".jpg")
    target.write_bytes(data)
    return target
