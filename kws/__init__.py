"""kws: a keyword spotter from recordings to a microcontroller."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from kws.detect.detector import Detector

__all__ = ["load"]
__version__ = "0.2.0"


def load(run: "str | Path") -> "Detector":
    """The detector of a trained run: its path, or its name in the models/ of the workspace around the current folder.

        detector = kws.load("models/commands")
        for hit in detector.push(samples):      # int16 [n] at 16 kHz mono, any n
            print(hit.keyword, hit.time_s, hit.score)

    Raises ModelError where there is no such run, PlanError where its plan is damaged.
    """
    from kws.detect.detector import load_detector

    return load_detector(run)
