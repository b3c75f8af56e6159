"""Encoded bytes of one photograph in, grey pixels out; every failure has a stable code."""

import io
import struct
import zlib
from dataclasses import dataclass

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps
from PIL.BmpImagePlugin import BmpImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

from catenary.domain.errors import UnreadableImageError
from catenary.imaging import exif

_JPEG = b"\xff\xd8"
_JPEG_END = b"\xff\xd9"
_PROGRESSIVE, _SCAN = b"\xff\xc2", b"\xff\xda"
HEAD_BYTES = 1 << 17  # of a JPEG; holds the start of its frame behind EXIF and its thumbnail
_MOST_SCANS = 100  # encoders write about ten. Our starting value
# The readers are called directly: `Image.open` also tries formats that no camera writes, and
# guards against bombs by a process-wide limit below the size of real 127 MP frames.
_PILLOW_READERS: tuple[tuple[bytes, type[ImageFile.ImageFile]], ...] = (
    (_JPEG, JpegImageFile),
    (b"\x89PNG\r\n\x1a\n", PngImageFile),
    (b"II*\0", TiffImageFile),
    (b"MM\0*", TiffImageFile),
    (b"II+\0", TiffImageFile),
    (b"MM\0+", TiffImageFile),
    (b"BM", BmpImageFile),
)
_UNSUPPORTED = {
    b"GIF8": "GIF",
    b"RIFF": "WebP or AVI",
    b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\0\0\0\x0cJXL ": "JPEG XL",
}
# What Pillow raises on bytes that are not what they claim, found by flipping bits.
_PILLOW_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    OverflowError,
    RuntimeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """Largest picture that is decoded, read from its header before memory is taken.

    Attributes:
        max_pixels: Height x width. Our starting value: above the largest 4C camera known,
            127 megapixels, and 200 MB decoded.
        max_side_px: Longer side, in pixels; our starting value.
    """

    max_pixels: int = 200_000_000
    max_side_px: int = 30_000


_DEFAULTS = DecodeLimits()


def decode_gray(data: bytes, limits: DecodeLimits = _DEFAULTS) -> NDArray[np.uint8]:
    """Decode a JPEG, PNG, BMP or TIFF photograph to grey, upright by its EXIF orientation.

    Colour becomes luma (ITU-R BT.601). 16-bit grey is scaled by range, 65535 to 255: sensors
    that leave upper bits unused come out dark. JPEGs are decoded strictly: one that is cut
    short or damaged is refused, never padded with grey.

    Args:
        data: The whole file.
        limits: Largest picture to decode.

    Returns:
        (height, width) uint8.

    Raises:
        UnreadableImageError: With code ``"zero_bytes"``, ``"not_an_image"``,
            ``"unsupported"``, ``"too_large"``, ``"truncated"`` or ``"damaged"``.
    """
    if not data:
        raise UnreadableImageError("zero_bytes", "the file is empty (0 bytes); copy it again")
    if data.startswith(_JPEG):
        return _jpeg(data, limits)
    for signature, reader in _PILLOW_READERS:
        if data.startswith(signature):
            return _by_pillow(data, reader, limits)
    raise _unknown(data)


def _jpeg(data: bytes, limits: DecodeLimits) -> NDArray[np.uint8]:
    """Decode straight to gray with libjpeg-turbo; it takes the luma channel as it is."""
    try:
        height, width, _, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError:  # also rare chroma subsamplings, which Pillow reads
        return _by_pillow(data, JpegImageFile, limits)
    _refuse_size(height, width, limits)
    _refuse_scans(data)
    try:
        gray: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, colorspace="GRAY")
    except ValueError as error:
        raise _broken(data, error) from error
    return exif.upright(gray[:, :, 0], exif.jpeg_orientation(data))


def _by_pillow(
    data: bytes, reader: type[ImageFile.ImageFile], limits: DecodeLimits
) -> NDArray[np.uint8]:
    """Decode what libjpeg-turbo cannot; slower, for the odd file only."""
    try:
        with reader(io.BytesIO(data)) as image:
            width, height = image.size
            _refuse_size(height, width, limits)
            image.load()
            return _gray(ImageOps.exif_transpose(image))
    except _PILLOW_ERRORS as error:
        raise _broken(data, error) from error


def _gray(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode.startswith("I;16"):
        return (np.asarray(image) >> 8).astype(np.uint8)
    if image.mode in ("I", "F"):
        message = f"pixels of mode {image.mode} (32 bits) have no known range; convert to 8-bit"
        raise UnreadableImageError("unsupported", message)
    return np.array(image.convert("L"), np.uint8)


def _refuse_size(height: int, width: int, limits: DecodeLimits) -> None:
    if height < 1 or width < 1:
        message = f"the header says {width} x {height} px; copy the file again"
        raise UnreadableImageError("damaged", message)
    if max(height, width) > limits.max_side_px or height * width > limits.max_pixels:
        message = (
            f"{width} x {height} px is more than {limits.max_side_px:,} px a side or "
            f"{limits.max_pixels:,} px in all; raise the decode limits if it is a real photograph"
        )
        raise UnreadableImageError("too_large", message)


def _refuse_scans(data: bytes) -> None:
    """Refuse a JPEG that goes over its picture so often that decoding it takes minutes."""
    if data.find(_PROGRESSIVE, 0, HEAD_BYTES) < 0:
        return
    if (scans := data.count(_SCAN)) > _MOST_SCANS:
        message = f"a progressive JPEG of {scans} scans is not read; save it as an ordinary JPEG"
        raise UnreadableImageError("unsupported", message)


def _broken(data: bytes, error: Exception) -> UnreadableImageError:
    """Tell apart, by the decoder's own words, why an image of a known format fails."""
    words = " ".join(str(error).split()).rstrip(".")
    said = words.lower()
    if "precision" in said or "-bit layers" in said:
        message = f"a JPEG of more than 8 bits is not read ({words}); export 8-bit JPEG or PNG"
        return UnreadableImageError("unsupported", message)
    is_open_jpeg = data.startswith(_JPEG) and _JPEG_END not in data
    if is_open_jpeg or isinstance(error, EOFError) or "truncated" in said or "premature" in said:
        message = f"the file is cut short after {len(data):,} bytes ({words}); copy it again"
        return UnreadableImageError("truncated", message)
    message = f"the file is damaged or of a rare variant ({words}); copy it again or convert it"
    return UnreadableImageError("damaged", message)


def _unknown(data: bytes) -> UnreadableImageError:
    for signature, name in _UNSUPPORTED.items():
        if data.startswith(signature):
            message = f"{name} is not read; convert it to JPEG, PNG, BMP or TIFF"
            return UnreadableImageError("unsupported", message)
    message = f"no JPEG, PNG, BMP or TIFF: it begins with {data[:8]!r}; remove it from the run"
    return UnreadableImageError("not_an_image", message)
