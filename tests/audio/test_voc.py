"""Creative Voice files of several blocks."""

import struct
from pathlib import Path

import numpy as np
import pytest

from kws.audio.files import read_samples
from kws.audio.reading import open_sound
from kws.audio.voc import MAGIC
from kws.errors import DataError

HEAD = MAGIC + struct.pack("<HHH", 26, 0x10A, 0x1129)
SAMPLES = np.random.default_rng(6).integers(-9_000, 9_000, 40_000).astype(np.int16)
PCM = SAMPLES.astype("<i2").tobytes()


def block(kind: int, content: bytes) -> bytes:
    return bytes([kind]) + len(content).to_bytes(3, "little") + content


def new(sound: bytes, *, rate_hz: int = 16_000, bits: int = 16, channels: int = 1, code: int = 4) -> bytes:
    return block(9, struct.pack("<IBBHI", rate_hz, bits, channels, code, 0) + sound)


def heard(*blocks: bytes) -> np.ndarray:
    return read_samples(Path("a"), data=HEAD + b"".join(blocks))


def remarks(*blocks: bytes) -> tuple[str, ...]:
    return open_sound(Path("a"), HEAD + b"".join(blocks)).remarks


@pytest.mark.parametrize("cuts", [(), (30_000,), (1, 2, 3, 40_000), (10_001, 20_002, 20_003)])
@pytest.mark.parametrize("end", [b"\0", b""])
def test_blocks_that_continue_one_are_one_sound(cuts, end):
    first, *more = (PCM[a:b] for a, b in zip((0, *cuts), (*cuts, len(PCM)), strict=True))
    parts = (new(first), *(block(2, part) for part in more), end)
    assert (heard(*parts) == SAMPLES).all() and remarks(*parts) == ()


def test_blocks_with_heads_of_their_own_are_one_sound():
    assert (heard(new(PCM[:20_000]), block(4, b"\1\0"), new(PCM[20_000:]), b"\0") == SAMPLES).all()


def test_the_first_kind_of_block_and_the_one_that_extends_it():
    """8 bits at 1,000,000 / (256 - 6) = 4,000 Hz; the extended head says 8,000 Hz, and two channels."""
    sound = bytes(range(100, 150)) * 200
    assert len(heard(block(1, bytes([6, 0]) + sound), b"\0")) == 40_000
    extended = block(8, struct.pack("<HBB", 65_536 - 256_000_000 // 16_000, 0, 1))
    opened = open_sound(Path("a"), HEAD + extended + block(1, bytes([6, 0]) + sound) + b"\0")
    assert (opened.rate_hz, opened.channels, opened.seconds) == (8_000, 2, 10_000 / 2 / 8_000)


def test_other_rates_in_one_file_are_heard_one_after_the_other():
    samples = heard(new(PCM), new(PCM, rate_hz=8_000), b"\0")
    assert len(samples) == 40_000 + 80_000 and (samples[:40_000] == SAMPLES).all()


def test_silence_is_silence():
    """A length of 16 bits, less one, at a rate of its own: 0.5 s."""
    silence = block(3, struct.pack("<HB", 4_999, 256 - 100))
    samples = heard(new(PCM), silence, block(2, PCM), silence, b"\0")
    assert (samples == np.concatenate([SAMPLES, np.zeros(8_000), SAMPLES, np.zeros(8_000)])).all()


@pytest.mark.parametrize(("code", "quiet"), [(6, 0xD5), (7, 0xFF)])
def test_logarithmic_samples_are_heard(code, quiet):
    samples = heard(new(bytes([quiet]) * 8_000 + bytes([0x80]) * 8_000, bits=8, code=code), b"\0")
    assert np.abs(samples[:8_000]).max() <= 8 and np.abs(samples[8_000:]).min() > 5_000


def test_text_is_passed_over_and_joined_files_are_heard():
    file = HEAD + block(5, b"anna\0") + new(PCM) + b"\0"
    assert (read_samples(Path("a"), data=file + file) == np.tile(SAMPLES, 2)).all()
    assert open_sound(Path("a"), file + file).remarks == (
        "several recordings joined in one file, heard one after the other",)


def test_what_is_not_heard_is_told():
    assert "marked to be repeated" in remarks(block(6, b"\1\0"), new(PCM), block(7, b""), b"\0")[0]
    assert "20,000 bytes that its last block promises are missing" in remarks(new(PCM)[:-20_000])[0]
    assert "9,000 bytes lie behind its end mark" in remarks(new(PCM), b"\0", bytes(9_000))[0]


@pytest.mark.parametrize(("blocks", "reason"), [
    ((new(PCM, bits=4, code=1),), r"its sound is packed \(code 1 of Creative Voice files\), which is not read"),
    ((new(PCM, bits=8),), "8 bits with coding 4"), ((new(PCM, channels=0),), "without channels"),
    ((block(2, PCM),), "a block that continues none"), ((b"\0",), "holds no samples"), ((), "holds no samples"),
    ((new(PCM), block(77, PCM)), "a block of unknown kind 77 at byte 80,042"),
    ((new(PCM), block(1, b""), new(PCM)), "a block of 0 bytes and kind 1"),
    ((new(PCM), block(3, struct.pack("<HB", 65_535, 0)) * 1_000), "more than 3 hours of silence"),
    ((new(PCM, rate_hz=768_000, channels=64), block(3, struct.pack("<HB", 65_535, 0)), block(2, PCM)), "or 500 MB"),
    ((new(PCM, rate_hz=1 << 31),), "a block of sound with 2,147,483,648 Hz"),
    ((new(PCM, rate_hz=10),), "has a rate of 10 Hz")])
def test_damage_and_what_is_not_read_are_one_line(blocks, reason):
    with pytest.raises(DataError, match=rf"^a: .*{reason}.*; (replace|convert)"):
        heard(*blocks)
