"""Any sound file to frames: every piece of it, to its end, in blocks of a second."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np

from kws.audio import encodings, foreign, voc
from kws.audio.containers import Buffer, Piece, Stretch, find_pieces, flac_samples
from kws.errors import DataError

LOWEST_HZ, HIGHEST_HZ = 2_000, 768_000  # rates that sound has
MOST_CHANNELS = 64
LARGEST_BLOCK = 1 << 20  # frames times channels
DType = Literal["int16", "float32", "float64"]
MOST_PER_BYTE = 10_000  # samples that a byte of a file may stand for, before its header is not believed
_BOUNDLESS = 1 << 40  # frames that no file holds: the decoder does not know


@dataclass(frozen=True, eq=False)
class Part:
    """A piece of a file, before it is decoded.

    subtype : soundfile's word for how samples are stored; frames : by the header, 0 if that does not say
    """

    path: Path
    data: Buffer
    piece: Piece
    rate_hz: int
    channels: int
    container: str
    subtype: str
    frames: int

    @property
    def plain_integers(self) -> bool:
        """Whether samples are integers of a known full scale, none of them lost in decoding."""
        return self.subtype in ("PCM_16", "PCM_24", "PCM_S8", "PCM_U8", "ALAW", "ULAW")

    def blocks(self, dtype: DType) -> Iterator[np.ndarray]:
        """Frames [n, channels] from the beginning to where the decoder ends, a second or less at a time.

        Raises DataError if the file turns out to be damaged.
        """
        import soundfile

        count = max(min(self.rate_hz, LARGEST_BLOCK // self.channels), 1)
        decoded = 0
        try:
            with open_piece(self.data, self.piece) as file:
                while len(block := file.read(count, dtype=dtype, always_2d=True)):
                    decoded += len(block)
                    yield block
        except (soundfile.SoundFileError, OSError, ValueError, MemoryError) as error:
            raise unreadable(self.path, error) from error
        if decoded < self.piece.samples // 2:
            raise DataError(f"{self.path}: only {decoded / self.rate_hz:.1f} of "
                            f"{self.piece.samples / self.rate_hz:.1f} s could be decoded; convert it to WAV")


class UnknownCodingError(DataError):
    """libsndfile cannot open a file: it is damaged, or ffmpeg may know how its sound is stored."""


@dataclass(frozen=True)
class Opened:
    """The parts of a file in their order, and what a person should know about them."""

    parts: tuple[Part, ...]
    notices: tuple[str, ...]


def open_file(path: Path, data: Buffer | None = None) -> Opened:
    """The parts of a sound file.

    data : the file's bytes, where they are at hand; `path` then only names it
    Raises DataError for a file that is missing, no sound, or of a rate or number of channels that sound does not have.
    """
    content: Buffer = data if data is not None else file_bytes(path)
    named, form = data is None, encodings.misread(content)
    if form or foreign.foreign_kind(bytes(content[:16])) or foreign.is_foreign(path.name):
        return whole_parts(path, *converted(path, content, named=named, form=form))
    if voc.is_voc(content):
        return whole_parts(path, *voc.to_wav(path, content))
    try:
        return whole_parts(path, content, None)
    except UnknownCodingError as error:
        if (form := encodings.unknown(content)) is None:
            raise DataError(str(error)) from error
        return whole_parts(path, *converted(path, content, named=named, form=form))


def converted(path: Path, content: Buffer, *, named: bool, form: str | None) -> tuple[Buffer, tuple[str, ...]]:
    made = foreign.to_wav(path, content, named=named, form=form)
    return made.content, made.notices


def whole_parts(path: Path, content: Buffer, told: tuple[str, ...] | None) -> Opened:
    """The parts of what libsndfile is to read; told : what was said of them already, if they were converted."""
    found = find_pieces(content)
    parts = tuple(open_part(path, content, piece) for piece in found.pieces)
    notices = found.notices if told is None else told
    if all(not part.frames for part in parts) and not any(any(True for _ in part.blocks("int16")) for part in parts):
        said = f", though it has {len(content):,} bytes: its header is damaged" if len(content) > 8_192 else ""
        raise DataError(f"{path}: holds no samples{said}; replace or remove it")
    return Opened(parts, notices + unheard_bytes(parts))


def file_bytes(path: Path) -> Buffer:
    """The bytes of a file, without reading them all. Raises DataError if there is none."""
    if path.is_dir():
        raise DataError(f"{path}: is a folder; name the files in it, for example {path}/*.wav")
    if not path.exists():
        raise DataError(f"{path}: no such file; check the name")
    try:
        return foreign.mapped(path)
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error


def open_part(path: Path, data: Buffer, piece: Piece) -> Part:
    """A piece with what its header says. Raises DataError if soundfile does not know it, or for absurd values."""
    import soundfile

    try:
        with open_piece(data, piece) as file:
            said = file.frames if file.frames < _BOUNDLESS else flac_samples(data, piece)
            frames = said if said * file.channels <= (piece.end - piece.start) * MOST_PER_BYTE else 0
            part = Part(path, data, piece, file.samplerate, file.channels, file.format, file.subtype, frames)
    except (soundfile.SoundFileError, OSError, TypeError, ValueError) as error:
        raise UnknownCodingError(str(unreadable(path, error))) from error
    if part.container == "XI":
        raise DataError(f"{path}: is an instrument (XI), whose sound has no rate of its own; convert it to WAV")
    if not LOWEST_HZ <= part.rate_hz <= HIGHEST_HZ:
        raise DataError(f"{path}: has a rate of {part.rate_hz} Hz; sound has {LOWEST_HZ} to {HIGHEST_HZ}: its header "
                        "is damaged; replace or remove it")
    if part.channels > MOST_CHANNELS:
        raise DataError(f"{path}: has {part.channels} channels, at most {MOST_CHANNELS} are read; replace or remove it")
    return part


def open_piece(data: Buffer, piece: Piece):  # type: ignore[no-untyped-def]
    """The decoder of a piece: a soundfile that is read from its beginning to its end."""
    return decoder()(Stretch(data, piece))


@cache
def decoder() -> type:
    """soundfile's reader, told that it cannot seek.

    Otherwise it seeks after every read and stops at the header's length, and both break streams of unknown length.
    """
    import soundfile

    class Decoder(soundfile.SoundFile):
        def seekable(self) -> bool:
            return False

    return Decoder


def unheard_bytes(parts: tuple[Part, ...]) -> tuple[str, ...]:
    """What to say where a header counts much less sound than the file has bytes, and nothing could be mended."""
    width = {"PCM_S8": 1, "PCM_U8": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8}
    for part in parts:
        if part.container in ("FLAC", "OGG", "MP3", "SDS") or part.piece.head or part.subtype not in width:
            continue
        held, there = part.frames * part.channels * width[part.subtype], part.piece.end - part.piece.start
        if there - held > max(65_536, there // 10):
            return (f"its header speaks of {held:,} bytes of sound, the file has {there:,}: it may hold more than is "
                    "heard",)
    return ()


def untrue_length(part: Part, decoded: int) -> str | None:
    """What to say where the header of a FLAC file counts other samples than came out."""
    said = flac_samples(part.data, part.piece) if part.container == "FLAC" else 0
    if said in (0, decoded):
        return None
    return (f"its header says {said / part.rate_hz:.1f} s, {decoded / part.rate_hz:.1f} s are there: read to the end")


def unreadable(path: Path, error: Exception) -> DataError:
    """The error for a file that cannot be decoded."""
    reason = str(error).rpartition(": ")[2].rstrip(".") or type(error).__name__
    return DataError(f"{path}: cannot be read as audio ({reason}); replace or remove it, or convert it to WAV")
