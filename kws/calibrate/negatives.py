"""Thresholds from what is not a keyword alone, for keywords of which there are too few recordings to spare any.

Clips of other words are set into background noise as in kws.calibrate.operating_point and scored by the streaming
engine. Each keyword gets the lowest threshold at which it does not trigger more often on that stream than the false
alarms per hour of kws.toml allow. How many keywords such a threshold misses is not looked at: nothing that was heard
could tell.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kws.calibrate.operating_point import OperatingPoint, build_stream, count
from kws.detect.detector import Detector
from kws.engine.decoder import SCORE_STEPS, build_decoder_tables
from kws.spec import UNKNOWN, Spec

SMOOTHING_MS = 160
LEVELS = tuple(range(128, 254, 3))  # thresholds that are tried, in steps of 1/256: 0.5 to 0.98
RULE = ("per keyword the lowest threshold that triggers no more often than false_alarms_per_hour on validation clips "
        "of other words in background noise; keywords were too few to count misses")


def choose_on_negatives(spec: Spec, detector: Detector, *, clips: np.ndarray, noise: Sequence[np.ndarray],
                        rng: np.random.Generator) -> OperatingPoint:
    """Choose thresholds by the rule above.

    detector : of the trained network, whatever its thresholds
    clips    : int16 [n, samples], other words; noise : arrays of any length in steps of int16, background recordings
    """
    smoothing_ms = spec.detector.smoothing_ms or SMOOTHING_MS
    stream = build_stream(clips, np.full(len(clips), spec.labels.index(UNKNOWN)), noise, rng)
    detector.reset()
    scores, decided_at = detector.scores(stream.samples)
    detector.reset()

    def tables_at(thresholds: dict[str, float]) -> tuple[Any, ...]:
        tables = build_decoder_tables(spec, thresholds=thresholds, smoothing_ms=smoothing_ms,
                                      decide_every=detector.decide_every)
        return tables, count(spec, tables, stream, scores, decided_at)

    allowed = int(spec.requirements.false_alarms_per_hour * stream.hours)
    thresholds = dict.fromkeys(spec.keywords, spec.detector.threshold or LEVELS[-1] / SCORE_STEPS)
    if not spec.detector.threshold:
        for level in reversed(LEVELS):
            found = tables_at(dict.fromkeys(spec.keywords, level / SCORE_STEPS))[1]
            quiet = [word for word in spec.keywords if found[word].false_alarms <= allowed]
            thresholds.update(dict.fromkeys(quiet, level / SCORE_STEPS))
    tables, counts = tables_at(thresholds)
    return OperatingPoint(tables, float(smoothing_ms), thresholds, counts, stream.hours, RULE)
