"""Files of phones and browsers that were joined end to end: a decoder stops behind the first one, and says nothing."""

from collections.abc import Iterator

from kws.audio.containers import Buffer, occurrences

_ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_AMR = b"#!AMR"
MOST_BOXES = 1_000_000


def stretches(data: Buffer) -> list[tuple[int, int]]:
    """(start, end) of each file in `data`; all of it for one file, and for formats that decoders read to the end."""
    starts = [0]
    if bytes(data[4:8]) == b"ftyp":
        starts += mp4_starts(data)
    elif bytes(data[:16]) == _ASF_HEADER:
        starts += [at for at, name in objects(data) if name == _ASF_HEADER and at]
    elif bytes(data[:5]) == _AMR:
        starts += [at for at in occurrences(data, _AMR) if at and bytes(data[at + 5:at + 6]) in (b"\n", b"-")]
    return list(zip(starts, [*starts[1:], len(data)], strict=True))


def mp4_starts(data: Buffer) -> list[int]:
    """Where a file begins after one that had an index (moov) already."""
    found, indexed = [], False
    for at, name in boxes(data):
        if name == b"ftyp" and indexed:
            found.append(at)
            indexed = False
        indexed |= name == b"moov"
    return found


def boxes(data: Buffer) -> Iterator[tuple[int, bytes]]:
    """(place, name) of the boxes of an MPEG-4 file, as far as their lengths lead."""
    at = 0
    for _ in range(MOST_BOXES):
        size, name = int.from_bytes(data[at:at + 4]), bytes(data[at + 4:at + 8])
        if size == 1:
            size = int.from_bytes(data[at + 8:at + 16])
        if len(name) < 4:
            return
        yield at, name
        if size < 8:
            return
        at += size


def objects(data: Buffer) -> Iterator[tuple[int, bytes]]:
    """(place, name of 16 bytes) of the objects of a Windows Media file, as far as their lengths lead."""
    at = 0
    for _ in range(MOST_BOXES):
        name, size = bytes(data[at:at + 16]), int.from_bytes(data[at + 16:at + 24], "little")
        if len(name) < 16:
            return
        yield at, name
        if size < 24:
            return
        at += size
