"""Sound in containers that libsndfile knows, stored in ways that it does not: the name that ffmpeg has for them."""

import re

from kws.audio.containers import Buffer, data_chunk
from kws.audio.lengths import chunks

_WAV_TAGS = (0x0001, 0x0002, 0x0003, 0x0006, 0x0007, 0x0011, 0x0031, 0x0040, 0x0055, 0xFFFE)  # libsndfile's own
_OGG_CODINGS = (b"Speex   ", b"\x7fFLAC", b"\x80theora", b"fishead\0", b"\x01video")  # of its first page
_AIFC_CODINGS = (b"NONE", b"sowt", b"twos", b"raw ", b"in24", b"in32", b"23ni", b"42ni", b"FL32", b"fl32", b"FL64",
                 b"fl64", b"ulaw", b"ULAW", b"alaw", b"ALAW", b"DWVW", b"GSM ", b"ima4")  # libsndfile's own
_STEREO = 6  # of the chunk CHAN of 8SVX


def misread(data: Buffer) -> str | None:
    """ffmpeg's name of a format that libsndfile opens and reads wrong, else None: 8SVX that is packed or has two
    channels, which lie one behind the other."""
    if bytes(data[:4]) != b"FORM" or bytes(data[8:12]) not in (b"8SVX", b"16SV"):
        return None
    found = {chunk.name: bytes(data[chunk.content:chunk.content + 20])
             for chunk in chunks(data, 12, width=4, order="big", align=2) if chunk.name in (b"VHDR", b"CHAN")}
    packed = found.get(b"VHDR", b"")[15:16] not in (b"", b"\0")
    return "iff" if packed or int.from_bytes(found.get(b"CHAN", b"")[:4]) == _STEREO else None


def unknown(data: Buffer) -> str | None:
    """ffmpeg's name of a container whose sound libsndfile refuses because of how it is stored; None for damage."""
    start = bytes(data[:64])
    if start[:4] == b"RIFF" and start[8:12] == b"WAVE":
        return "wav" if _wav_of_another_coding(data) else None
    if start[:4] == b"OggS":
        return "ogg" if start[28:].startswith(_OGG_CODINGS) else None
    if start[:4] == b"caff":
        return "caf" if start[8:12] == b"desc" and start[28:32] not in (b"lpcm", b"") else None
    if start[:4] == b"FORM" and start[8:12] == b"AIFC":
        return "aiff" if _aifc_coding(data) not in _AIFC_CODINGS else None
    if start[:7] == b"NIST_1A":
        return "nistsphere" if re.search(rb"sample_n_bytes -i [34]\n", bytes(data[:1_024])) else None
    if start[:4] == b".snd":
        return "au" if 8 <= int.from_bytes(start[12:16]) < 27 else None
    return None


def _aifc_coding(data: Buffer) -> bytes:
    return next((bytes(data[chunk.content + 18:chunk.content + 22])
                 for chunk in chunks(data, 12, width=4, order="big", align=2) if chunk.name == b"COMM"), b"NONE")


def _wav_of_another_coding(data: Buffer) -> bool:
    """Whether a WAV file with one stretch of sound says that this is coded in a way that libsndfile does not know."""
    sound = data_chunk(data, 0)
    form = next((chunk for chunk in chunks(data, 12, width=4, order="little", align=2) if chunk.name == b"fmt "), None)
    if sound is None or form is None:
        return False
    tag, channels, rate_hz = (int.from_bytes(data[form.content + a:form.content + b], "little")
                              for a, b in ((0, 2), (2, 4), (4, 8)))
    behind = chunks(data, sound[0] + sound[1] + sound[1] % 2, width=4, order="little", align=2)
    return (tag not in _WAV_TAGS and 1 <= channels <= 64 and 2_000 <= rate_hz <= 768_000
            and all(chunk.name != b"data" for chunk in behind))
