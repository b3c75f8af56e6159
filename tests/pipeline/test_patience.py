"""A source that goes away stops a scan for a while, and no photograph is blamed."""

import logging
import threading
import time

import pytest

from catenary.domain.errors import SourceGoneError, UnreadableImageError
from catenary.domain.image import ImageRef
from catenary.pipeline.patience import Patience

REF = ImageRef("run", "a", "a.jpg", "a.jpg")


class Share:
    """Is away for the first ``times`` reads."""

    def __init__(self, times: int) -> None:
        self.left = times
        self.reads = 0

    def read(self, ref: ImageRef) -> bytes:
        self.reads += 1
        if self.left:
            self.left -= 1
            raise SourceGoneError("the share cannot be reached")
        return ref.image_id.encode()


def test_it_reads_on_when_the_source_is_back(caplog: pytest.LogCaptureFixture):
    share = Share(3)
    with caplog.at_level(logging.WARNING):
        assert Patience(60.0, first_pause_s=0.001).read(share.read, REF) == b"a"
    assert share.reads == 4
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2  # once that it is gone, once that it is back
    assert "the share cannot be reached" in told[0]
    assert "is back" in told[1]


def test_it_does_not_wait_for_ever():
    share = Share(10**6)
    started = time.monotonic()
    with pytest.raises(SourceGoneError):
        Patience(0.05, first_pause_s=0.001).read(share.read, REF)
    assert share.reads > 1
    assert time.monotonic() - started >= 0.05


def test_without_patience_it_does_not_wait():
    share = Share(1)
    with pytest.raises(SourceGoneError):
        Patience().read(share.read, REF)
    assert share.reads == 1


def test_a_photograph_that_cannot_be_read_is_not_waited_for():
    def read(ref: ImageRef) -> bytes:
        raise UnreadableImageError("missing", f"{ref.file_name} is missing")

    with pytest.raises(UnreadableImageError):
        Patience(60.0).read(read, REF)


def test_whoever_waits_is_woken_when_the_scan_ends():
    share, patience, ended = Share(10**6), Patience(3600.0, first_pause_s=3600.0), []

    def wait() -> None:
        with pytest.raises(SourceGoneError):
            patience.read(share.read, REF)
        ended.append(True)

    thread = threading.Thread(target=wait)
    thread.start()
    while not share.reads:
        time.sleep(0.001)
    patience.give_up()
    thread.join(20)
    assert ended
