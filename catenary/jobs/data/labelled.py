"""Labelled sets that a user names, and their photographs, read with errors that say which file."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catenary import config
from catenary.datasets import class_map, coco
from catenary.datasets.labels import LabelledImage, LabelledSet
from catenary.domain.errors import ConfigError, UnreadableImageError
from catenary.domain.taxonomy import Taxonomy
from catenary.imaging.decode import decode_gray


def read(path: Path, taxonomy: Taxonomy | None = None) -> LabelledSet:
    """Read COCO labels whose components and conditions are all in the taxonomy.

    Args:
        path: COCO file.
        taxonomy: None takes the shipped one.

    Raises:
        ConfigError: If the file is not valid, has no photograph or a name that the taxonomy lacks.
    """
    found = coco.read(path)
    known = taxonomy or config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
    class_map.refuse_unknown(found, known, path)
    if not found.images:
        raise ConfigError(f"{path} has no photograph")
    return found


def pixels(root: Path, image: LabelledImage) -> NDArray[np.uint8]:
    """Return the (height, width) uint8 of a labelled photograph; see `photograph`."""
    return photograph(root, image)[1]


def photograph(root: Path, image: LabelledImage) -> tuple[bytes, NDArray[np.uint8]]:
    """Return the file of a labelled photograph and its (height, width) uint8.

    Args:
        root: Folder of its set.
        image: Which one.

    Raises:
        ConfigError: If the file cannot be read.
        UnreadableImageError: If it is no whole picture; the message names the file.
    """
    path = root / image.ref.file_name
    try:
        data = path.read_bytes()
        return data, decode_gray(data)
    except OSError as error:
        raise ConfigError(f"cannot read labelled image {path}: {error.strerror}") from error
    except UnreadableImageError as error:
        raise UnreadableImageError(error.code, f"{path}: {error}") from error
