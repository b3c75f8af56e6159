"""Any folder with photographs, with or without a manifest, and single photographs."""

from collections.abc import Iterator
from pathlib import Path

from catenary.domain.errors import SourceError, UnreadableImageError
from catenary.domain.image import ImageRef
from catenary.runs import manifest, task_name
from catenary.runs.files import IMAGE_ENDINGS, Files, LocalFiles, describe, is_image
from catenary.runs.source import RunDescription

LOOKS_FOR = f"any {', '.join(ending[1:] for ending in IMAGE_ENDINGS)} file, in subfolders too"


class PlainLayout:
    """See `Layout`."""

    name = "plain"
    looks_for = LOOKS_FOR

    def recognises(self, root: Path) -> bool:
        """See `Layout`; a manifest without any photograph beside it counts too."""
        if (root / manifest.NAME).is_file():
            return True
        return next(LocalFiles(root).walk(), None) is not None

    def open(self, root: Path) -> "PlainRun":
        """See `Layout`."""
        return open_files(LocalFiles(root), root.name, str(root))


class PlainRun:
    """Photographs in the order of the manifest, then those it does not name; see `Source`.

    The manifest is held in memory.
    """

    def __init__(
        self, files: Files, description: RunDescription, listed: tuple[ImageRef, ...] = ()
    ) -> None:
        """Keep the files and the refs that a manifest lists."""
        self._files = files
        self._description = description
        self._listed = listed

    @property
    def description(self) -> RunDescription:
        """See `Source`."""
        return self._description

    def frames(self) -> Iterator[ImageRef]:
        """See `Source`."""
        yield from self._listed
        names = {ref.file_name for ref in self._listed}
        ids = {ref.image_id for ref in self._listed}
        for path in self._files.walk():
            if path not in names:
                image_id = f"./{path}" if path in ids else path
                yield ImageRef(self._description.name, image_id, path, path)

    def read(self, ref: ImageRef) -> bytes:
        """See `Source`; safe to call from several threads."""
        return self._files.read(ref.location)

    def stamp(self, ref: ImageRef) -> str:
        """See `Source`."""
        return self._files.stamp(ref.location)


def open_files(files: Files, name: str, source: str) -> PlainRun:
    """Open the run in these files.

    Raises:
        SourceError: If the manifest is not valid, or there is neither photograph nor row.
    """
    try:
        data = files.read(manifest.NAME)
    except UnreadableImageError as error:
        if error.code != "missing":
            raise SourceError(f"cannot read the manifest of {source}: {error}") from error
        listed: tuple[ImageRef, ...] = ()
    else:
        listed = manifest.parse(data, name, f"{source}/{manifest.NAME}")
    if not listed and next(files.walk(), None) is None:
        raise SourceError(f"{source} holds no photograph; looked for {LOOKS_FOR}")
    return PlainRun(files, describe(name, "plain", source, task_name.parse(name)), listed)


def open_image(path: Path) -> PlainRun:
    """Open a single photograph as a run of one.

    Raises:
        SourceError: If the file has no image ending.
    """
    if not is_image(path.name):
        raise SourceError(f"{path} is neither a folder nor a photograph; looked for {LOOKS_FOR}")
    task = task_name.parse(path.stem)
    return PlainRun(_OneFile(path), describe(path.stem, "plain", str(path), task))


class _OneFile:
    """One file as a tree; see `Files`."""

    def __init__(self, path: Path) -> None:
        self._name = path.name
        self._folder = LocalFiles(path.parent)

    def walk(self) -> Iterator[str]:
        yield self._name

    def read(self, path: str) -> bytes:
        return self._folder.read(path)

    def stamp(self, path: str) -> str:
        return self._folder.stamp(path)
