"""Creative Voice files: sound in blocks, each with a length, some with a rate and a coding of their own.

A file of several blocks becomes WAV, one file after the other where the rate or the coding changes: libsndfile knows
files of one block, and takes the heads of further ones for samples.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kws.errors import DataError

Buffer = bytes | memoryview
MAGIC = b"Creative Voice File\x1a"
LONGEST_SILENCE_S = 3 * 3_600  # seven bytes of a file ask for up to seventeen seconds
MOST_SILENT_BYTES = 500_000_000  # of the silence when it is written out
ODD_BYTES = 4_096  # behind the end mark, without being worth a word
HIGHEST_HZ = 768_000
TAIL_BYTES = 16  # sox counts the last block of 16 bits a little short, and its rest is no block
_END, _SOUND, _MORE, _SILENCE, _MARKER, _TEXT, _REPEAT, _REPEAT_END, _EXTENDED, _SOUND_NEW = range(10)
_HEADS = {_SOUND: 2, _MORE: 0, _SILENCE: 3, _EXTENDED: 4, _SOUND_NEW: 12}  # bytes before the samples
_CODINGS = {0: (1, 8, b"\x80"), 4: (1, 16, b"\0\0"), 6: (6, 8, b"\xd5"), 7: (7, 8, b"\xff")}  # WAV tag, bits, silence


@dataclass(frozen=True)
class Coding:
    """How the samples of a block are stored; code : as the file counts them."""

    rate_hz: int
    channels: int
    code: int

    @property
    def frame_bytes(self) -> int:
        return self.channels * _CODINGS[self.code][1] // 8

    def silence(self, seconds: float) -> bytes:
        return _CODINGS[self.code][2] * (self.silent_frames(seconds) * self.channels)

    def silent_frames(self, seconds: float) -> int:
        return round(seconds * self.rate_hz)

    def wav(self, sound: bytes) -> bytes:
        """A WAV file of these samples."""
        tag, bits, _ = _CODINGS[self.code]
        head = struct.pack("<HHIIHHH", tag, self.channels, self.rate_hz, self.rate_hz * self.frame_bytes,
                           self.frame_bytes, bits, 0)
        body = b"WAVEfmt " + struct.pack("<I", len(head)) + head + b"data" + struct.pack("<I", len(sound))
        return b"RIFF" + struct.pack("<I", len(body) + len(sound) + len(sound) % 2) + body + sound + bytes(
            len(sound) % 2)


@dataclass
class _Reader:
    """What was read so far. runs : sound of one coding after the other; silent_s : of silence before the next sound."""

    path: Path
    runs: list[tuple[Coding, bytearray]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    extended: Coding | None = None
    silent_s: float = 0.0
    all_silent_s: float = 0.0
    silent_bytes: int = 0

    def add(self, coding: Coding, sound: Buffer) -> None:
        if coding.code not in _CODINGS:
            raise DataError(f"{self.path}: its sound is packed (code {coding.code} of Creative Voice files), which is "
                            "not read; convert it to WAV, with ffmpeg for example")
        if not coding.channels:
            raise self.damaged("a block of sound without channels")
        if coding.rate_hz > HIGHEST_HZ:
            raise self.damaged(f"a block of sound with {coding.rate_hz:,} Hz")
        if not self.runs or self.runs[-1][0] != coding:
            self.runs.append((coding, bytearray()))
        run = self.runs[-1][1]
        del run[len(run) - len(run) % coding.frame_bytes:]
        self.flush_silence()
        run += sound

    def flush_silence(self) -> None:
        if self.runs and self.silent_s:
            coding = self.runs[-1][0]
            self.silent_bytes += coding.silent_frames(self.silent_s) * coding.frame_bytes
            if self.silent_bytes > MOST_SILENT_BYTES:
                raise self.too_silent()
            self.runs[-1][1].extend(self.runs[-1][0].silence(self.silent_s))
            self.silent_s = 0.0

    def silence(self, seconds: float) -> None:
        self.silent_s += seconds
        self.all_silent_s += seconds
        if self.all_silent_s > LONGEST_SILENCE_S:
            raise self.too_silent()

    def too_silent(self) -> DataError:
        return DataError(f"{self.path}: asks for more than {LONGEST_SILENCE_S // 3_600} hours of silence, or "
                         f"{MOST_SILENT_BYTES // 1_000_000} MB; replace or remove it")

    def damaged(self, what: str) -> DataError:
        return DataError(f"{self.path}: cannot be read as audio ({what} in a Creative Voice file); replace or remove "
                         "it")

    def note(self, line: str) -> None:
        if line not in self.notices:
            self.notices.append(line)


def is_voc(data: Buffer) -> bool:
    return bytes(data[:len(MAGIC)]) == MAGIC


def to_wav(path: Path, data: Buffer) -> tuple[bytes, tuple[str, ...]]:
    """A Creative Voice file, or several joined, as WAV files one after the other; and what a person should know.

    Raises DataError for a file without sound, for codings that are not read, and for blocks that there are not.
    """
    reader = _Reader(path)
    for kind, head, sound in blocks(data, reader):
        take(reader, kind, head, sound)
    reader.flush_silence()
    if not any(run for _, run in reader.runs):
        raise DataError(f"{path}: holds no samples; replace or remove it")
    return b"".join(coding.wav(bytes(run)) for coding, run in reader.runs if run), tuple(reader.notices)


def take(reader: _Reader, kind: int, head: bytes, sound: Buffer) -> None:
    """Add one block to what was read."""
    if kind == _SOUND:
        coding = reader.extended or Coding(1_000_000 // (256 - head[0]), 1, head[1])
        reader.extended = None
        reader.add(coding, sound)
    elif kind == _SOUND_NEW:
        rate_hz, bits, channels, code = struct.unpack("<IBBH", head[:8])
        if code in _CODINGS and bits != _CODINGS[code][1]:
            raise reader.damaged(f"{bits} bits with coding {code}")
        reader.add(Coding(rate_hz, channels, code), sound)
    elif kind == _MORE:
        if not reader.runs:
            raise reader.damaged("a block that continues none")
        reader.flush_silence()
        reader.runs[-1][1].extend(sound)
    elif kind == _SILENCE:
        length, divisor = struct.unpack("<HB", head)
        reader.silence((length + 1) * (256 - divisor) / 1_000_000)
    elif kind == _EXTENDED:
        constant, code, mode = struct.unpack("<HBB", head)
        channels = 2 if mode else 1
        reader.extended = Coding(256_000_000 // (channels * (65_536 - constant)), channels, code)
    elif kind == _REPEAT:
        reader.note("a part of it is marked to be repeated: heard once")


def blocks(data: Buffer, reader: _Reader) -> Iterator[tuple[int, bytes, Buffer]]:
    """(kind, fields before the samples, samples) of each block; behind an end mark another file may begin."""
    at = begin(data, 0)
    while at < len(data):
        kind = data[at]
        if kind == _END:
            if is_voc(data[at + 1:at + 1 + len(MAGIC)]):
                reader.note("several recordings joined in one file, heard one after the other")
                at = begin(data, at + 1)
                continue
            if len(data) - at - 1 > ODD_BYTES:
                reader.note(f"{len(data) - at - 1:,} bytes lie behind its end mark, and are not heard")
            return
        size = int.from_bytes(data[at + 1:at + 4], "little")
        if reader.runs and len(data) - at <= TAIL_BYTES and (kind > _SOUND_NEW or at + 4 + size > len(data)):
            return
        if kind > _SOUND_NEW:
            raise reader.damaged(f"a block of unknown kind {kind} at byte {at:,}")
        start, end = at + 4 + _HEADS.get(kind, 0), at + 4 + size
        if end > len(data):
            reader.note(f"is cut off: {end - len(data):,} bytes that its last block promises are missing")
        if start > min(end, len(data)):
            if end <= len(data):
                raise reader.damaged(f"a block of {size} bytes and kind {kind} at byte {at:,}")
            return
        yield kind, bytes(data[at + 4:start]), data[start:min(end, len(data))]
        at = end


def begin(data: Buffer, at: int) -> int:
    """Where the first block of the file at `at` lies."""
    return at + max(int.from_bytes(data[at + 20:at + 22], "little"), 26)
