"""The network's scores over hours of sound: heard once, judged by any decoder afterwards.

An hour at 50 decisions a second for 12 labels takes 2 MB. The network is run once; the C decoder then goes through the
scores of an hour in some hundredths of a second, so that every count below comes from the code that the device runs.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ
from kws.detect.detector import Detection, Detector
from kws.engine.decoder import SCORE_STEPS, Decoder, DecoderTables


@dataclass(frozen=True, eq=False)
class ScoreTrack:
    """What the network said about one continuous sound.

    scores  : int8 [decisions, labels]
    heard   : int64 [decisions], samples up to each decision
    samples : length of the whole sound
    """

    labels: tuple[str, ...]
    scores: np.ndarray
    heard: np.ndarray
    samples: int

    @property
    def seconds(self) -> float:
        return self.samples / SAMPLE_RATE_HZ

    @property
    def hours(self) -> float:
        return self.seconds / 3600

    def detections(self, tables: DecoderTables) -> list[Detection]:
        """What a detector with these decoder tables reports in the whole sound."""
        return [Detection(self.labels[label], int(self.heard[hop]) / SAMPLE_RATE_HZ, score / SCORE_STEPS)
                for hop, label, score in Decoder(tables).push(self.scores)]


def hear(detector: Detector, blocks: Iterable[np.ndarray]) -> ScoreTrack:
    """Scores of one recording, with quiet before and behind as `kws detect` hears it; times are the recording's.

    blocks : int16 [any length], 16 kHz mono
    """
    detector.reset()
    quiet = np.zeros(detector.quiet_samples, np.int16)
    scores, heard, samples = [np.empty((0, len(detector.labels)), np.int8)], [np.empty(0, np.int64)], 0
    for block in itertools.chain([quiet], blocks, [quiet]):
        rows, at = detector.scores(block)
        scores.append(rows)
        heard.append(at)
        samples += len(block)
    detector.reset()
    samples -= 2 * len(quiet)
    when = np.clip(np.concatenate(heard) - len(quiet), 0, samples)
    return ScoreTrack(detector.labels, np.concatenate(scores), when, samples)
