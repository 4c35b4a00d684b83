"""Files whose header does not know how long the sound is: one cannot go back in a pipe, and a cut file never did."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kws.audio.files import read_samples
from kws.audio.lengths import mended
from kws.audio.reading import open_sound

SAMPLES = np.random.default_rng(5).integers(-9_000, 9_000, 40_000).astype(np.int16)
BYTES = 2 * len(SAMPLES)


def written(container: str, **options: str) -> bytes:
    data = io.BytesIO()
    soundfile.write(data, SAMPLES, 16_000, format=container, subtype="PCM_16", **options)
    return data.getvalue()


def replaced(data: bytes, at: int, value: bytes) -> bytes:
    return data[:at] + value + data[at + len(value):]


def caf(size: int) -> bytes:
    data = written("CAF")
    return replaced(data, data.find(b"data\0") + 4, size.to_bytes(8, "big", signed=True))


def aiff(size: int) -> bytes:
    """As a recorder begins one: no length of the file, no number of frames, and a length of the sound."""
    data = written("AIFF")
    data = replaced(replaced(data, 4, bytes(4)), data.find(b"COMM") + 10, bytes(4))
    return replaced(data, data.find(b"SSND") + 4, size.to_bytes(4, "big"))


def au(size: int) -> bytes:
    return replaced(written("AU"), 8, size.to_bytes(4, "big"))


def au_reversed(size: int) -> bytes:
    return replaced(written("AU", endian="LITTLE"), 8, size.to_bytes(4, "little"))


def w64(size: int) -> bytes:
    data = written("W64")
    return replaced(data, data.find(b"data\xf3") + 16, size.to_bytes(8, "little"))


def rf64(size: int) -> bytes:
    data = written("RF64")
    at = data.find(b"ds64") + 8
    return replaced(replaced(data, at, bytes(8)), at + 8, size.to_bytes(8, "little"))


UNKNOWN = [(caf, -1), (aiff, 0), (aiff, 0xFFFFFFFF), (aiff, 0x7FFFFFFF), (au, 0xFFFFFFFF), (au_reversed, 0xFFFFFFFF),
           (w64, 0), (w64, (1 << 64) - 1), (rf64, 0), (rf64, (1 << 64) - 1)]


@pytest.mark.parametrize(("made", "size"), UNKNOWN)
@pytest.mark.parametrize("cut", [0, 30_000, 30_001])
def test_sound_of_unknown_length_is_read_to_the_end_of_the_file(made, size, cut):
    data = made(size)
    end = data.find(SAMPLES[:8].astype("<i2" if made in (w64, rf64, au_reversed) else ">i2").tobytes()) + BYTES - cut
    samples = read_samples(Path("a"), data=data[:end])
    assert len(samples) == (BYTES - cut) // 2 and (samples == SAMPLES[:len(samples)]).all()
    assert open_sound(Path("a"), data[:end]).notices == ()


@pytest.mark.parametrize(("made", "size"), [(caf, 1_004), (caf, 4), (caf, 1_000_000), (aiff, 1_008), (aiff, 1_000_000),
                                            (au, 1_000), (au, 0), (w64, 1_024), (w64, 1_000_024), (rf64, 1_000)])
def test_a_length_that_is_not_true_is_said_and_all_is_read(made, size):
    data = made(size)
    opened = open_sound(Path("a"), data)
    assert (np.concatenate(list(opened.blocks()))[:len(SAMPLES)] == SAMPLES).all()
    assert len(opened.notices) == 1 and opened.notices[0].startswith("a: its header says ")
    assert opened.notices[0].endswith(" bytes are there: read to the end")


@pytest.mark.parametrize("container", ["CAF", "AIFF", "AU", "W64", "RF64"])
def test_a_true_header_is_left_alone(container):
    assert mended(written(container)) is None


def test_chunks_behind_the_sound_are_no_sound():
    for data, chunk in ((written("CAF"), b"free" + (6_000).to_bytes(8, "big") + bytes(6_000)),
                        (written("AIFF"), b"ANNO" + (6_000).to_bytes(4, "big") + b" " * 6_000)):
        assert mended(data + chunk) is None and (read_samples(Path("a"), data=data + chunk) == SAMPLES).all()


def test_a_header_without_end_is_given_up():
    """A chunk of no length, again and again: as many as a file of 100 MB holds would take a minute."""
    data = b"FORM" + bytes(4) + b"AIFF" + b"ANNO\0\0\0\0" * 12_000_000
    assert mended(data) is None
