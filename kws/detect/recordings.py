"""Recordings through the detector: they begin and end, and so they are heard with quiet before and behind.

A stream has sound before and after every word; a file may begin and end with one. Without quiet around it the network
would decide about the word once at most, and the decoder would never see its score rise and fall.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from kws.audio.reading import open_sound
from kws.audio.resampling import SAMPLE_RATE_HZ
from kws.detect.detector import Detection, Detector

QUIET_S = 1.0


def quiet_samples(detector: Detector) -> int:
    """Zeros before and behind a recording: a second, and at least a window; whole hops, so that none of them moves."""
    hop = detector.plan.frontend.hop_samples
    return -(-max(round(QUIET_S * SAMPLE_RATE_HZ), detector.window_samples) // hop) * hop


def hear(detector: Detector, blocks: Iterable[np.ndarray]) -> Iterator[Detection]:
    """Detections in a recording : int16 [n] blocks of it. Times are the recording's, from 0 to its length.

    The detector is reset before, and has heard the recording and the quiet around it afterwards.
    """
    detector.reset()
    quiet = np.zeros(quiet_samples(detector), np.int16)
    detector.push(quiet)
    heard = 0
    for block in blocks:
        heard += len(block)
        yield from (moved(hit, len(quiet), heard) for hit in detector.push(block))
    yield from (moved(hit, len(quiet), heard) for hit in detector.push(quiet))


def moved(hit: Detection, quiet: int, heard: int) -> Detection:
    """A detection in the time of the recording: one in the quiet behind it was made at its end."""
    samples = min(max(round(hit.time_s * SAMPLE_RATE_HZ) - quiet, 0), heard)
    return Detection(hit.keyword, samples / SAMPLE_RATE_HZ, hit.score)


def hear_file(detector: Detector, path: Path | str) -> Iterator[Detection]:
    """Detections in a sound file of any format. Raises DataError if it cannot be read."""
    return hear(detector, open_sound(Path(path)).blocks())
