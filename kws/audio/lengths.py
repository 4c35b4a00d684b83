"""CAF, AIFF, AU, W64 and RF64 whose header does not know how long the sound is: written into a pipe, cut, never closed.

Each function finds where the samples begin and which fields count their bytes. `mended` writes the truth into a copy of
the header, unless the header tells it already.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

Buffer = bytes | memoryview
Order = Literal["big", "little"]
ENDLESS_BYTES = 0x7FF00000  # a length of 32 bits that is as large, or 0, was written before its sound
ODD_BYTES = 4_096  # what may lie behind the sound without being worth a word
MOST_CHUNKS = 10_000
_W64_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")  # of the names of its chunks, after four letters


@dataclass(frozen=True)
class Length:
    """Where a header counts the bytes of the sound.

    start  : of the samples in the file, or of what the length counts
    said   : bytes by the header; None if it does not know
    fields : (where a length stands, how many bytes wide, what it counts beyond the sound)
    closed : whether what follows the sound is a chunk, or the end of the file
    """

    start: int
    said: int | None
    fields: tuple[tuple[int, int, int], ...]
    order: Order
    closed: bool = False


@dataclass(frozen=True)
class Mended:
    """head : the file up to `start`, with the right lengths; notice : what a person should know of it, if anything."""

    head: bytes
    start: int
    notice: str


def mended(data: Buffer) -> Mended | None:
    """The file with a header that says how much sound there is; None if nothing is to be mended, or for other files."""
    found = next((find(data) for magic, find in _FORMATS if bytes(data[:len(magic)]) == magic), None)
    if found is None:
        return None
    rest = len(data) - found.start
    said = found.said
    if said is not None and said <= rest and (found.closed or (said and rest - said <= ODD_BYTES)):
        return None
    head = bytearray(data[:found.start])
    for at, width, more in found.fields:
        head[at:at + width] = min(rest + more, (1 << 8 * width) - 1).to_bytes(width, found.order)
    return Mended(bytes(head), found.start, "" if said is None else untrue(said, rest))


def untrue(said: int, rest: int) -> str:
    """The notice for a header that counts other bytes than are there."""
    counted = f"{said:,} bytes of sound" if said else "no sound"
    return f"its header says {counted}, {rest:,} bytes are there: read to the end"


@dataclass(frozen=True)
class Chunk:
    at: int  # of its name
    name: bytes
    size: int  # of its content, as its header says
    content: int  # where that begins

    @property
    def named(self) -> bool:
        return all(32 <= byte < 127 for byte in self.name)


def chunks(data: Buffer, at: int, *, width: int, order: Order, align: int, signed: bool = False) -> Iterator[Chunk]:
    """The chunks of a file from `at` on: four letters, a length, the content; as far as the lengths lead."""
    for _ in range(MOST_CHUNKS):
        chunk = Chunk(at, bytes(data[at:at + 4]),
                      int.from_bytes(data[at + 4:at + 4 + width], order, signed=signed), at + 4 + width)
        if chunk.content > len(data):
            return
        yield chunk
        if chunk.size < 0 or not chunk.named:
            return
        at = chunk.content + chunk.size + -chunk.size % align


def ends_well(data: Buffer, chunk: Chunk, rest_of_chunks: Iterator[Chunk]) -> bool:
    """Whether the file ends behind a chunk, or other whole chunks lie there."""
    end = chunk.content + chunk.size
    if chunk.size < 0 or end > len(data):
        return False
    following = list(rest_of_chunks)
    return len(data) - end <= 1 or (bool(following) and all(chunk.named for chunk in following)
                                    and following[-1].content + following[-1].size <= len(data) + 1)


def caf(data: Buffer) -> Length | None:
    walk = chunks(data, 8, width=8, order="big", align=1, signed=True)
    sound = next((chunk for chunk in walk if chunk.name == b"data"), None)
    if sound is None:
        return None
    said = None if sound.size < 0 else sound.size
    return Length(sound.content, said, ((sound.at + 4, 8, 0),), "big", ends_well(data, sound, walk))


def aiff(data: Buffer) -> Length | None:
    walk = chunks(data, 12, width=4, order="big", align=2)
    sound = next((chunk for chunk in walk if chunk.name == b"SSND"), None)
    if bytes(data[8:12]) not in (b"AIFF", b"AIFC") or sound is None:
        return None
    said = None if sound.size == 0 or sound.size >= ENDLESS_BYTES else sound.size
    return Length(sound.content, said, ((4, 4, sound.content - 8), (sound.at + 4, 4, 0)), "big",
                  ends_well(data, sound, walk))


def au(data: Buffer, order: Order = "big") -> Length | None:
    start, size = (int.from_bytes(data[at:at + 4], order) for at in (4, 8))
    if not 24 <= start <= len(data):
        return None
    return Length(start, None if size >= ENDLESS_BYTES else size, ((8, 4, 0),), order)


def au_reversed(data: Buffer) -> Length | None:
    return au(data, "little")


def rf64(data: Buffer) -> Length | None:
    """RF64 and BW64: the lengths stand in its first chunk, ds64."""
    walk = chunks(data, 12, width=4, order="little", align=2)
    large = next(walk, None)
    sound = next((chunk for chunk in walk if chunk.name == b"data"), None)
    if large is None or large.name != b"ds64" or large.size < 16 or sound is None:
        return None
    size = int.from_bytes(data[large.content + 8:large.content + 16], "little")
    told = replace(sound, size=size)
    behind = chunks(data, sound.content + size + size % 2, width=4, order="little", align=2)
    said = None if size == 0 or size >> 62 else size
    return Length(sound.content, said, ((large.content, 8, sound.content - 8), (large.content + 8, 8, 0)), "little",
                  ends_well(data, told, behind))


def w64(data: Buffer) -> Length | None:
    """Wave64: names of 16 bytes, lengths of 8 that count the name and themselves."""
    at = 40
    while at + 24 <= len(data) and bytes(data[at + 4:at + 16]) == _W64_TAIL:
        size = int.from_bytes(data[at + 16:at + 24], "little")
        if bytes(data[at:at + 4]) == b"data":
            end = at + size + -size % 8
            closed = len(data) - 8 < end <= len(data) or bytes(data[end + 4:end + 16]) == _W64_TAIL
            said = None if size <= 24 or size >> 62 else size - 24
            return Length(at + 24, said, ((16, 8, at + 24), (at + 16, 8, 24)), "little", closed)
        if size < 24:
            return None
        at += size + -size % 8
    return None


_FORMATS: tuple[tuple[bytes, Callable[[Buffer], Length | None]], ...] = (
    (b"caff", caf), (b"FORM", aiff), (b".snd", au), (b"dns.", au_reversed), (b"RF64", rf64), (b"BW64", rf64),
    (b"riff\x2e\x91\xcf\x11", w64))
