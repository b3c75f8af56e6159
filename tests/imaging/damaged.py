"""Files as disks, cameras and people damage them, and files that are meant to do harm; seeded."""

import io
import random
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice, pairwise

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

DONE = "done"
SHORT = frozenset({"truncated", "damaged", "not_an_image", "zero_bytes"})
REASONS = SHORT | {"unsupported", "too_large"}
ANY = REASONS | {DONE}
HEIGHT, WIDTH = 150, 200


@dataclass(frozen=True, slots=True)
class Damaged:
    """A file and how it may end.

    Attributes:
        kind: What was done to it.
        data: Its bytes.
        allowed: ``"done"`` and reason codes.
    """

    kind: str
    data: bytes
    allowed: frozenset[str]


def scene() -> NDArray[np.uint8]:
    """Return a (150, 200) night picture that passes the quality gate."""
    pixels = np.random.default_rng(0).integers(0, 12, (HEIGHT, WIDTH), np.uint8)
    cv2.line(pixels, (10, 140), (190, 12), 200, 5)
    cv2.rectangle(pixels, (40, 40), (120, 52), 220, -1)
    return pixels


def saved(form: str = "JPEG", mode: str = "L", **options: object) -> bytes:
    """Return the scene encoded by Pillow."""
    buffer = io.BytesIO()
    Image.fromarray(scene()).convert(mode).save(buffer, form, **options)
    return buffer.getvalue()


def _restarted() -> bytes:
    options = [cv2.IMWRITE_JPEG_RST_INTERVAL, 3]
    return bytes(cv2.imencode(".jpg", scene(), options)[1].tobytes())


def turned(orientation: int) -> bytes:
    """Return the scene with an EXIF orientation."""
    tags = Image.Exif()
    tags[0x0112] = orientation
    return saved(exif=tags)


BASES = {
    "baseline": saved(quality=90),
    "progressive": saved(progressive=True, quality=90),
    "with restarts": _restarted(),
    "with EXIF": turned(6),
    "colour": saved(mode="RGB"),
}


def markers(data: bytes) -> list[int]:
    """Return where the markers of a JPEG stand."""
    return [
        place
        for place in range(len(data) - 1)
        if data[place] == 0xFF and data[place + 1] not in (0x00, 0xFF)
    ]


def cut_at_markers() -> Iterator[Damaged]:
    """Cut each form before, in and behind each of its markers."""
    for name, data in BASES.items():
        for place in markers(data):
            for more in (0, 1, 2, 3, 7):
                if place + more < len(data):
                    yield Damaged(f"{name} cut at a marker", data[: place + more], SHORT)


def of_wrong_size() -> Iterator[Damaged]:
    """Write other heights and widths into the headers of whole files."""
    for name, data in BASES.items():
        start = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2")) + 5
        for height, width in ((0, WIDTH), (HEIGHT, 0), (0, 0), (1, 1), (HEIGHT, 1), (8, 8),
                              (HEIGHT + 1, WIDTH), (HEIGHT, WIDTH + 9), (2000, 2000),
                              (65535, 65535), (65535, 1), (29_999, 6_000)):  # fmt: skip
            wrong = data[:start] + struct.pack(">HH", height, width) + data[start + 4 :]
            yield Damaged(f"{name} of {width} x {height}", wrong, ANY)


def bombs() -> Iterator[Damaged]:
    """Write small files that ask for much memory or time."""
    too_large = frozenset({"too_large"})
    for side in (29_000, 60_000):
        yield Damaged("huge PNG", _png(side, side, zlib.compress(bytes(100_000))), too_large)
    deep = zlib.compress(bytes(50_000_000), 9)
    yield Damaged("PNG of too much data", _png(WIDTH, HEIGHT, deep), ANY)
    text = _chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(100_000_000), 9))
    whole = saved("PNG")
    yield Damaged("PNG with a huge text", whole[:33] + text + whole[33:], ANY)
    yield Damaged("progressive of many scans", of_scans(300), frozenset({"unsupported"}))
    bmp = bytearray(saved("BMP"))
    bmp[18:26] = struct.pack("<ii", 100_000, 100_000)
    yield Damaged("huge BMP", bytes(bmp), too_large)


def of_scans(count: int) -> bytes:
    """Return a progressive JPEG that says the same of its last coefficients again and again."""
    data = BASES["progressive"]
    last = data.rfind(b"\xff\xda")
    return data[:last] + data[last:-2] * count + b"\xff\xd9"


def _chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content)) + kind + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )  # fmt: skip


def _png(width: int, height: int, content: bytes) -> bytes:
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + _chunk(b"IDAT", content) + _chunk(b"IEND", b"")


def rare_forms() -> Iterator[Damaged]:
    """Write forms that are rare, and coding processes that decoders may not know."""
    done = frozenset({DONE})
    for orientation in range(1, 9):
        yield Damaged(f"turned {orientation}", turned(orientation), done)
    yield Damaged("CMYK", saved(mode="CMYK"), done)
    yield Damaged("4:1:1", saved(mode="RGB", subsampling="4:1:1"), done)
    for form in ("PNG", "TIFF", "BMP"):
        yield Damaged(f"{form} named .jpg", saved(form), done)
    for form in ("GIF", "WEBP", "JPEG2000"):
        yield Damaged(f"{form} named .jpg", saved(form), frozenset({"unsupported"}))
    for compression in ("tiff_lzw", "tiff_deflate", "packbits", "jpeg"):
        yield Damaged(f"TIFF {compression}", saved("TIFF", compression=compression), ANY)
    data = BASES["baseline"]
    frame = data.find(b"\xff\xc0")
    twelve = data[: frame + 4] + b"\x0c" + data[frame + 5 :]
    yield Damaged("12-bit", twelve, frozenset({"unsupported"}))
    # 3 lossless, 5-7 hierarchical, 9 and 10 arithmetic, 11 lossless arithmetic, F7 JPEG-LS
    for code in (0xC1, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xF7):
        changed = data[: frame + 1] + bytes([code]) + data[frame + 2 :]
        yield Damaged(f"coding process {code:02X}", changed, ANY)


def other_files() -> Iterator[Damaged]:
    """Write what is no photograph, under the name of one."""
    other = frozenset({"not_an_image"})
    for name, data in {
        "text": "杆号 公里标\n".encode() * 20, "HTML": b"<!doctype html><p>404</p>",
        "PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "ZIP": b"PK\x03\x04" + bytes(60),
        "MP4": b"\0\0\0\x18ftypmp42" + bytes(60), "zeros": bytes(4096), "ones": b"\xff" * 4096,
        "SQLite": b"SQLite format 3\0" + bytes(84), "JSON": b'{"a": 1}',
        "a photograph behind garbage": b"\r\n\r\n" + BASES["baseline"],
    }.items():  # fmt: skip
        yield Damaged(name, data, other)
    yield Damaged("nothing", b"", frozenset({"zero_bytes"}))
    yield Damaged("one byte", b"\xff", other)
    for start in (b"\xff\xd8", b"\xff\xd8\xff", b"\xff\xd8\xff\xd9", b"\x89PNG\r\n\x1a\n", b"BM"):
        yield Damaged("a signature", start, SHORT)


def put_together_wrongly() -> Iterator[Damaged]:
    """Write what copying programs and cameras make of whole files."""
    for name, data in BASES.items():
        half = len(data) // 2
        for garbage in (bytes(1000), b"\xff" * 77, data, b"\xff\xd8\xff\xe0", b"\0\xff\xd9" * 9):
            yield Damaged(f"{name} with a tail", data + garbage, frozenset({DONE}))
        yield Damaged(f"{name} of several beginnings", b"\xff\xd8" * 3 + data[2:], ANY)
        yield Damaged(f"{name} inside itself", data[:half] + data + data[half:], ANY)
        yield Damaged(f"{name} filled up with zeros", data[:half] + bytes(half), SHORT)
        yield Damaged(f"{name} with halves exchanged", data[half:] + data[:half], REASONS)
        places = [*markers(data), len(data)]
        for start, end in pairwise(places):
            yield Damaged(f"{name} without a segment", data[:start] + data[end:], ANY)


def with_flipped_bits(chance: random.Random) -> Iterator[Damaged]:
    """Flip some bits, half of the time near the beginning; never ends."""
    others = {form: saved(form) for form in ("PNG", "TIFF", "BMP")}
    for name, data in cycle({**BASES, **others}.items()):
        changed = bytearray(data)
        reach = len(data) if chance.random() < 0.5 else min(len(data), 300)
        for _ in range(chance.randint(1, 5)):
            changed[chance.randrange(reach)] ^= 1 << chance.randrange(8)
        yield Damaged(f"{name} with flipped bits", bytes(changed), ANY)


def files(count: int, seed: int = 0) -> list[Damaged]:
    """Return so many files, at least 700: every kind, then ones with flipped bits."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    kinds = (rare_forms(), other_files(), bombs(), put_together_wrongly(), of_wrong_size())
    found = [one for kind in kinds for one in kind]
    found += chance.sample(list(cut_at_markers()), count // 3)
    return [*found, *islice(with_flipped_bits(chance), count - len(found))]
