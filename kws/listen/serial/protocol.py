"""The lines that an exported example prints, as records. docs/listen.md describes them for people.

    ready <failed>                        detected <keyword> <time_ms> <score>      cost <hops> <busy_us>
    lost <samples>                        sound <first> <sum> <base64>              error <words>
    session …                             report …                                  as kws.listen.field_report has them
"""

import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kws.listen.field_report import FieldReport, SessionStart, parse_report, parse_session
from kws.words import JOINERS

_SPELLED = dict.fromkeys(map(ord, JOINERS))
LONGEST_BYTES = 16_384  # what has no line feed for so long is no line


@dataclass(frozen=True)
class Ready:
    """The device has started. failed : sum of the stages of its self-test that differ, 0 when it passed."""

    failed: int


@dataclass(frozen=True)
class Detected:
    """A detection of the device. time_ms : from the start of its sound; score : 1..255, of 256."""

    keyword: str
    time_ms: int
    score: int


@dataclass(frozen=True)
class Cost:
    """busy_us : microseconds of its processor that the last `hops` hops of sound took."""

    hops: int
    busy_us: int


@dataclass(frozen=True)
class LostSamples:
    """Samples that its microphone brought and nobody took."""

    samples: int


@dataclass(frozen=True, eq=False)
class SentSound:
    """What the device hears next. first : number of the first sample, modulo 2^32; samples : int16 [n]."""

    first: int
    samples: np.ndarray


@dataclass(frozen=True)
class Trouble:
    """The device's own words."""

    words: str


@dataclass(frozen=True)
class Other:
    """A line that is none of these, such as a boot message."""

    text: str


@dataclass(frozen=True)
class Damaged:
    """Bytes that are no text, or one of our words with something else behind it than belongs there."""

    text: str


Line = (Ready | Detected | Cost | LostSamples | SentSound | Trouble | Other | Damaged | SessionStart | FieldReport)


def sound_of(first: str, total: str, base64: str) -> SentSound:
    """Raises ValueError if the samples are not those that were sent."""
    samples = np.frombuffer(binascii.a2b_base64(base64, strict_mode=True), "<i2").astype(np.int16)
    if int(samples.sum(dtype=np.int64)) % 65_536 != int(total):
        raise ValueError("the sum differs")
    return SentSound(int(first), samples)


FORMS: dict[str, tuple[str, Callable[..., Line]]] = {
    "ready": (r"(\d{1,3})", lambda failed: Ready(int(failed))),
    "detected": (r"(\S+) (\d{1,17}) (\d{1,3})", lambda word, time, score: Detected(word, int(time), int(score))),
    "cost": (r"(\d{1,10}) (\d{1,12})", lambda hops, busy: Cost(int(hops), int(busy))),
    "lost": (r"(\d{1,10})", lambda samples: LostSamples(int(samples))),
    "sound": (r"(\d{1,10}) (\d{1,5}) (\S+)", sound_of),
    "error": (r"(.+)", Trouble),
    "session": (r"(.+)", parse_session),
    "report": (r"(.+)", parse_report),
}


def parse(line: bytes) -> Line:
    """A line without its line feed."""
    text = line.decode("utf-8", "replace").strip()
    if "\ufffd" in text or not text.translate(_SPELLED).isprintable():
        return Damaged(text)
    word, _, rest = text.partition(" ")
    if word not in FORMS:
        return Other(text)
    form, make = FORMS[word]
    match = re.fullmatch(form, rest)
    try:
        return make(*match.groups()) if match else Damaged(text)
    except ValueError:
        return Damaged(text)


class Splitter:
    """Bytes as they come, cut into lines."""

    def __init__(self) -> None:
        self._rest = b""

    def push(self, data: bytes) -> list[bytes]:
        """The lines that `data` ends; what is longer than LONGEST_BYTES comes in pieces, which are no lines."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_BYTES:
            lines.append(self._rest)
            self._rest = b""
        return [line for line in lines if line.strip()]

    def reset(self) -> None:
        """Forget a line that has begun."""
        self._rest = b""
