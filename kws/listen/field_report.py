"""What a detector says of itself beside its detections: a line at its start and one an hour, integers only.

    session <version> <model> <session>
    report <version> <model> <session> <uptime_s> <samples> <decisions> <detections> <near_misses> <clipped> <lost>
           <levels> <scores> <features>                      (one line)

model and session are eight hexadecimal digits: the first ones of the plan's SHA-256, and a number that is drawn anew at
each start. The three histograms are counts with commas between: how many hops had which level, how many decisions had
which best score, and how many features had which value. docs/monitoring.md describes them for people.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kws.records import Json

VERSION = 1
LEVELS, SCORES, FEATURES = 14, 10, 10  # bins of the histograms, as in native/csrc/decoder/field.h
PERIOD_S = 3_600  # of sound between two reports
LARGEST = 2**32 - 1
HEX = re.compile(r"[0-9a-f]{8}")
COUNTS = ("uptime_s", "samples", "decisions", "detections", "near_misses", "clipped", "lost")


@dataclass(frozen=True)
class SessionStart:
    """A detector has started. model : fingerprint of its plan; session : which start this is."""

    model: str
    session: str

    def line(self) -> str:
        """As it is printed, without a line feed."""
        return f"session {VERSION} {self.model} {self.session}"

    def to_json(self) -> dict[str, Json]:
        return {"started": VERSION, "model": self.model, "session": self.session}


@dataclass(frozen=True)
class FieldReport:
    """What was counted since the report before.

    uptime_s : sound heard since the start, to the end of this report, in whole seconds
    samples, decisions : what was heard, and how often the network was asked; lost : samples that were not heard
    clipped : samples at full scale
    levels : hops by the root mean square of their samples, in steps of 6 dB; scores : decisions by the best keyword's
    averaged score; features : values of the rows that the network saw, in ten steps over int8
    """

    model: str
    session: str
    uptime_s: int
    samples: int
    decisions: int
    detections: int
    near_misses: int
    clipped: int
    lost: int
    levels: tuple[int, ...]
    scores: tuple[int, ...]
    features: tuple[int, ...]

    def line(self) -> str:
        """As it is printed, without a line feed."""
        counts = " ".join(str(getattr(self, name)) for name in COUNTS)
        histograms = " ".join(",".join(map(str, bins)) for bins in (self.levels, self.scores, self.features))
        return f"report {VERSION} {self.model} {self.session} {counts} {histograms}"

    def to_json(self) -> dict[str, Json]:
        return {"report": VERSION, "model": self.model, "session": self.session,
                **{name: getattr(self, name) for name in COUNTS},
                "levels": list(self.levels), "scores": list(self.scores), "features": list(self.features)}


def parse_session(text: str) -> SessionStart:
    """What stands behind the word `session`. Raises ValueError for anything else."""
    parts = text.split(" ")
    check_version(parts[0])
    if len(parts) != 3:
        raise ValueError(f"{len(parts)} fields: must be 3")
    return SessionStart(digits(parts[1]), digits(parts[2]))


def parse_report(text: str) -> FieldReport:
    """What stands behind the word `report`. Raises ValueError for anything else."""
    parts = text.split(" ")
    check_version(parts[0])
    if len(parts) != 13:
        raise ValueError(f"{len(parts)} fields: must be 13")
    histograms = [[number(value) for value in part.split(",")] for part in parts[10:]]
    return made(digits(parts[1]), digits(parts[2]), [number(part) for part in parts[3:10]], histograms)


def session_from_json(line: Mapping[str, object]) -> SessionStart:
    """The object of SessionStart.to_json. Raises ValueError for anything else."""
    check_version(str(line.get("started")))
    return SessionStart(digits(line.get("model")), digits(line.get("session")))


def report_from_json(line: Mapping[str, object]) -> FieldReport:
    """The object of FieldReport.to_json. Raises ValueError for anything else."""
    check_version(str(line.get("report")))
    histograms = []
    for name in ("levels", "scores", "features"):
        bins = line.get(name)
        if not isinstance(bins, list):
            raise ValueError(f"{name}: must be a list")
        histograms.append([number(value) for value in bins])
    return made(digits(line.get("model")), digits(line.get("session")), [number(line.get(name)) for name in COUNTS],
                histograms)


def made(model: str, session: str, counts: Sequence[int], histograms: Sequence[Sequence[int]]) -> FieldReport:
    """Raises ValueError if a histogram has another number of bins than it must have."""
    for name, bins, wanted in zip(("levels", "scores", "features"), histograms, (LEVELS, SCORES, FEATURES),
                                  strict=True):
        if len(bins) != wanted:
            raise ValueError(f"{name}: {len(bins)} bins, must be {wanted}")
    named = dict(zip(COUNTS, counts, strict=True))
    levels, scores, features = (tuple(bins) for bins in histograms)
    return FieldReport(model=model, session=session, levels=levels, scores=scores, features=features, **named)


def check_version(text: str) -> None:
    if text != str(VERSION):
        raise ValueError(f"version {text}: this kws reads version {VERSION}")


def digits(value: object) -> str:
    """Eight hexadecimal digits."""
    if not isinstance(value, str) or not HEX.fullmatch(value):
        raise ValueError(f"{value!r}: must be eight hexadecimal digits")
    return value


def number(value: object) -> int:
    """A count: 0..2^32 - 1."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if type(value) is not int or not 0 <= value <= LARGEST:
        raise ValueError(f"{value!r}: must be 0 to {LARGEST}")
    return value
