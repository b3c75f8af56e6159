"""Decoding on a GPU, with a stand-in for the package that needs one: what goes there, what not."""

import io
import logging
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from catenary.domain.errors import UnreadableImageError
from catenary.imaging import gpu_decode
from catenary.imaging.decode import decode_gray


class Codec(SimpleNamespace):
    """Decodes as libjpeg-turbo does, one grey level brighter, and counts."""

    def __init__(self) -> None:
        super().__init__(ColorSpec=SimpleNamespace(GRAY="grey"), DecodeParams=dict)
        self.decoded = 0
        self.answer = lambda data: simplejpeg.decode_jpeg(data, colorspace="GRAY") + 1

    def Decoder(self, device_id: int) -> SimpleNamespace:  # noqa: N802 - the package's own name
        def decode(data: bytes, params: dict) -> SimpleNamespace | None:
            assert params == {"apply_exif_orientation": False, "color_spec": "grey"}
            self.decoded += 1
            pixels = self.answer(data)
            return None if pixels is None else SimpleNamespace(cpu=lambda: pixels)

        return SimpleNamespace(decode=decode)


@pytest.fixture
def codec(monkeypatch: pytest.MonkeyPatch) -> Codec:
    made = Codec()
    monkeypatch.setitem(sys.modules, "nvidia.nvimgcodec", made)
    return made


def picture(**options: object) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 200, (40, 56), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", **options)
    return file.getvalue()


def test_a_baseline_jpeg_is_decoded_there(codec: Codec):
    data = picture()
    found = gpu_decode.decoder(0)(data)
    assert (found == decode_gray(data) + 1).all()
    assert codec.decoded == 1


def test_an_exif_orientation_is_heeded(codec: Codec):
    exif = Image.Exif()
    exif[0x0112] = 6
    data = picture(exif=exif)
    found = gpu_decode.decoder(0)(data)
    assert found.shape == (56, 40)
    assert (found == decode_gray(data) + 1).all()


@pytest.mark.parametrize("options", [{"progressive": True}])
def test_other_jpegs_are_decoded_on_the_processor(codec: Codec, options: dict[str, object]):
    data = picture(**options)
    assert (gpu_decode.decoder(0)(data) == decode_gray(data)).all()
    assert codec.decoded == 0


@pytest.mark.parametrize("cut", [2, 10, 900])
def test_a_file_cut_short_is_refused_as_ever(codec: Codec, cut: int):
    data = picture()
    with pytest.raises(UnreadableImageError) as caught:
        gpu_decode.decoder(0)(data[:-cut])
    assert caught.value.code == "truncated"
    assert codec.decoded == 0


@pytest.mark.parametrize("answer", [None, np.zeros((3, 3, 1), np.uint8)])
def test_what_the_gpu_cannot_decode_is_decoded_on_the_processor(codec: Codec, answer: object):
    codec.answer = lambda data: answer
    data = picture()
    assert (gpu_decode.decoder(0)(data) == decode_gray(data)).all()
    assert codec.decoded == 1


def test_without_the_package_one_line_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setitem(sys.modules, "nvidia.nvimgcodec", None)
    with caplog.at_level(logging.WARNING):
        assert gpu_decode.decoder(0) is decode_gray
    (record,) = caplog.records
    assert "decoding on the processor" in record.getMessage()
