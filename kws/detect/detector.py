"""The streaming detector: samples in, detections out. Runs without TensorFlow.

    detector = kws.load("models/commands")
    for hit in detector.push(samples):      # int16 at 16 kHz mono, any number of samples at a time
        print(hit.keyword, hit.time_s, hit.score)
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kws.arguments import Features, Samples, Scores, check_array, checked_path
from kws.audio.reading import open_sound
from kws.audio.resampling import SAMPLE_RATE_HZ
from kws.engine.decoder import SCORE_STEPS, Decoder
from kws.engine.network import Network
from kws.engine.plan import Plan
from kws.features.frontend import FrontendStream
from kws.native.cffi_types import Pointer
from kws.workspace import locate_run, read_artefact

PLAN_NAME = "model.kws"
QUIET_S = 1.0  # before and behind a recording
INT16_HINT = "16 kHz mono; from float -1..1: (x * 32767).astype(np.int16)"
SAMPLES_PER_CALL = 1 << 30  # the C counts samples of one call in 32 bits


@dataclass(frozen=True)
class Detection:
    """keyword : what was heard; time_s : seconds of audio up to the decision; score : 0..1, averaged."""

    keyword: str
    time_s: float
    score: float


@dataclass(frozen=True, eq=False)
class Hop:
    """What the detector sees at one step of its front end.

    time_s   : seconds of audio so far
    row      : int8 [features], what the network was given
    averages : float32 [labels] 0..1, the smoothed scores that the decoder has compared with its thresholds; None if
               the network has not decided, because its window fills or it decides less often
    hit      : the detection, if there is one
    """

    time_s: float
    row: Features
    averages: np.ndarray | None
    hit: Detection | None


class Detector:
    """One stream through front end, network and decoder; how the samples are cut into pushes does not matter."""

    def __init__(self, plan: Plan):
        """Raises PlanError if the plan's parts are damaged or do not fit each other."""
        from kws.native._native import ffi, lib

        self.plan = plan
        self._lib, self._ffi = lib, ffi
        self._parts = FrontendStream(plan.frontend), Network(plan.program), Decoder(plan.decoder)
        self._state = ffi.new("kws_detector *")
        self._consumed, self._event = ffi.new("int32_t *"), ffi.new("kws_event *")
        lib.kws_detector_init(self._state, *(part.state for part in self._parts))

    @property
    def labels(self) -> tuple[str, ...]:
        """What the network tells apart, in the order of its scores."""
        return self.plan.labels

    @property
    def window_samples(self) -> int:
        """Samples until the first decision."""
        tables = self.plan.frontend
        return tables.window_samples + (self.plan.program.frames - 1) * tables.hop_samples

    @property
    def quiet_samples(self) -> int:
        """Zeros before and behind a recording: a second, and at least a window; whole hops, so that none moves."""
        hop = self.plan.frontend.hop_samples
        return -(-max(round(QUIET_S * SAMPLE_RATE_HZ), self.window_samples) // hop) * hop

    @property
    def decide_every(self) -> int:
        """Front-end hops from one decision to the next."""
        return self.plan.program.decide_every

    @property
    def heard_samples(self) -> int:
        """Samples since the reset."""
        return self._state.heard

    def reset(self) -> None:
        """Forget everything heard so far; time starts at 0.

        Examples:
            >>> import kws, numpy as np
            >>> detector = kws.load("models/commands")
            >>> detector.push(np.zeros(4000, np.int16))
            []
            >>> detector.heard_samples
            4000
            >>> detector.reset()
            >>> detector.heard_samples
            0
        """
        self._lib.kws_detector_reset(self._state)

    def push(self, samples: Samples) -> list[Detection]:
        """Detections in the next samples : int16 [n], 16 kHz mono, any n.

        Examples:
            How a sound is cut makes no difference: whole, or in pieces of 1,000 samples.

            >>> import kws, soundfile
            >>> samples, _ = soundfile.read("recordings/demo/commands.flac", stop=12 * 16_000, dtype="int16")
            >>> detector = kws.load("models/commands")
            >>> whole = detector.push(samples)
            >>> [hit.keyword for hit in whole]
            ['stop', 'up', 'off']
            >>> detector.reset()
            >>> pieces = [hit for at in range(0, len(samples), 1000) for hit in detector.push(samples[at:at + 1000])]
            >>> pieces == whole
            True

        See also: reset, scores.
        """
        found = []
        for chunk in pointers(samples):
            pointer, count = chunk
            while self._lib.kws_detector_push(self._state, pointer, count, self._consumed, self._event):
                found.append(self._detection())
                pointer, count = pointer + self._consumed[0], count - self._consumed[0]
        return found

    def hear(self, path: str | Path) -> Iterator[Detection]:
        """Detections in a sound file of any format and length, with quiet before and behind, from its beginning.

        Raises DataError if the file cannot be read.

        Examples:
            >>> import kws
            >>> detector = kws.load("models/commands")
            >>> for hit in detector.hear("recordings/demo/commands.flac"):
            ...     if hit.time_s < 12:
            ...         print(hit.keyword, f"{hit.time_s:.0f} s")
            stop 6 s
            up 7 s
            off 11 s

        See also: push, for sound that goes on.
        """
        return self.hear_blocks(open_sound(checked_path("path", path)).blocks())

    def hear_blocks(self, blocks: Iterable[Samples]) -> Iterator[Detection]:
        """Detections in a recording : int16 [n] blocks of it. Times are the recording's, from 0 to its length.

        A stream has sound before and after every word; a file may begin and end with one. Without quiet around it the
        network would decide about the word once at most, and the decoder would never see its score rise and fall.
        The detector is reset before, and has heard the recording and the quiet around it afterwards.
        """
        self.reset()
        quiet = np.zeros(self.quiet_samples, np.int16)
        self.push(quiet)
        heard = 0
        for block in blocks:
            heard += len(block)
            yield from (moved(hit, len(quiet), heard) for hit in self.push(block))
        yield from (moved(hit, len(quiet), heard) for hit in self.push(quiet))

    def watch(self, samples: Samples) -> list[Hop]:
        """`push` for displays: every step in the next samples, int16 [n], with the same detections."""
        hops = []
        for pointer, count in pointers(samples):
            while found := self._lib.kws_detector_watch(self._state, pointer, count, self._consumed, self._event):
                hops.append(self._hop(found))
                pointer, count = pointer + self._consumed[0], count - self._consumed[0]
        return hops

    def _detection(self) -> Detection:
        """What the C has just found."""
        event = self._event
        return Detection(self.labels[event.label], event.sample / SAMPLE_RATE_HZ, event.score / SCORE_STEPS)

    def _hop(self, found: int) -> Hop:
        """The row at which the C has just stopped."""
        row = np.frombuffer(self._ffi.buffer(self._state.row), np.int8, self.plan.frontend.features).copy()
        averages = None
        if found & self._lib.KWS_WATCH_SCORES:
            sums = np.frombuffer(self._ffi.buffer(self._state.decoder.sums), np.uint16, len(self.labels))
            averages = sums / np.float32(SCORE_STEPS * self.plan.decoder.smoothing_hops)
        hit = self._detection() if found & self._lib.KWS_WATCH_EVENT else None
        return Hop(self.heard_samples / SAMPLE_RATE_HZ, row, averages, hit)

    def scores(self, samples: Samples) -> tuple[Scores, NDArray[np.int64]]:
        """The network's decisions on the next samples, without the decoder: for validation.

        samples : int16 [n] -> scores : int8 [decisions, labels] (the softmax is (score + 128) / 256), and the number of
        samples heard at each decision : int64 [decisions]

        Examples:
            >>> import kws, numpy as np
            >>> detector = kws.load("models/commands")
            >>> scores, heard = detector.scores(np.zeros(16_000 + 320, np.int16))
            >>> scores.shape, heard.tolist() == [detector.window_samples, detector.window_samples + 320]
            ((2, 12), True)
            >>> detector.labels[scores[0].argmax()]
            '_silence_'
        """
        check_array("samples", samples, np.int16, "n", hint=INT16_HINT)
        hops = len(samples) // self.plan.frontend.hop_samples + 2
        rows, heard, done = np.empty((hops, len(self.labels)), np.int8), np.empty(hops, np.uint64), 0
        for pointer, count in pointers(samples):
            out = self._ffi.from_buffer("int8_t[]", rows) + done * len(self.labels)
            when = self._ffi.from_buffer("uint64_t[]", heard) + done
            done += self._lib.kws_detector_scores(self._state, pointer, count, out, when)
        return rows[:done], heard[:done].astype(np.int64)


def moved(hit: Detection, quiet: int, heard: int) -> Detection:
    """A detection in the time of the recording: one in the quiet behind it was made at its end."""
    samples = min(max(round(hit.time_s * SAMPLE_RATE_HZ) - quiet, 0), heard)
    return Detection(hit.keyword, samples / SAMPLE_RATE_HZ, hit.score)


def pointers(samples: Samples) -> Iterator[tuple[Pointer, int]]:
    """(C pointer, count) of pieces that one call can take. Raises ArgumentError for anything but int16 [n]."""
    from kws.native._native import ffi

    check_array("samples", samples, np.int16, "n", hint=INT16_HINT)
    samples = np.ascontiguousarray(samples)
    start = ffi.from_buffer("int16_t[]", samples)
    for done in range(0, len(samples), SAMPLES_PER_CALL):
        yield start + done, min(len(samples) - done, SAMPLES_PER_CALL)


def load_detector(run: str | Path) -> Detector:
    """See kws.load."""
    folder = locate_run(checked_path("run", run))
    return Detector(Plan.from_bytes(read_artefact(folder, PLAN_NAME)))
