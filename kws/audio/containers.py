"""Where in a file its sound lies, whatever its header claims: pieces that are decoded one after the other.

Decoders stop where a header says that the sound ends. Headers are wrong in files that were joined, written into a pipe,
cut, or never closed. So each piece is given to the decoder behind a header that says the truth, and what could not be
mended is told in words.
"""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from kws.audio import lengths, mpeg

Buffer = bytes | memoryview
_OGG_SOUND = (b"\x01vorbis", b"OpusHead", b"\x7fFLAC", b"Speex   ")  # how a stream of sound begins
_FLAC_MARKS = (b"fLaC\x00\x00\x00\x22", b"fLaC\x80\x00\x00\x22")  # a FLAC file and its first block, of 34 bytes


@dataclass(frozen=True)
class Piece:
    """What one decoder reads: `head`, then data[start:end].

    samples : per channel, if counting showed how many there must be; 0 if it did not
    """

    head: bytes
    start: int
    end: int
    samples: int = 0


@dataclass(frozen=True)
class Pieces:
    """The pieces of a file, and what a person should know about them."""

    pieces: tuple[Piece, ...]
    notices: tuple[str, ...] = ()


class Stretch(io.RawIOBase):
    """A piece as a file that is read."""

    def __init__(self, data: Buffer, piece: Piece):
        super().__init__()
        self._data, self._piece, self._at = data, piece, 0
        self._length = len(piece.head) + piece.end - piece.start

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._length}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]
        """Fill `target` from here on; returns how many bytes there were."""
        done, head = 0, self._piece.head
        wanted = min(len(target), max(self._length - self._at, 0))
        if self._at < len(head):
            done = min(wanted, len(head) - self._at)
            target[:done] = head[self._at:self._at + done]
        if wanted > done:
            at = self._piece.start + self._at + done - len(head)
            target[done:wanted] = self._data[at:at + wanted - done]
        self._at += wanted
        return wanted


def find_pieces(data: Buffer) -> Pieces:
    """The pieces of a file of any format; the whole file for formats whose headers are taken at their word."""
    start = bytes(data[:12])
    if start[:4] == b"fLaC":
        return flac_pieces(data)
    if start[:4] == b"OggS":
        return ogg_pieces(data)
    if start[:4] == b"RIFF" and start[8:] == b"WAVE":
        return wav_pieces(data)
    if start[:3] == b"ID3" or mpeg.header_at(start, 0) is not None:
        return mpeg_pieces(data)
    if (told := lengths.mended(data)) is not None:
        return Pieces((Piece(told.head, told.start, len(data)),), (told.notice,) if told.notice else ())
    return whole(data)


def whole(data: Buffer) -> Pieces:
    return Pieces((Piece(b"", 0, len(data)),))


def joined(count: int) -> tuple[str, ...]:
    return (f"{count} recordings joined in one file, heard one after the other",) if count > 1 else ()


def mpeg_pieces(data: Buffer) -> Pieces:
    """MP3 and its elders: each stream behind a header frame with the number of frames that are there."""
    streams = mpeg.streams(data)
    if not streams:
        return whole(data)
    pieces, notices = [], joined(len(streams))
    for stream in streams:
        if stream.promised == stream.frames:
            pieces.append(Piece(b"", stream.header_start, stream.end))
            continue
        if stream.promised and stream.promised > stream.frames + 1:
            lost_s = (stream.promised - stream.frames) * stream.samples / stream.rate_hz
            notices += (f"is cut off: {lost_s:.1f} s that its header promises are missing",)
        head = mpeg.header_frame(data, stream)
        samples = stream.frames * stream.samples
        if head is None:
            pieces.append(Piece(b"", stream.start, stream.end, samples))
        else:
            pieces.append(Piece(head, stream.start, stream.end, samples))
    return Pieces(tuple(pieces), notices)


def flac_pieces(data: Buffer) -> Pieces:
    """FLAC: as many files as there are marks, each with its length struck out, so that the decoder goes to the end."""
    starts = sorted({at for mark in _FLAC_MARKS for at in occurrences(data, mark)})
    if not starts or starts[0] != 0:
        return whole(data)
    pieces = []
    for start, end in zip(starts, [*starts[1:], len(data)], strict=True):
        head = bytearray(data[start:min(start + 26, end)])
        if len(head) == 26:
            head[21] &= 0xF0  # the low four bits and the next four bytes count the samples
            head[22:26] = bytes(4)
        pieces.append(Piece(bytes(head), start + len(head), end))
    return Pieces(tuple(pieces), joined(len(pieces)))


def flac_samples(data: Buffer, piece: Piece) -> int:
    """Samples by the header of a FLAC piece, before it was struck out; 0 if it does not say, or for other files."""
    at = piece.start - 26
    if at < 0 or piece.head[:4] != b"fLaC":
        return 0
    return int.from_bytes(data[at + 21:at + 26]) & 0xFFFFFFFFF


def occurrences(data: Buffer, mark: bytes) -> Iterator[int]:
    """Every place of `mark`, searched in a window at a time, so that nothing large is copied."""
    window = 1 << 20
    for base in range(0, len(data), window):
        piece = bytes(data[base:base + window + len(mark) - 1])
        at = piece.find(mark)
        while at >= 0:
            yield base + at
            at = piece.find(mark, at + 1)


def ogg_pieces(data: Buffer) -> Pieces:
    """Ogg (Vorbis, Opus, FLAC): a new piece where streams begin after others have had their sound."""
    starts, at, begun, sounds = [0], 0, True, [0]
    while at + 27 <= len(data):
        if bytes(data[at:at + 4]) != b"OggS":
            following = next(occurrences(memoryview(data)[at:], b"OggS"), None)
            if following is None:
                break
            at += following
            continue
        count = data[at + 26]
        first = bool(data[at + 5] & 2)
        if first and not begun:
            starts.append(at)
            sounds.append(0)
        begun = first
        at += 27 + count
        sounds[-1] += first and bytes(data[at:at + 8]).startswith(_OGG_SOUND)
        at += sum(data[at - count:at])
    pieces = tuple(Piece(b"", start, end) for start, end in zip(starts, [*starts[1:], len(data)], strict=True))
    beside = (f"has {max(sounds)} sound tracks: the first is heard",) if max(sounds) > 1 else ()
    return Pieces(pieces, joined(len(pieces)) + beside)


def wav_pieces(data: Buffer) -> Pieces:
    """WAV: sound goes on to the end of the file where the header says less and nothing else is there."""
    pieces: list[Piece] = []
    notices: tuple[str, ...] = ()
    at = 0
    while bytes(data[at:at + 4]) == b"RIFF" and bytes(data[at + 8:at + 12]) == b"WAVE":
        chunk = data_chunk(data, at)
        if chunk is None:
            pieces.append(Piece(b"", at, len(data)))
            break
        start, size = chunk
        after = start + size + size % 2
        following = chunks_end(data, after)
        if after >= len(data):
            pieces.append(Piece(b"", at, len(data)))
            if len(data) - start + lengths.ODD_BYTES < size < lengths.ENDLESS_BYTES:
                notices += (lengths.untrue(size, len(data) - start),)
            break
        if following is not None:
            further = data_chunks(data, after, following)
            pieces += ([Piece(wav_head(data, at, start, length), place, place + length)
                        for place, length in ((start, size), *further)] if further else [Piece(b"", at, following)])
            at = following
            continue
        rest = len(data) - start
        if size and rest - size <= lengths.ODD_BYTES:
            pieces.append(Piece(b"", at, len(data)))
            break
        notices += (lengths.untrue(size, rest),)
        pieces.append(Piece(wav_head(data, at, start, rest), start, len(data)))
        break
    return Pieces(tuple(pieces), joined(len(pieces)) + notices)


def wav_head(data: Buffer, at: int, start: int, length: int) -> bytes:
    """The WAV file at `at` up to its samples at `start`, with `length` bytes of them."""
    return (b"RIFF" + struct.pack("<I", min(start - at + length - 8, 0xFFFFFFFF)) + bytes(data[at + 8:start - 4])
            + struct.pack("<I", min(length, 0xFFFFFFFF)))


def data_chunks(data: Buffer, at: int, end: int) -> list[tuple[int, int]]:
    """(where the samples begin, their bytes) of the chunks of sound among those from `at` on."""
    return [(chunk.content, chunk.size) for chunk in lengths.chunks(data, at, width=4, order="little", align=2)
            if chunk.name == b"data" and chunk.content + chunk.size <= end]


def data_chunk(data: Buffer, at: int) -> tuple[int, int] | None:
    """(where the samples begin, their bytes by the header) of the WAV file at `at`; None without such a chunk."""
    at += 12
    while at + 8 <= len(data):
        name, size = bytes(data[at:at + 4]), int.from_bytes(data[at + 4:at + 8], "little")
        if name == b"data":
            return at + 8, size
        at += 8 + size + size % 2
    return None


def chunks_end(data: Buffer, at: int) -> int | None:
    """Where the chunks from `at` on end: at the end of the file, or where the next file begins; None if what
    lies there is no chunk."""
    while at < len(data):
        name, size = bytes(data[at:at + 4]), int.from_bytes(data[at + 4:at + 8], "little")
        if name == b"RIFF" and bytes(data[at + 8:at + 12]) == b"WAVE":
            return at
        if len(name) < 4 or not all(32 <= byte < 127 for byte in name) or at + 8 + size > len(data):
            return len(data) if len(data) - at <= 1 or name[:3] == b"TAG" else None
        at += 8 + size + size % 2
    return len(data)
