"""A photograph stored rotated comes out as it was seen."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from catenary.imaging import exif

PICTURE = np.kron(np.arange(12, dtype=np.uint8).reshape(3, 4) * 20, np.ones((16, 16), np.uint8))


def jpeg(orientation: int) -> bytes:
    tags = Image.Exif()
    tags[0x0112] = orientation
    buffer = io.BytesIO()
    Image.fromarray(PICTURE).save(buffer, "JPEG", exif=tags, quality=95)
    return buffer.getvalue()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_read_and_applied_as_pillow_does(orientation: int):
    data = jpeg(orientation)
    assert exif.jpeg_orientation(data) == orientation
    seen = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    assert np.array_equal(exif.upright(PICTURE, orientation), seen)


def head(order: str, kind: int, value: int) -> bytes:
    """Return the start of a JPEG whose EXIF holds one entry, the orientation."""
    tiff = {"<": b"II", ">": b"MM"}[order] + struct.pack(order + "HIH", 42, 8, 1)
    tiff += struct.pack(order + "HHIHHI", 0x0112, kind, 1, value, 0, 0)
    return b"\xff\xd8\xff\xe1\0\0Exif\0\0" + tiff


@pytest.mark.parametrize("order", ["<", ">"])
def test_both_byte_orders_are_read(order: str):
    assert exif.jpeg_orientation(head(order, 3, 6)) == 6


@pytest.mark.parametrize(("kind", "value"), [(3, 0), (3, 9), (2, 6)])
def test_orientation_outside_the_standard_is_ignored(kind: int, value: int):
    assert exif.jpeg_orientation(head("<", kind, value)) == 1


def test_picture_without_exif_is_upright():
    buffer = io.BytesIO()
    Image.fromarray(PICTURE).save(buffer, "JPEG")
    assert exif.jpeg_orientation(buffer.getvalue()) == 1


@given(cut=st.integers(0, 60), noise=st.binary(max_size=60))
def test_damaged_exif_is_ignored_or_read_never_an_error(cut: int, noise: bytes):
    data = jpeg(6)
    start = data.find(b"Exif\0\0") + 6
    assert exif.jpeg_orientation(data[: start + cut] + noise) in range(1, 9)
    assert exif.jpeg_orientation(data[:start] + noise + data[start:]) in range(1, 9)
