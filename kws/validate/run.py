"""Validation of a trained run: which sound, which engines, and every requirement."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws.audio.files import read_samples
from kws.data.corpus import SPLITS, has_recordings, scan
from kws.data.talk import find_rooms
from kws.data.truth import read_truth
from kws.detect.detector import Detector, load_detector
from kws.errors import DataError
from kws.features.frontend import Frontend
from kws.quantize.inspect import WINDOWS, inspect_layers
from kws.requirements import Requirement
from kws.run_metrics import LayerQuantization, read_metrics
from kws.spec import Requirements, Spec
from kws.validate.clips import FLOAT, ClipResult, ClipSet, classify, read_clip_folder
from kws.validate.curves import CurvePoint, curve
from kws.validate.gate import against, from_metrics, gate
from kws.validate.intervals import hours_to_prove
from kws.validate.negatives import NegativeResult, hear_negatives, judge_negatives
from kws.validate.robustness import Condition, robustness
from kws.validate.streams import StreamResult, hear_stream
from kws.workspace import Workspace, nearby_workspace, open_workspace, read_artefact, read_manifest

ROBUSTNESS_SEED = 1
TFLITE_NAME, KERAS_NAME = "model.tflite", "model.keras"


@dataclass(frozen=True)
class ClipOutcome:
    """source : where the clips came from, in words; notes : what a person should know about them."""

    result: ClipResult
    source: str
    notes: tuple[str, ...]
    clips: ClipSet


@dataclass(frozen=True)
class Outcome:
    """The parts that were asked for, every requirement, and the curve if there are negatives and a stream.

    measured : the requirements that this validation decided; layers : what quantization did, if it had to be looked at
    """

    clips: ClipOutcome | None
    negatives: NegativeResult | None
    stream: StreamResult | None
    requirements: tuple[Requirement, ...]
    curve: tuple[CurvePoint, ...] = ()
    measured: tuple[Requirement, ...] = ()
    layers: tuple[LayerQuantization, ...] = ()


def validate(run: Path, *, clips: Path | None = None, negatives: Sequence[Path] = (), stream: Path | None = None,
             truth: Path | None = None, directory: Path | None = None, scheduler: str | None = None) -> Outcome:
    """Measure a run on clips, on hours without keywords, on a labelled recording: on what is given.

    clips     : a folder by label; the run's own test split if nothing else is given either
    truth     : of the stream; by default the .csv beside it
    directory : the workspace whose recordings and requirements count; the one around the current folder by default
    scheduler : address of a Dask scheduler whose workers hear blocks of clips and sources of negatives
    Raises DataError if there is nothing to hear, KwsError if the test split is asked for outside a workspace.
    """
    events = read_truth(truth or stream.with_suffix(".csv")) if stream else ()
    detector = load_detector(run)
    decoder, spec = detector.plan.decoder, detector.plan.spec
    limits = own_requirements(run, spec, directory)
    on_clips = heard = judged = None
    if clips is not None or not (negatives or stream):
        on_clips = validate_clips(detector, run, clips=clips, directory=directory, scheduler=scheduler)
        limits = limits if clips is not None else open_workspace(directory).spec.requirements
    sources = hear_negatives(detector, negatives, scheduler=scheduler) if negatives else []
    if sources:
        judged = judge_negatives(sources, decoder)
    track = hear_stream(detector, stream, events) if stream else None
    if track:
        heard = track.judge(decoder)
    metrics = read_metrics(run)
    now = measured_now(limits, on_clips.result if on_clips else None, judged, heard)
    return Outcome(on_clips, judged, heard, gate(limits, [*from_metrics(metrics, limits), *now]),
                   tuple(curve(track, sources, decoder)) if track and sources else (), tuple(now),
                   inspected(run, detector, on_clips) if on_clips and not (metrics and metrics.quantization) else ())


def inspected(run: Path, detector: Detector, found: ClipOutcome) -> tuple[LayerQuantization, ...]:
    """What quantization did to each layer, on some of the clips; nothing without Keras."""
    if FLOAT not in found.result.scores:
        return ()
    import keras

    some = found.clips.samples[::max(1, len(found.clips.samples) // WINDOWS)]
    model = keras.models.load_model(run / KERAS_NAME, compile=False)
    return inspect_layers(read_artefact(run, TFLITE_NAME), model, Frontend(detector.plan.frontend).extract(some))


def measured_now(limits: Requirements, clips: ClipResult | None, negatives: NegativeResult | None,
                 stream: StreamResult | None) -> list[Requirement]:
    """The requirements that these measurements decide; false alarms on negatives count for more than a stream's."""
    found = []
    if clips is not None:
        found.append(against(limits, "accuracy_percent", 100 * (clips.confusion().accuracy or 0.0)))
    if stream is not None and stream.miss_rate is not None:
        low, high = stream.miss_interval
        found.append(against(limits, "miss_rate_percent", 100 * stream.miss_rate,
                             note=f"{stream.total.events} words, 95 % interval {100 * low:.1f} to {100 * high:.1f}"))
        late = stream.latency_ms(0.95)
        if late is not None:
            found.append(against(limits, "latency_ms", late, note="95th percentile"))
    rated = negatives.total if negatives is not None else stream and SoundCount(stream.hours, stream.total.false_alarms)
    if rated and rated.hours > 0:
        found.append(against(limits, "false_alarms_per_hour", rated.false_alarms / rated.hours,
                             note=proof(rated.false_alarms, rated.hours, limits.false_alarms_per_hour)))
    return found


@dataclass(frozen=True)
class SoundCount:
    """So many false alarms in so many hours."""

    hours: float
    false_alarms: int


def proof(false_alarms: int, hours: float, limit: float) -> str:
    """Whether so many hours prove the limit, in words."""
    needed = hours_to_prove(limit, false_alarms=false_alarms)
    if false_alarms > limit * hours:
        return f"{false_alarms} in {hours:.1f} h"
    if needed <= hours:
        return f"{false_alarms} in {hours:.1f} h: proven with 95 % confidence"
    return f"{false_alarms} in {hours:.1f} h: not proven; that would take {needed:.1f} h with no more false alarms"


def validate_clips(detector: Detector, run: Path, *, clips: Path | None, directory: Path | None,
                   scheduler: str | None = None) -> ClipOutcome:
    """Classify `clips` (a folder by label), or the run's own test split, with every engine that is installed."""
    spec = detector.plan.spec
    if clips is not None:
        chosen, source = read_clip_folder(clips, labels=spec.labels, samples=spec.frontend.clip_samples), str(clips)
    else:
        workspace = open_workspace(directory)
        chosen = test_split(spec, workspace, read_manifest(run).data_fingerprint)
        source = f"the test split of {workspace.recordings}"
    keras_model = run / KERAS_NAME
    result = classify(detector, chosen, tflite=read_artefact(run, TFLITE_NAME),
                      keras_model=keras_model if keras_model.is_file() else None, scheduler=scheduler)
    return ClipOutcome(result, source, chosen.notes, chosen)


def measure_robustness(run: Path, found: ClipOutcome, directory: Path | None) -> list[Condition]:
    """The clips of a validation once more, in the noise and the rooms of the workspace, if there is one."""
    from kws.model.augment import read_noise

    detector, around = load_detector(run), nearby_workspace(directory)
    noise: list[np.ndarray] = []
    rooms: dict[str, np.ndarray] = {}
    if around is not None and has_recordings(around.recordings):
        files = scan(around.recordings).noise
        samples = detector.plan.spec.frontend.clip_samples
        noise = read_noise(files, split="testing", samples=samples) if files else []
        rooms = {path.stem: read_samples(path) for path in find_rooms(around.recordings)}
    return robustness(detector, found.clips, noise=noise, rooms=rooms, speakers=found.clips.speakers,
                      rng=np.random.default_rng(ROBUSTNESS_SEED))


def own_requirements(run: Path, spec: Spec, directory: Path | None) -> Requirements:
    """Those of the kws.toml that the run lies beside, as it is now; else those that the run was trained with."""
    around = nearby_workspace(directory)
    inside = around is not None and run.resolve().parent == around.models.resolve()
    return around.spec.requirements if around and inside else spec.requirements


def test_split(spec: Spec, workspace: Workspace, trained_on: str | None) -> ClipSet:
    """The test clips of the 12-label protocol by the speaker split, silence cut from the noise's test part.

    trained_on : fingerprint of the recordings that the run was trained on
    """
    from kws.data.corpus import load_clips
    from kws.model.augment import read_noise, silence
    from kws.model.dataset import SILENCE
    from kws.model.examples import choose_examples

    corpus = scan(workspace.recordings)
    examples = choose_examples(corpus, spec)
    part, samples = examples.testing, spec.frontend.clip_samples
    if not len(part.clips):
        raise DataError(f"{workspace.recordings}: no recordings fall into the test split; record more speakers, "
                        "or name test clips with --clips")
    rng = np.random.default_rng([spec.training.seed, SILENCE, SPLITS.index("testing")])
    silent = silence(read_noise(corpus.noise, split="testing", samples=samples), part.silence, samples, rng)
    speech = load_clips(part.clips, samples=samples, cache=workspace.cache)
    notes: tuple[str, ...] = ()
    if trained_on not in (None, examples.fingerprint):
        notes = ("the recordings have changed since the training: clips of this test split may have been trained on",)
    speakers = (*(clip.speaker for clip in part.clips), *[""] * part.silence)
    names = (*("/".join(clip.path.parts[-3:]) for clip in part.clips), *["silence"] * part.silence)
    return ClipSet(np.concatenate([speech, silent]), part.all_labels, notes, speakers, names)
