"""The PC's engine beside a device's, on the samples that the device sends: do both detect the same?

A detection is the same when keyword, time in milliseconds and score are equal. The device prints what it hears next
before it prints what it detects there, so when the next sound comes, everything of the sound before has come too.
After a gap in what is sent the PC starts anew, in step with the device's hops, and compares again when both have
forgotten it.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ
from kws.detect.detector import Detector, Hop
from kws.engine.decoder import SCORE_STEPS
from kws.listen.serial.protocol import Detected, SentSound

WRAP_SAMPLES = 1 << 32  # where the device's count starts anew, and with it
WRAP_MS = WRAP_SAMPLES * 1000 // SAMPLE_RATE_HZ  # a whole number: times are compared modulo this


@dataclass(frozen=True)
class Totals:
    """What was compared. samples : sound; same, different : detections; gaps : in what was sent."""

    samples: int
    same: int
    different: int
    gaps: int


class Twin:
    """`sound` and `detected` in the order of the device's lines."""

    def __init__(self, detector: Detector):
        plan = detector.plan
        self._detector = detector
        self._step = plan.frontend.hop_samples * detector.decide_every
        decoder = plan.decoder
        hops = decoder.smoothing_hops + decoder.refractory_hops + decoder.talk_hops + decoder.talk_lag_hops + 1
        self._memory = detector.window_samples + hops * self._step
        self._samples = self._same = self._different = self._gaps = 0
        self._begun = False
        self.restart()

    @property
    def totals(self) -> Totals:
        return Totals(self._samples, self._same, self._different, self._gaps)

    def restart(self) -> None:
        """The device has started: its count is at 0."""
        self._detector.reset()
        self._next = self._offset = 0  # of the device's next sample; of the detector's first one
        self._since_gap = self._memory
        self.forget()

    def forget(self) -> None:
        """What waits to be compared is not: a line between was damaged."""
        self._device: list[tuple[str, int, int]] = []
        self._here: list[tuple[str, int, int]] = []

    def sound(self, sent: SentSound) -> tuple[list[Hop], list[str]]:
        """What the PC sees in the next samples, and in words what differed in those before."""
        differences = []
        if sent.first == self._next:
            differences = self._settle()
        elif sent.first == 0:
            self.restart()
        else:
            self._resume(sent.first)
        self._begun = True
        self._next = (sent.first + len(sent.samples)) % WRAP_SAMPLES
        hops = self._detector.watch(sent.samples)
        for hit in (hop.hit for hop in hops if hop.hit is not None):
            sample = round(hit.time_s * SAMPLE_RATE_HZ) + self._offset
            self._here.append((hit.keyword, sample * 1000 // SAMPLE_RATE_HZ % WRAP_MS, round(hit.score * SCORE_STEPS)))
        self._since_gap += len(sent.samples)
        if self._since_gap > self._memory:
            self._samples += len(sent.samples)
        return hops, differences

    def detected(self, line: Detected) -> None:
        """A detection of the device."""
        self._device.append((line.keyword, line.time_ms % WRAP_MS, line.score))

    def _resume(self, first: int) -> None:
        """Begin at the device's sample `first`, at the same place in its hops."""
        self._gaps += self._begun  # to come in the middle of a stream is none
        self._detector.reset()
        lead = first % self._step
        self._detector.push(np.zeros(lead, np.int16))
        self._offset, self._since_gap = first - lead, 0
        self.forget()

    def _settle(self) -> list[str]:
        """Compare what both have detected since the last sound but one."""
        device, here = Counter(self._device), Counter(self._here)
        self.forget()
        if self._since_gap < self._memory:
            return []
        self._same += (device & here).total()
        only_device, only_here = sorted((device - here).elements()), sorted((here - device).elements())
        found = []
        for place in range(max(len(only_device), len(only_here))):
            pair = only_device[place:place + 1], only_here[place:place + 1]
            time_ms = (pair[0] or pair[1])[0][1]
            found.append(f"differs at {time_ms / 1000:.3f} s: the device detected {words(pair[0])}, this PC "
                         f"{words(pair[1])}")
        self._different += len(found)
        return found


def words(detections: list[tuple[str, int, int]]) -> str:
    """yes (225 of 256, at 1.234 s), or nothing."""
    return ", ".join(f"{word} ({score} of {SCORE_STEPS}, at {time_ms / 1000:.3f} s)"
                     for word, time_ms, score in detections) or "nothing"
