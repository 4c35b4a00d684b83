"""kws: a keyword spotter from recordings to a microcontroller."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from kws.detect.detector import Detector

__all__ = ["load"]
__version__ = "0.2.0"


def load(run: "str | Path") -> "Detector":
    """The detector of a trained run: its path, or its name in the models/ of the workspace around the current folder.

    Raises ModelError if there is no such run, PlanError if its plan is damaged.

    Examples:
        >>> import kws, soundfile
        >>> samples, rate_hz = soundfile.read("recordings/demo/commands.flac", dtype="int16")
        >>> rate_hz
        16000
        >>> detector = kws.load("models/commands")
        >>> for hit in detector.push(samples[6 * rate_hz:12 * rate_hz]):  # int16 [n] at 16 kHz mono, any n
        ...     print(hit.keyword, f"in second {hit.time_s:.0f}", hit.score > 0.5)
        up in second 1 True
        off in second 5 True

    See also: Detector.push, and Detector.scores for what the network says before the decoder.
    """
    from kws.detect.detector import load_detector

    return load_detector(run)
