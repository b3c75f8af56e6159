"""Write photographs as a plain folder with a manifest; `plain` reads them back."""

from collections.abc import Iterable
from pathlib import Path

from catenary.domain.image import ImageRef
from catenary.runs import manifest
from catenary.runs.staging import staged


def write_plain(folder: Path, items: Iterable[tuple[ImageRef, bytes]]) -> None:
    """Write photographs under their file names; all appear at once or nothing does.

    Nothing is lost: image ids, views and all else that the manifest has a column for.

    Args:
        folder: New folder.
        items: Photographs and their encoded bytes.

    Raises:
        ValueError: If a reader would get another photograph back, or two have one name.
        SourceError: If the folder is in use or the disk is full.
    """
    refs = []
    with staged(folder) as partial:
        for ref, data in items:
            path = partial / manifest.inner_path(ref.file_name)
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with path.open("xb") as file:
                    file.write(data)
            except FileExistsError as error:
                raise ValueError(f"two photographs would be named {ref.file_name}") from error
            refs.append(ref)
        (partial / manifest.NAME).write_bytes(manifest.formatted(refs))
