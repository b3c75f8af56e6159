"""Every file of a run becomes a grey picture or a named reason, never a surprise."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from catenary.domain.errors import UnreadableImageError
from catenary.imaging.decode import DecodeLimits, decode_gray

# libtiff and Pillow also warn about what they then refuse; the refusal is what is tested.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

SMALL = DecodeLimits(max_pixels=1_000_000, max_side_px=4_000)


def scene() -> NDArray[np.uint8]:
    """Return a (90, 120) night picture: a bright tube on black, noise like a sensor's."""
    noise = np.random.default_rng(0).normal(6.0, 2.0, (90, 120))
    picture = noise.clip(0, 255).astype(np.uint8)
    cv2.line(picture, (5, 80), (110, 10), 200, 9)
    return cv2.GaussianBlur(picture, (0, 0), 1.0)


def encoded(form: str, mode: str = "L", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(scene()).convert(mode).save(buffer, form, **options)
    return buffer.getvalue()


def sixteen_bit(form: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(scene().astype(np.uint16) << 8 | 0xFF).save(buffer, form)
    return buffer.getvalue()


def code_of(data: bytes, limits: DecodeLimits = SMALL) -> str:
    with pytest.raises(UnreadableImageError) as caught:
        decode_gray(data, limits)
    assert len(str(caught.value)) > 20
    return caught.value.code


LOSSLESS = {
    "png": encoded("PNG"),
    "png with palette": encoded("PNG", "P"),
    "colour png": encoded("PNG", "RGB"),
    "png with transparency": encoded("PNG", "RGBA"),
    "16-bit png": sixteen_bit("PNG"),
    "bmp": encoded("BMP"),
    "tiff": encoded("TIFF"),
    "tiff with lzw": encoded("TIFF", compression="tiff_lzw"),
    "16-bit tiff": sixteen_bit("TIFF"),
}
LOSSY = {
    "jpeg": encoded("JPEG", quality=95),
    "progressive jpeg": encoded("JPEG", progressive=True, quality=95),
    "colour jpeg": encoded("JPEG", "RGB", quality=95),
    "cmyk jpeg": encoded("JPEG", "CMYK", quality=95),
    "jpeg with rare subsampling": encoded("JPEG", "RGB", subsampling="4:1:1", quality=95),
}


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_forms_give_the_pixels(name: str):
    pixels = decode_gray(LOSSLESS[name])
    assert pixels.dtype == np.uint8
    assert np.array_equal(pixels, scene())


@pytest.mark.parametrize("name", LOSSY)
def test_jpeg_forms_give_nearly_the_pixels(name: str):
    pixels = decode_gray(LOSSY[name])
    assert pixels.shape == (90, 120)
    assert np.abs(pixels.astype(int) - scene()).mean() < 2


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF"])
def test_rotated_photograph_comes_upright(form: str):
    tags = Image.Exif()
    tags[0x0112] = 6  # stored on its side: turn 90 degrees clockwise
    pixels = decode_gray(encoded(form, exif=tags))
    assert pixels.shape == (120, 90)
    assert np.abs(pixels.astype(int) - np.rot90(scene(), k=-1)).mean() < 2


def test_empty_file_is_named():
    assert code_of(b"") == "zero_bytes"


@pytest.mark.parametrize("data", [b"frame 12 was lost\r\n" * 9, b"\0" * 5000, b"\xff"])
def test_other_content_under_an_image_name_is_named(data: bytes):
    assert code_of(data) == "not_an_image"


@pytest.mark.parametrize("start", [b"GIF89a", b"RIFF\0\0\0\0WEBP", b"\0\0\0\x0cjP  \r\n"])
def test_image_forms_we_do_not_read_are_named(start: bytes):
    assert code_of(start + bytes(200)) == "unsupported"


def test_float_pixels_are_refused_since_their_range_is_unknown():
    buffer = io.BytesIO()
    Image.fromarray(scene().astype(np.float32)).save(buffer, "TIFF")
    assert code_of(buffer.getvalue()) == "unsupported"


def test_twelve_bit_jpeg_is_refused_as_unsupported():
    data = bytearray(encoded("JPEG"))
    data[data.find(b"\xff\xc0") + 4] = 12
    assert code_of(bytes(data)) == "unsupported"


def huge_png(side: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + chunk + b"\0\0\0\0IDAT\x35\xaf\x06\x1e" + bytes(100)


def huge_jpeg(side: int, start: bytes = b"\xff\xc0") -> bytes:
    data = bytearray(encoded("JPEG"))
    frame = data.find(start)
    data[frame + 5 : frame + 9] = struct.pack(">HH", side, side)
    return bytes(data)


def huge_bmp(side: int) -> bytes:
    data = bytearray(encoded("BMP"))
    data[18:26] = struct.pack("<ii", side, side)
    return bytes(data)


def huge_tiff(side: int) -> bytes:
    data = encoded("TIFF")
    for tag, value in ((256, 120), (257, 90)):
        old = struct.pack("<HHII", tag, 4, 1, value)
        assert old in data or struct.pack("<HHIHH", tag, 3, 1, value, 0) in data
        data = data.replace(old, struct.pack("<HHII", tag, 4, 1, side))
        data = data.replace(
            struct.pack("<HHIHH", tag, 3, 1, value, 0), struct.pack("<HHII", tag, 4, 1, side)
        )
    return data


@pytest.mark.parametrize("huge", [huge_png, huge_jpeg, huge_bmp, huge_tiff])
def test_huge_header_is_refused_before_memory_is_taken(huge):
    assert code_of(huge(60_000), DecodeLimits()) == "too_large"
    assert code_of(huge(29_000), DecodeLimits()) == "too_large"  # 841 MP, sides allowed


@pytest.mark.parametrize("name", ["jpeg", "png"])
def test_picture_exactly_at_the_limits_is_decoded(name: str):
    data = {**LOSSLESS, **LOSSY}[name]
    assert decode_gray(data, DecodeLimits(max_pixels=90 * 120, max_side_px=120)).size == 10_800
    assert code_of(data, DecodeLimits(max_pixels=90 * 120 - 1)) == "too_large"
    assert code_of(data, DecodeLimits(max_side_px=119)) == "too_large"


@pytest.mark.parametrize("name", [*LOSSY, "png", "bmp", "tiff", "16-bit tiff"])
def test_file_cut_short_anywhere_is_refused(name: str):
    data = {**LOSSLESS, **LOSSY}[name]
    lost = 48 if "png" in name else 1  # a PNG has all its rows before its last bytes
    for length in np.linspace(1, len(data) - 1 - lost, 200).astype(int):
        code = code_of(data[:length])
        if length > 64:
            assert code in {"truncated", "damaged"}


@pytest.mark.parametrize("name", ["jpeg", "progressive jpeg", "cmyk jpeg"])
def test_jpeg_cut_in_the_middle_or_without_its_end_is_truncated(name: str):
    data = LOSSY[name]
    for kept in (data[: len(data) // 2], data[: 4 * len(data) // 5], data[:-2]):
        assert code_of(kept) == "truncated"


def test_jpeg_cut_and_filled_up_with_zeros_is_refused():
    data = LOSSY["jpeg"]
    half = len(data) // 2
    assert code_of(data[:half] + bytes(half)) in {"truncated", "damaged"}


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from([*LOSSLESS, *LOSSY]),
    flips=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 7)), min_size=1, max_size=5),
    is_early=st.booleans(),
)
def test_flipped_bits_give_a_picture_or_a_reason(
    name: str, flips: list[tuple[float, int]], is_early: bool
):
    data = bytearray({**LOSSLESS, **LOSSY}[name])
    reach = min(len(data), 300) if is_early else len(data)
    for place, bit in flips:
        data[int(place * (reach - 1))] ^= 1 << bit
    try:
        pixels = decode_gray(bytes(data), SMALL)
    except UnreadableImageError:
        return
    assert pixels.dtype == np.uint8
    assert pixels.ndim == 2
    assert pixels.size


@settings(max_examples=60, deadline=None)
@given(
    start=st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"II*\0", b"MM\0*"]),
    rest=st.binary(max_size=300),
)
def test_random_bytes_behind_a_signature_give_a_reason(start: bytes, rest: bytes):
    assert code_of(start + rest)
