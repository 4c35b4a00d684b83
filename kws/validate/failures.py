"""Where it fails: the clips that it got most wrong and its worst false alarms, to hear and to see."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ
from kws.detect.detector import Detector
from kws.errors import ModelError
from kws.explore.sounds import playable
from kws.features.frontend import log_mel
from kws.records import RecordError, from_json
from kws.validate.clips import STREAMING, ClipResult, ClipSet
from kws.validate.negatives import FalseAlarm, moment
from kws.validate.plots import moment_plot
from kws.validate.track import hear
from kws.workspace import read_json, read_manifest

FAILURES_NAME = "failures.json"
CLIP, FALSE_ALARM = "clip", "false alarm"
WORST_CLIPS = 10
LINES = 3  # scores that are drawn


@dataclass(frozen=True)
class Failure:
    """kind : CLIP or FALSE_ALARM; title : what happened where; sound : a data: address; picture : SVG."""

    kind: str
    title: str
    sound: str
    picture: str


@dataclass(frozen=True)
class Failures:
    """The content of failures.json."""

    failures: tuple[Failure, ...] = ()


def read_failures(run: Path) -> tuple[Failure, ...]:
    """The moments that earlier validations left in a run. Raises ModelError if they are damaged."""
    if FAILURES_NAME not in read_manifest(run).files:
        return ()
    try:
        return from_json(Failures, read_json(run, FAILURES_NAME)).failures
    except RecordError as error:
        raise ModelError(f"{run / FAILURES_NAME} is damaged ({error}); remove it from the run and measure again: "
                         "kws validate") from error


def worst_clips(result: ClipResult, *, most: int = WORST_CLIPS) -> list[int]:
    """Wrong clips, those with the greatest lead of what was decided over what was said first."""
    scores = result.scores[STREAMING].astype(np.int64)
    rows = np.arange(len(scores))
    lead = scores.max(axis=1) - scores[rows, result.truth]
    wrong = np.flatnonzero(scores.argmax(axis=1) != result.truth)
    return [int(i) for i in wrong[np.argsort(-lead[wrong], kind="stable")][:most]]


def clip_failures(detector: Detector, clips: ClipSet, result: ClipResult) -> list[Failure]:
    """The worst clips."""
    found = []
    for i in worst_clips(result):
        row = result.scores[STREAMING][i].astype(int)
        said, heard = result.labels[int(result.truth[i])], result.labels[int(row.argmax())]
        name = clips.names[i] if clips.names else f"clip {i}"
        title = f"{name}: {said}, taken for {heard} (score {(row.max() + 128) / 256:.2f})"
        found.append(Failure(CLIP, title, playable(clips.samples[i]), picture(detector, clips.samples[i], said, heard)))
    return found


def alarm_failures(detector: Detector, alarms: Sequence[FalseAlarm]) -> list[Failure]:
    """The worst false alarms, with the sound around them."""
    found = []
    for alarm in alarms:
        audio, into_s = moment(alarm)
        title = (f"{alarm.keyword} {alarm.score:.2f} at {alarm.time_s:.1f} s of {alarm.path.name}, "
                 f"{into_s:.1f} s into the sound")
        found.append(Failure(FALSE_ALARM, title, playable(audio), picture(detector, audio, alarm.keyword)))
    return found


def picture(detector: Detector, audio: np.ndarray, *shown: str) -> str:
    """Bands and scores over time; shown : labels that are drawn whatever their scores, as far as LINES reaches."""
    track = hear(detector, [audio])
    scores = (track.scores.astype(np.float64) + 128) / 256
    others = [track.labels[k] for k in np.argsort(-scores.max(axis=0), kind="stable")]
    labels = list(dict.fromkeys([*shown, *others]))[:LINES]
    spec = detector.plan.spec.frontend
    return moment_plot(log_mel(spec, audio), spec.hop_ms, track.heard / SAMPLE_RATE_HZ,
                       scores[:, [track.labels.index(label) for label in labels]], labels)
