"""Listening: what comes from a microphone goes through one detector, and everybody who wants to know is told.

The microphone's events are an iterator, so that a test can be the microphone; the display is a View, so that a program
can be the display.
"""

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ
from kws.detect.detector import Detection, Detector, Hop
from kws.listen.actions import Actions
from kws.listen.field_counter import FieldCounter
from kws.listen.field_report import FieldReport, SessionStart
from kws.listen.level import Meter
from kws.listen.session import Back, Lost, Session, SessionTotals, Status, View, recovering
from kws.listen.sound_keeper import Keeper, NearMisses

HINT_S, LOAD_S = 1.0, 2.0  # how often each is looked at
NOTHING = np.zeros(0, np.int16)


class OpenMicrophone(Protocol):
    """What listening needs of kws.audio.microphone.Microphone."""

    @property
    def overflows(self) -> int: ...
    @property
    def latency_s(self) -> float: ...

    def read(self) -> np.ndarray: ...
    def close(self) -> None: ...


@dataclass(frozen=True)
class Sound:
    """samples : int16 [n], n may be 0; overflows : gaps just before; latency_s : what the sound card adds."""

    samples: np.ndarray
    overflows: int = 0
    latency_s: float = 0.0


Event = Sound | Lost | Back


def microphone_events(microphone: OpenMicrophone, reopen: Callable[[], OpenMicrophone], *,
                      sleep: Callable[[float], None] = time.sleep) -> Generator[Event]:
    """Everything that a microphone brings, for ever. reopen : tries once, and raises DeviceError if it cannot."""
    return recovering(microphone, reopen, sounds, idle=Sound(NOTHING), sleep=sleep)


def sounds(microphone: OpenMicrophone) -> Iterator[Sound]:
    """What it brings until it is gone; then DeviceError."""
    overflows = 0
    while True:
        samples, before, overflows = microphone.read(), overflows, microphone.overflows
        yield Sound(samples, overflows - before, microphone.latency_s)


@dataclass
class Totals(SessionTotals):
    """What there was, for the summary."""

    heard_s: float = 0.0
    cpu_s: float = 0.0
    near_misses: int = 0
    overflows: int = 0


@dataclass
class Reporting:
    """counter : what is counted; tell : is told of the start, and of each report when it is due."""

    counter: FieldCounter
    tell: Callable[[SessionStart | FieldReport], None]
    begun: bool = False

    def begin(self) -> None:
        """Tell of the start, once."""
        if not self.begun:
            self.begun = True
            self.tell(self.counter.start)

    def heard(self, sound: Sound, hops: list[Hop]) -> None:
        """The next sound and what the detector saw in it. How much an overflow lost, nobody knows: as much is taken."""
        self.counter.lost(sound.overflows * len(sound.samples))
        self.counter.push(sound.samples, hops)
        if self.counter.due:
            self.tell(self.counter.take())

    def end(self) -> None:
        """What was counted since the last report."""
        if not self.counter.empty:
            self.tell(self.counter.take())


class Listener(Session[Totals, Sound]):
    """One detector and everything around it. totals : so far."""

    def __init__(self, detector: Detector, view: View, *, actions: Actions | None = None, keeper: Keeper | None = None,
                 near_misses: bool = False, reporting: Reporting | None = None,
                 clock: Callable[[], float] = time.monotonic, cpu_clock: Callable[[], float] = time.process_time):
        """near_misses : whether `keeper` keeps those too"""
        super().__init__(view, actions=actions, keeper=keeper, clock=clock)
        self._detector = detector
        self._near = NearMisses(detector) if near_misses else None
        self._reporting = reporting
        self._meter = Meter(detector.plan.frontend, rate_hz=SAMPLE_RATE_HZ)
        self._cpu_clock = cpu_clock
        self.totals = Totals()
        self._offset_s = 0.0  # time of the detector's first sample
        self._started_s: float | None = None
        self._hint_s = self._load_s = 0.0
        self._hint: str | None = None
        self._load, self._latency_s = 0.0, 0.0
        self._cpu_start_s = self._cpu_s = cpu_clock()
        detector.reset()

    def _elapsed_s(self, event: Event, now_s: float) -> float:
        """Since the first sample, which was heard before it came."""
        if self._started_s is None and isinstance(event, Sound) and len(event.samples):
            self._started_s = self._load_s = now_s - len(event.samples) / SAMPLE_RATE_HZ
            self._cpu_start_s = self._cpu_s = self._cpu_clock()
        return now_s - self._started_s if self._started_s is not None else 0.0

    def _heard(self, sound: Sound) -> None:
        if sound.overflows:
            self.totals.overflows += sound.overflows
            times = "once" if sound.overflows == 1 else f"{sound.overflows} times"
            self._view.note(f"overflow: sound was lost {times}, because this computer was too slow")
        if len(sound.samples) == 0:
            return
        if self._reporting is not None:
            self._reporting.begin()
        self.totals.heard_s += len(sound.samples) / SAMPLE_RATE_HZ
        hops = self._detector.watch(sound.samples)
        self._meter.push(sound.samples, [hop.row for hop in hops])
        if self._keeper is not None:
            self._keeper.push(sound.samples)
        self._view.hops(hops)
        for hop in hops:
            self._hop(hop)
        if self._reporting is not None:
            self._reporting.heard(sound, hops)
        self._latency_s = sound.latency_s + len(sound.samples) / SAMPLE_RATE_HZ

    def _hop(self, hop: Hop) -> None:
        """Detections and near misses, in the time of the whole session."""
        if hop.hit is not None:
            hit = replace(hop.hit, time_s=hop.hit.time_s + self._offset_s)
            self.totals.hits[hit.keyword] += 1
            self._view.hit(hit)
            self._keep(hit, decided_s=hop.hit.time_s)
            if self._actions is not None:
                self._actions.detected(hit)
        for near in self._near.push(hop) if self._near is not None else ():
            self.totals.near_misses += 1
            self._keep(replace(near, time_s=near.time_s + self._offset_s), decided_s=near.time_s, near=True)

    def _keep(self, hit: Detection, *, decided_s: float, near: bool = False) -> None:
        if self._keeper is not None:
            ago_s = self._detector.heard_samples / SAMPLE_RATE_HZ - decided_s
            self._keeper.want(hit, ago_s=ago_s, near=near)

    def _lost(self, lost: Lost) -> None:
        super()._lost(lost)
        self._detector.reset()
        self._meter.reset()
        if self._near is not None:
            self._near.reset()

    def _back(self) -> None:
        super()._back()
        self._offset_s = self.totals.elapsed_s

    def _status(self, now_s: float) -> Status:
        if now_s - self._hint_s >= HINT_S:
            self._hint_s, self._hint = now_s, self._meter.hint
        if now_s - self._load_s >= LOAD_S:
            cpu_s = self._cpu_clock()
            self._load = (cpu_s - self._cpu_s) / (now_s - self._load_s)
            self._load_s, self._cpu_s = now_s, cpu_s
        return Status(self.totals.elapsed_s, self._meter.peak_db, self._meter.rms_db, self._hint, self._latency_s,
                      self._load, self.totals.overflows, self._lost_since_s is not None)

    def _finish(self) -> None:
        self.totals.cpu_s = self._cpu_clock() - self._cpu_start_s
        if self._reporting is not None:
            self._reporting.end()
        super()._finish()
