"""Sound that is piped into a command: raw samples, or a file of any format.

Raw little-endian int16 at 16 kHz mono is the rule, and is heard as it comes. A WAV stream of one channel (from arecord,
ffmpeg) is heard as it comes too, at any rate. Every other sound file is read to its end first.
"""

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np

from kws.audio.containers import data_chunk
from kws.audio.foreign import LARGEST_PIPE_BYTES, foreign_kind, mapped
from kws.audio.lengths import ENDLESS_BYTES
from kws.audio.mpeg import confirmed, header_at
from kws.audio.reading import open_sound
from kws.audio.resampling import SAMPLE_RATE_HZ, resampler, to_int16
from kws.errors import DataError

BLOCK_MS = 1_000
STDIN = "-"
PIPE = Path("standard input")
RAW_HINT = "ffmpeg -i FILE -f s16le -ar 16000 -ac 1 - | kws detect -"
ENOUGH_BYTES = 8_192  # of a file, to know what it is
PATIENCE_BYTES = 64  # of raw sound, before it is taken for that
_SOUND_FILES = (b"RIFF", b"RIFX", b"RF64", b"FORM", b".snd", b"dns.", b"caff", b"fLaC", b"OggS", b"ID3",
                b"riff\x2e\x91\xcf\x11", b"Creative Voice", b"NIST_1A", b"MATLAB 5.0", b" paf", b"fap ", b"2BIT",
                b"\x64\xa3", b"PVF1\n", b"Extended Instrument", b"ALawSoundFile")
_NO_SOUND = ((b"PK\x03\x04", "a zip archive"), (b"\x1f\x8b\x08", "a gzip file"), (b"%PDF", "a PDF file"),
             (b"\x89PNG", "a picture"), (b"\xff\xd8\xff\xe0", "a picture"), (b"\x7fELF", "a program"),
             (b"BZh9", "a bzip2 file"), (b"\xfd7zXZ", "an xz file"))


class Reader(Protocol):
    """What a pipe must be able to do: whatever has arrived, at most so many bytes; b"" at its end."""

    def read1(self, limit: int, /) -> bytes: ...


@dataclass(frozen=True, eq=False)
class PipeSound:
    """notices : what is done to the sound; blocks : int16 [n], 16 kHz mono; is_file : whether it ends."""

    notices: tuple[str, ...]
    blocks: Iterator[np.ndarray]
    is_file: bool


class Begun:
    """A pipe of which the beginning was read already."""

    def __init__(self, start: bytes, stream: Reader):
        self._start, self._stream = start, stream

    def read1(self, limit: int, /) -> bytes:
        if self._start:
            piece, self._start = self._start[:limit], self._start[limit:]
            return piece
        return self._stream.read1(limit)


def open_pipe(stream: Reader) -> PipeSound:
    """Find out what a pipe brings. Raises DataError for nothing, and for what is no sound, by name."""
    start = b""
    while len(start) < PATIENCE_BYTES and (more := stream.read1(ENOUGH_BYTES)):
        start += more
    if start[:4] == b"RIFF" and start[8:12] == b"WAVE":
        while len(start) < ENOUGH_BYTES and data_chunk(start, 0) is None and (more := stream.read1(ENOUGH_BYTES)):
            start += more
        live = live_wav(start)
        if live is not None:
            rate_hz, at = live
            notice = f"{PIPE}: WAV, resampled from {rate_hz} Hz to {SAMPLE_RATE_HZ} Hz"
            return PipeSound((notice,) if rate_hz != SAMPLE_RATE_HZ else (),
                             resampled(raw_blocks(Begun(start[at:], stream)), rate_hz), is_file=False)
    kind = foreign_kind(start)
    if kind or is_sound_file(start):
        sound = open_sound(PIPE, spooled(Begun(start, stream)))
        return PipeSound(sound.notices, sound.blocks(), is_file=True)
    refuse_no_sound(start)
    return PipeSound((), raw_blocks(Begun(start, stream)), is_file=False)


def is_sound_file(start: bytes) -> bool:
    """Whether bytes begin as a file that soundfile reads."""
    found = header_at(start, 0)
    return start.startswith(_SOUND_FILES) or (found is not None and len(start) > found.length + 4
                                              and confirmed(start, 0, found))


def live_wav(start: bytes) -> tuple[int, int] | None:
    """(rate in Hz, where the samples begin) of a WAV header whose sound is still being made: one channel of int16."""
    chunk, at = data_chunk(start, 0), start.find(b"fmt ")
    if chunk is None or not 12 <= at <= chunk[0] - 24 or 0 < chunk[1] < ENDLESS_BYTES:
        return None
    tag, channels, rate_hz, bits = (int.from_bytes(start[at + a:at + b], "little")
                                    for a, b in ((8, 10), (10, 12), (12, 16), (22, 24)))
    return (rate_hz, chunk[0]) if (tag, channels, bits) == (1, 1, 16) and 2_000 <= rate_hz <= 768_000 else None


def spooled(stream: Reader) -> memoryview | bytes:
    """Everything that a pipe brings, in a temporary file. Raises DataError if that is too much."""
    total = 0
    with tempfile.NamedTemporaryFile(prefix="kws-") as file:
        while data := stream.read1(1 << 20):
            total += len(data)
            if total > LARGEST_PIPE_BYTES:
                raise DataError(f"{PIPE}: a file of more than {LARGEST_PIPE_BYTES / 1e9:.0f} GB; pass it by name")
            file.write(data)
        file.flush()
        return mapped(Path(file.name))


def refuse_no_sound(start: bytes) -> None:
    """Raise DataError for what is surely no sound."""
    kind = next((name for magic, name in _NO_SOUND if start.startswith(magic)), None)
    if kind is None and len(start) >= PATIENCE_BYTES and all(32 <= byte < 127 or byte in b"\t\r\n" for byte in start):
        kind = "text"
    if kind is not None:
        raise DataError(f"{PIPE}: holds {kind}, not sound; pipe raw int16 samples at 16 kHz, or a sound file: "
                        f"{RAW_HINT}")


def resampled(blocks: Iterator[np.ndarray], rate_hz: int) -> Iterator[np.ndarray]:
    """int16 [n] at any rate -> int16 [n] at 16 kHz."""
    if rate_hz == SAMPLE_RATE_HZ:
        yield from blocks
        return
    stream = resampler(rate_hz)
    for block in blocks:
        yield to_int16(stream.resample_chunk(block.astype(np.float32) / np.float32(32768)))
    yield to_int16(stream.resample_chunk(np.zeros(0, np.float32), last=True))


def raw_blocks(stream: Reader) -> Iterator[np.ndarray]:
    """Raw int16 from a pipe -> int16 [n], as soon as something arrives; the pipe may cut samples in two.

    Raises DataError if the pipe holds nothing, or half a sample at its end.
    """
    rest = b""
    heard = False
    while data := stream.read1(2 * SAMPLE_RATE_HZ * BLOCK_MS // 1000):
        heard, data = True, rest + data
        rest = data[len(data) & ~1:]
        yield np.frombuffer(data[:len(data) & ~1], "<i2").astype(np.int16, copy=False)
    if not heard:
        raise DataError(f"standard input: is empty; pipe raw int16 samples at 16 kHz: {RAW_HINT}")
    if rest:
        raise DataError(f"standard input: ends in the middle of a sample; int16 has two bytes each: {RAW_HINT}")


def open_stdin() -> PipeSound:
    """open_pipe of standard input. Raises DataError if that is a keyboard."""
    if sys.stdin.isatty():
        raise DataError(f"standard input: is a terminal; pipe raw int16 samples at 16 kHz into it: {RAW_HINT}")
    buffer: BinaryIO = sys.stdin.buffer
    return open_pipe(buffer)  # type: ignore[arg-type]
