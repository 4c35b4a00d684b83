"""Where samples come from: blocks of int16 at 16 kHz mono, in constant memory however long the audio is.

Files of any rate, channel count and format that soundfile reads: channels are averaged, other rates resampled, and what
passes full scale is clipped (a stream cannot know what comes). Standard input: raw little-endian int16 at 16 kHz mono.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ
from kws.errors import DataError

BLOCK_MS = 1_000
STDIN = "-"
RAW_HINT = "ffmpeg -i FILE -f s16le -ar 16000 -ac 1 - | kws detect -"


@dataclass(frozen=True)
class AudioFile:
    """An open file, before its first block.

    rate_hz, channels : as the file is; seconds : its length
    """

    path: Path
    rate_hz: int
    channels: int
    seconds: float
    blocks: Iterator[np.ndarray]

    @property
    def notice(self) -> str | None:
        """What is done to the audio, in words; None for 16 kHz mono."""
        done = []
        if self.rate_hz != SAMPLE_RATE_HZ:
            done.append(f"resampled from {self.rate_hz} Hz to {SAMPLE_RATE_HZ} Hz")
        if self.channels > 1:
            done.append(f"{self.channels} channels averaged")
        return f"{self.path}: {', '.join(done)}" if done else None


@contextmanager
def open_audio(path: Path) -> Iterator[AudioFile]:
    """Open an audio file; its `blocks` are int16 [up to 16000], 16 kHz mono, read while they are iterated.

    Raises DataError for a file that is missing, cannot be decoded (here or in the middle), or holds no samples.
    """
    import soundfile

    if path.is_dir():
        raise DataError(f"{path}: is a folder; name the files in it, for example {path}/*.wav")
    if not path.exists():
        raise DataError(f"{path}: there is no such file; check the name")
    try:
        file = soundfile.SoundFile(path)
    except (soundfile.SoundFileError, OSError, TypeError, ValueError) as error:
        raise unreadable(path, error) from error
    with file:
        if file.frames == 0:
            raise DataError(f"{path}: holds no samples; replace or remove it")
        plain = file.subtype == "PCM_16" and file.channels == 1 and file.samplerate == SAMPLE_RATE_HZ
        blocks = plain_blocks(path, file) if plain else converted_blocks(path, file)
        yield AudioFile(path, file.samplerate, file.channels, file.frames / file.samplerate, blocks)


def unreadable(path: Path, error: Exception) -> DataError:
    """The error for a file that cannot be decoded."""
    reason = str(error).rpartition(": ")[2].rstrip(".") or type(error).__name__
    return DataError(f"{path}: cannot be read as audio ({reason}); replace or remove it, or convert it to WAV")


def read_blocks(path: Path, file, *, dtype: str) -> Iterator[np.ndarray]:
    """Frames [n, channels] of an open soundfile, one second at a time."""
    import soundfile

    frames = max(file.samplerate * BLOCK_MS // 1000, 1)
    while True:
        try:
            block = file.read(frames, dtype=dtype, always_2d=True)
        except (soundfile.SoundFileError, OSError, ValueError) as error:
            raise unreadable(path, error) from error
        if len(block) == 0:
            return
        yield block


def plain_blocks(path: Path, file) -> Iterator[np.ndarray]:
    """16-bit mono at 16 kHz comes out as it is."""
    for block in read_blocks(path, file, dtype="int16"):
        yield block[:, 0]


def converted_blocks(path: Path, file) -> Iterator[np.ndarray]:
    """Average the channels, resample, round to int16."""
    import soxr

    stream = soxr.ResampleStream(file.samplerate, SAMPLE_RATE_HZ, 1, dtype="float32")
    for block in read_blocks(path, file, dtype="float32"):
        if not np.isfinite(block).all():
            raise DataError(f"{path}: holds values that are not finite; replace or remove it")
        mono = block.mean(axis=1)
        yield to_int16(stream.resample_chunk(mono) if file.samplerate != SAMPLE_RATE_HZ else mono)
    if file.samplerate != SAMPLE_RATE_HZ:
        yield to_int16(stream.resample_chunk(np.zeros(0, np.float32), last=True))


def to_int16(audio: np.ndarray) -> np.ndarray:
    """float [n], full scale 1.0 -> int16 [n], clipped."""
    return np.clip(np.rint(audio * np.float32(32768.0)), -32768, 32767).astype(np.int16)


def raw_blocks(stream: BinaryIO) -> Iterator[np.ndarray]:
    """Raw int16 from a pipe -> int16 [n], as soon as something arrives; the pipe may cut samples in two.

    Raises DataError where the pipe holds an audio file instead of raw samples, nothing, or half a sample at its end.
    """
    rest = b""
    heard = False
    while data := stream.read1(2 * SAMPLE_RATE_HZ * BLOCK_MS // 1000):
        if not heard and (rest + data)[:4] in (b"RIFF", b"fLaC", b"OggS"):
            raise DataError(f"standard input: holds an audio file; pass the file by name, or raw samples: {RAW_HINT}")
        heard, data = True, rest + data
        rest = data[len(data) & ~1:]
        yield np.frombuffer(data[:len(data) & ~1], "<i2").astype(np.int16, copy=False)
    if not heard:
        raise DataError(f"standard input: is empty; pipe raw int16 samples at 16 kHz: {RAW_HINT}")
    if rest:
        raise DataError(f"standard input: ends in the middle of a sample; int16 has two bytes each: {RAW_HINT}")


def stdin_blocks() -> Iterator[np.ndarray]:
    """raw_blocks of standard input. Raises DataError where that is a keyboard."""
    if sys.stdin.isatty():
        raise DataError(f"standard input: is a terminal; pipe raw int16 samples at 16 kHz into it: {RAW_HINT}")
    return raw_blocks(sys.stdin.buffer)
