"""Who is compared: runs, a network from elsewhere behind the first run's front end, a peer's detections."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kws.data.truth import Event, read_truth
from kws.detect.detector import Detector, load_detector
from kws.engine.graph import read_graph
from kws.engine.streaming import lower
from kws.errors import DataError, ModelError
from kws.run_metrics import MeasuredBudget, read_metrics
from kws.validate.clips import read_clip_folder, streaming_scores
from kws.validate.compare import Contender, Costs, count_bursts, read_detections
from kws.validate.negatives import gather, hear_negatives, judge_negatives
from kws.validate.streams import hear_stream, judge_detections


@dataclass(frozen=True)
class CommonSound:
    """What all of them hear; parts that were not given are None or empty."""

    clips: Path | None
    stream: Path | None
    truth: tuple[Event, ...]
    negatives: tuple[Path, ...]


def common_sound(*, clips: Path | None, stream: Path | None, truth: Path | None,
                 negatives: Sequence[Path]) -> CommonSound:
    """Raises DataError if there is nothing to hear."""
    if clips is None and stream is None and not negatives:
        raise DataError("nothing to compare on: give --clips DIR, --stream WAV --truth CSV or --negatives PATH")
    events = read_truth(truth or stream.with_suffix(".csv")) if stream is not None else ()
    return CommonSound(clips, stream, events, tuple(negatives))


def contender(name: str, detector: Detector, sound: CommonSound, *, costs: Costs | None) -> Contender:
    """Hear everything with one detector."""
    right = stream = judged = None
    spec = detector.plan.spec
    if sound.clips is not None:
        clips = read_clip_folder(sound.clips, labels=spec.labels, samples=spec.frontend.clip_samples)
        right = streaming_scores(detector, clips.samples).argmax(axis=1) == np.asarray(clips.truth)
    if sound.stream is not None:
        stream = hear_stream(detector, sound.stream, sound.truth).judge(detector.plan.decoder)
    if sound.negatives:
        judged = judge_negatives(hear_negatives(detector, sound.negatives), detector.plan.decoder)
    return Contender(name, right, stream, judged.total.false_alarms if judged else None,
                     judged.total.hours if judged else 0.0, costs)


def of_run(run: Path, sound: CommonSound) -> Contender:
    return contender(run.name, load_detector(run), sound, costs=costs_of(run))


def of_tflite(path: Path, first: Path, sound: CommonSound) -> Contender:
    """A network with the inputs and outputs of the first run's, behind that run's front end and decoder.

    Raises ModelError if its shapes are others.
    """
    plan = load_detector(first).plan
    try:
        program = lower(read_graph(path.read_bytes()))
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    wanted, got = ((one.frames, one.features, one.labels) for one in (plan.program, program))
    if wanted != got:
        raise ModelError(f"{path}: takes {got[0]} frames of {got[1]} features and tells {got[2]} labels apart; "
                         f"beside {first.name} it must be {wanted[0]}, {wanted[1]} and {wanted[2]}")
    return contender(path.stem, Detector(replace(plan, program=program)), sound, costs=None)


def of_detections(path: Path, first: Path, sound: CommonSound) -> Contender:
    """What another detector reported: lines without a file, or with the stream's, belong to the stream.

    On negatives every detection in one of their files counts, and the hours are those of the first run.
    """
    detector = load_detector(first)
    heard = read_detections(path, detector.plan.spec.keywords)
    own = {"", sound.stream.name if sound.stream else ""}
    stream = alarms = None
    hours = 0.0
    if sound.stream is not None:
        track = hear_stream(detector, sound.stream, sound.truth)
        hits = [hit for name in own for hit in heard.get(name, [])]
        stream = judge_detections(track.truth, hits, hours=track.track.hours)
    if sound.negatives:
        hours = sum(source.hours for source in hear_negatives(detector, sound.negatives))
        files = {one.name for paths in gather(sound.negatives).values() for one in paths}
        alarms = sum(count_bursts(hits) for name, hits in heard.items() if name in files)
    return Contender(path.stem, None, stream, alarms, hours, None)


def costs_of(run: Path) -> Costs | None:
    """Flash, RAM and instructions per second, from the run's metrics; None if they do not say."""
    metrics = read_metrics(run)
    if metrics is None:
        return None
    device = metrics.device
    counted = float(device.instructions_per_second) if isinstance(device, MeasuredBudget) else None
    return Costs(float(device.flash_bytes.total), float(device.ram_bytes.total), counted)
