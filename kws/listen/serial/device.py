"""Listening to a device: the lines that it prints become detections, costs and notes.

Its sound, where it sends it, goes through this PC's engine too.
"""

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

from kws.audio.files import SAMPLE_RATE_HZ
from kws.detect.detector import Detection, Detector
from kws.engine.decoder import SCORE_STEPS
from kws.listen.actions import Actions
from kws.listen.field_report import FieldReport, SessionStart
from kws.listen.level import SILENT_DB, Meter
from kws.listen.serial.parity import Twin
from kws.listen.serial.port import Port
from kws.listen.serial.protocol import (
    Cost,
    Damaged,
    Detected,
    Line,
    LostSamples,
    Other,
    Ready,
    SentSound,
    Splitter,
    Trouble,
    parse,
)
from kws.listen.session import Back, Lost, Session, SessionTotals, Status, View, recovering
from kws.listen.sound_keeper import Keeper

QUIET_S = 12.0  # an example prints its costs every 10 s of sound, so after this time something is wrong
NONSENSE = 20  # damaged lines without a good one
STAGES = ("sizes", "features", "scores", "detections")  # bits of the self-test's result
GOOD = Ready | Detected | Cost | SentSound | SessionStart | FieldReport


def port_events(port: Port, reopen: Callable[[], Port], *,
                sleep: Callable[[float], None] = time.sleep) -> Generator[bytes | Lost | Back]:
    """Everything that a serial port brings, for ever; empty bytes while nothing comes."""
    def read(port: Port) -> Iterator[bytes]:
        while True:
            yield port.read()

    return recovering(port, reopen, read, idle=b"", sleep=sleep)


@dataclass
class DeviceTotals(SessionTotals):
    """What there was, for the summary. good : lines that are understood; hops, busy_us : sums of its cost lines."""

    good: int = 0
    damaged: int = 0
    other: int = 0
    hops: int = 0
    busy_us: int = 0
    lost_samples: int = 0
    starts: int = 0
    failed: int = 0


class DeviceListener(Session[DeviceTotals, bytes]):
    """One device and everything around it. totals : so far; twin : what was compared."""

    def __init__(self, detector: Detector, view: View, *, compare: bool = False, actions: Actions | None = None,
                 keeper: Keeper | None = None, cost: Callable[[Cost, float], None] | None = None,
                 tell: Callable[[Ready | SessionStart | FieldReport], None] | None = None,
                 clock: Callable[[], float] = time.monotonic):
        """detector : of the run that the device should have; compare : whether to note what differs
        cost : is told each of the device's costs, with its load, the share of its processor's time
        tell : is told of its starts and its reports
        """
        super().__init__(view, actions=actions, keeper=keeper, clock=clock)
        self._compare, self._cost, self._tell = compare, cost, tell
        self._model = detector.plan.fingerprint
        self._labels = detector.labels
        self._hop_us = 1e6 * detector.plan.frontend.hop_samples / SAMPLE_RATE_HZ
        self._meter = Meter(detector.plan.frontend, rate_hz=SAMPLE_RATE_HZ)
        self.twin = Twin(detector)
        self.totals = DeviceTotals()
        self._splitter = Splitter()
        self._load: float | None = None
        self._start_s = clock()
        self._told: set[str] = set()
        self._joining = True  # a first line may be the rest of one

    def _elapsed_s(self, event: bytes | Lost | Back, now_s: float) -> float:
        return now_s - self._start_s

    def _heard(self, data: bytes) -> None:
        for line in self._splitter.push(data):
            self._line(parse(line))

    def _line(self, line: Line) -> None:
        joining, self._joining = self._joining, False
        if isinstance(line, Detected) and line.keyword not in self._labels:
            self._once(f"the device hears {line.keyword!r}, which this run does not know: is it another model? (--run)")
        if isinstance(line, Damaged):
            self._damaged(joining)
        elif isinstance(line, Other):
            self.totals.other += not joining
        elif isinstance(line, Trouble):
            self._view.note(f"the device says: {line.words}")
        elif isinstance(line, LostSamples):
            self.totals.lost_samples += line.samples
            self._view.note(f"the device lost {line.samples} samples: it is too slow, or prints too slowly")
        else:
            self.totals.good += 1
            self._good(line)

    def _good(self, line: GOOD) -> None:
        if self._tell is not None and isinstance(line, Ready | SessionStart | FieldReport):
            self._tell(line)
        if isinstance(line, Ready):
            self._ready(line)
        elif isinstance(line, SessionStart | FieldReport):
            if line.model != self._model:
                self._once(f"the device runs model {line.model}, and this run is {self._model}: is it another one? "
                           "(--run)")
        elif isinstance(line, Detected):
            self._detected(line)
        elif isinstance(line, Cost):
            self.totals.hops += line.hops
            self.totals.busy_us += line.busy_us
            self._load = line.busy_us / (line.hops * self._hop_us) if line.hops else None
            if self._cost is not None and self._load is not None:
                self._cost(line, self._load)
        else:
            self._sound(line)

    def _ready(self, line: Ready) -> None:
        self.totals.starts += 1
        self.totals.failed |= line.failed
        self.twin.restart()
        if line.failed:
            stages = ", ".join(stage for bit, stage in enumerate(STAGES) if line.failed >> bit & 1)
            self._view.note(f"the device's self-test FAILED ({stages}): its results differ from this PC's")
        else:
            self._view.note(f"the device has started{' again' if self.totals.starts > 1 else ''}; its self-test passed")

    def _detected(self, line: Detected) -> None:
        if line.keyword not in self._labels:
            return  # said above; a name that a device makes up starts no command and names no file
        hit = Detection(line.keyword, line.time_ms / 1000, min(line.score, SCORE_STEPS) / SCORE_STEPS)
        self.totals.hits[hit.keyword] += 1
        self.twin.detected(line)
        self._view.hit(hit)
        if self._keeper is not None:
            self._keeper.want(hit, ago_s=0.0)
        if self._actions is not None:
            self._actions.detected(hit)

    def _sound(self, line: SentSound) -> None:
        gaps = self.twin.totals.gaps
        hops, differences = self.twin.sound(line)
        self._meter.push(line.samples, [hop.row for hop in hops])
        if self._keeper is not None:
            self._keeper.push(line.samples)
        self._view.hops(hops)
        if self._compare:
            for difference in differences:
                self._view.note(difference)
            if self.twin.totals.gaps > gaps:
                self._view.note("some of the device's sound did not arrive: the comparison starts over")

    def _damaged(self, joining: bool) -> None:
        if joining:
            return
        self.totals.damaged += 1
        self.twin.forget()
        if self.totals.damaged == 1:
            self._view.note("a line that the device sent is damaged: left out, as will be others like it")
        if self.totals.damaged >= NONSENSE and not self.totals.good:
            self._once("nothing readable arrives: does --baud match the device?")

    def _look_for_trouble(self, now_s: float) -> None:
        """What does not come."""
        if self._lost_since_s is not None or now_s - self._start_s < QUIET_S:
            return
        if not self.totals.good and not self.totals.damaged:
            self._once("nothing arrives from the device: is its example running, and is this its port?"
                       if not self.totals.other else
                       "the device prints, but nothing of a keyword example: see the README.md of the export")
        elif self._compare and self.totals.good and not self.twin.totals.samples:
            self._once("the device sends no sound, so nothing can be compared: compile its example with KWS_SEND_SOUND")

    def _once(self, message: str) -> None:
        if message not in self._told:
            self._told.add(message)
            self._view.note(message)

    def _lost(self, lost: Lost) -> None:
        super()._lost(lost)
        self._splitter.reset()
        self._meter.reset()
        self._joining = True
        self.twin.forget()

    def _status(self, now_s: float) -> Status:
        self._look_for_trouble(now_s)
        sound = self._meter.peak_db > SILENT_DB
        return Status(self.totals.elapsed_s, self._meter.peak_db, self._meter.rms_db,
                      self._meter.hint if sound else None, float("nan"), self._load or 0.0, 0,
                      self._lost_since_s is not None, self._footer())

    def _footer(self) -> str:
        totals, compared = self.totals, self.twin.totals
        parts = ["its load " + (f"{100 * self._load:.1f} %" if self._load is not None else "not known yet")]
        if totals.starts:
            parts.append("self-test FAILED" if totals.failed else "self-test passed")
        if self._compare:
            parts.append(f"{compared.same} the same as here, {compared.different} differ")
        if totals.lost_samples:
            parts.append(f"{totals.lost_samples} samples lost")
        if totals.damaged:
            parts.append(f"{totals.damaged} lines damaged")
        return "   ".join([*parts, "Ctrl-C ends"])
