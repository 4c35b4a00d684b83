"""Where the frames of an MPEG audio file lie: the file itself, not its header, says how long it is.

A header frame (Xing, Info or VBRI) tells a decoder how many frames follow. Recorders that stream write none, files that
were joined have the first one's, cut files have one that promises too much: decoders then stop early, or late.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

Buffer = bytes | memoryview

_KBITS = {  # (is MPEG 1, layer): by bit rate index; 0 is "free", which nobody uses
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES_HZ = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}  # by version bits
_INSERTED_RATE_INDEX = 10  # of a header frame that is made here: 128 kbit/s or 96: long enough to hold its fields
_TAG_BYTES = 128  # ID3v1, at the end of a file


class Header(NamedTuple):
    """The four bytes before each frame: frame length in bytes, samples in it, and what must stay the same."""

    length: int
    samples: int
    rate_hz: int
    kind: int  # version, layer, rate and whether it is mono, in one number


@dataclass(frozen=True)
class Stream:
    """Frames that one decoder reads, data[start:end], without the header frame before them.

    promised : frames by its header frame; None without one
    """

    start: int
    end: int
    frames: int
    header_start: int
    promised: int | None
    rate_hz: int
    samples: int


def header_at(data: Buffer, at: int) -> Header | None:
    """The frame header at `at`, or None if none can be."""
    if at + 4 > len(data) or data[at] != 0xFF or data[at + 1] & 0xE0 != 0xE0:
        return None
    version, layer = data[at + 1] >> 3 & 3, 4 - (data[at + 1] >> 1 & 3)
    kbits_index, rate_index = data[at + 2] >> 4, data[at + 2] >> 2 & 3
    if version == 1 or layer == 4 or kbits_index in (0, 15) or rate_index == 3:
        return None
    first = version == 3
    rate_hz = _RATES_HZ[version][rate_index]
    bits = _KBITS[first, layer][kbits_index] * 1000
    padding = data[at + 2] >> 1 & 1
    if layer == 1:
        length, samples = (12 * bits // rate_hz + padding) * 4, 384
    else:
        samples = 1152 if layer == 2 or first else 576
        length = samples // 8 * bits // rate_hz + padding
    mono = data[at + 3] >> 6 == 3
    return Header(length, samples, rate_hz, version << 5 | layer << 3 | rate_index << 1 | mono)


def tag_length(data: Buffer, at: int) -> int:
    """Length of a tag (ID3v2, ID3v1, APE) at `at`; 0 if there is none."""
    start = bytes(data[at:at + 32])
    if start[:3] == b"ID3" and len(start) >= 10 and max(start[6:10]) < 128:
        size = start[6] << 21 | start[7] << 14 | start[8] << 7 | start[9]
        return 10 + size + (10 if start[5] & 16 else 0)
    if start[:3] == b"TAG" and at + _TAG_BYTES <= len(data):
        return _TAG_BYTES
    if start[:8] == b"APETAGEX" and len(start) == 32:
        return 32 + int.from_bytes(start[12:16], "little")
    return 0


def promised_frames(data: Buffer, at: int) -> int | None:
    """Frames that follow by the header frame at `at`, 0 if it does not say; None if it is an ordinary frame."""
    mpeg1, mono = data[at + 1] >> 3 & 3 == 3, data[at + 3] >> 6 == 3
    side = (17 if mono else 32) if mpeg1 else (9 if mono else 17)
    fields = bytes(data[at + 4 + side:at + 16 + side])
    if fields[:4] in (b"Xing", b"Info"):
        return int.from_bytes(fields[8:12]) if fields[7:8] and fields[7] & 1 else 0
    fields = bytes(data[at + 36:at + 54])
    return int.from_bytes(fields[14:18]) if fields[:4] == b"VBRI" else None


def frames(data: Buffer) -> Iterator[tuple[int, Header]]:
    """(place, header) of each whole frame; tags and whatever else lies between them is passed over."""
    at, kind = 0, -1
    while at + 4 <= len(data):
        found = header_at(data, at)
        if found is not None and at + found.length <= len(data) and (found.kind == kind or confirmed(data, at, found)):
            yield at, found
            at, kind = at + found.length, found.kind
        elif skip := tag_length(data, at):
            at, kind = at + skip, -1
        else:
            at, kind = next_sync(data, at + 1), -1


def confirmed(data: Buffer, at: int, found: Header) -> bool:
    """Whether a frame of the same kind, a tag or the end follows: two bytes alone may be anything."""
    after = at + found.length
    following = header_at(data, after)
    return (following is not None and following.kind == found.kind) or after == len(data) or tag_length(data, after) > 0


def next_sync(data: Buffer, at: int) -> int:
    """The next place that may begin a frame or a tag."""
    while at < len(data):
        piece = bytes(data[at:at + 65_536])
        found = [place for place in (piece.find(b"\xff"), piece.find(b"ID3"), piece.find(b"TAG")) if place >= 0]
        if found:
            return at + min(found)
        at += max(len(piece) - 3, 1)
    return len(data)


def streams(data: Buffer) -> list[Stream]:
    """The streams of a file, one after the other; a new one begins at a header frame and where the kind changes."""
    found: list[Stream] = []
    current, count, end, kind = None, 0, 0, -1
    for at, header in frames(data):
        promised = promised_frames(data, at)
        if current is None or promised is not None or header.kind != kind:
            found += [] if current is None else [replace(current, frames=count, end=end)]
            start = at if promised is None else at + header.length
            current, count = Stream(start, start, 0, at, promised, header.rate_hz, header.samples), 0
        count += promised is None
        end, kind = at + header.length, header.kind
    found += [] if current is None else [replace(current, frames=count, end=end)]
    return [stream for stream in found if stream.frames]


def header_frame(data: Buffer, stream: Stream) -> bytes | None:
    """A header frame that says how many frames `stream` has; None for layers that have no such frame."""
    first = bytearray(data[stream.start:stream.start + 4])
    if 4 - (first[1] >> 1 & 3) != 3:
        return None
    first[1] |= 1  # no check sum
    first[2] = _INSERTED_RATE_INDEX << 4 | first[2] & 0x0C
    header = header_at(bytes(first), 0)
    assert header is not None
    mpeg1, mono = first[1] >> 3 & 3 == 3, first[3] >> 6 == 3
    side = (17 if mono else 32) if mpeg1 else (9 if mono else 17)
    fields = b"Xing" + (3).to_bytes(4) + stream.frames.to_bytes(4) + (
        stream.end - stream.start + header.length).to_bytes(4)
    return (bytes(first) + bytes(side) + fields).ljust(header.length, b"\0")
