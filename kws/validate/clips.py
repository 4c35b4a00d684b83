"""Clip accuracy: what the streaming engine decides about each clip, and whether other ways to run the network agree.

The same clips go through
  streaming  the C that runs on the device, sample by sample; decided at the hop where the window has filled
  tflm       TensorFlow Lite Micro's interpreter on the whole window, int8: must give the same (needs tflite-micro)
  float      the Keras model before quantization: what quantization costs (needs TensorFlow)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kws.arguments import Samples, Scores, check_array, check_lengths
from kws.audio.files import SAMPLE_RATE_HZ, fit, is_readable, read_samples, unread
from kws.data.corpus import speaker_of
from kws.data.pool import map_blocks
from kws.detect.detector import Detector
from kws.engine.plan import Plan
from kws.errors import DataError, ModelError
from kws.features.frontend import Frontend, network_input
from kws.progress import progress
from kws.validate.figures import ClipFigures, EngineFigures
from kws.validate.metrics import Confusion

STREAMING, TFLM, FLOAT = "streaming", "tflm", "float"
FLOAT_BATCH = 256  # windows
CLIPS_PER_BLOCK = 256  # that a worker of a cluster hears at once, 8 MB


@dataclass(frozen=True)
class ClipSet:
    """Clips with their truth.

    samples : int16 [n, samples]; truth : int [n], indices into the run's labels; notes : what a person should know.
    speakers : who speaks each clip, "" if nobody knows; empty if it is known of none
    names : of each clip as a person may find it again; empty if they have none
    """

    samples: Samples
    truth: NDArray[np.integer]
    notes: tuple[str, ...] = ()
    speakers: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises ArgumentError for arrays of another type or shape, or if they are not of as many clips."""
        check_array("samples", self.samples, np.int16, "n", "samples")
        check_array("truth", self.truth, np.integer, "n")
        check_lengths(samples=self.samples, truth=self.truth,
                      **({"speakers": self.speakers} if self.speakers else {}),
                      **({"names": self.names} if self.names else {}))


@dataclass(frozen=True)
class ClipResult:
    """Scores of each engine that could be run.

    scores : engine -> int8 or float [n, labels]; the streaming engine's are always there and are what counts.
    missing : engine -> why it was not run.
    """

    labels: tuple[str, ...]
    truth: np.ndarray
    scores: dict[str, np.ndarray]
    missing: dict[str, str]

    def confusion(self, engine: str = STREAMING) -> Confusion:
        return Confusion.count(self.labels, truth=self.truth, decided=self.scores[engine].argmax(axis=1))

    def different_clips(self, engine: str) -> int:
        """Clips about which `engine` and the streaming engine decide differently."""
        return int((self.scores[engine].argmax(axis=1) != self.scores[STREAMING].argmax(axis=1)).sum())

    def different_scores(self, engine: str) -> int:
        """int8 scores, of n * labels, in which `engine` and the streaming engine differ."""
        return int((self.scores[engine] != self.scores[STREAMING]).sum())

    def figures(self) -> ClipFigures:
        """The streaming engine's, and those of each one."""
        engines = {}
        for engine in self.scores:
            found = self.confusion(engine).figures()
            engines[engine] = EngineFigures(
                found.accuracy, found.interval,
                different_clips=self.different_clips(engine) if engine != STREAMING else None,
                different_scores=self.different_scores(engine) if engine == TFLM else None)
        return ClipFigures(self.confusion().figures(), engines)


def read_clip_folder(folder: Path, *, labels: Sequence[str], samples: int) -> ClipSet:
    """Clips of `folder`/<label>/, the layout of the official 12-label test archive.

    samples : length of a clip; shorter ones get zeros at the end, longer ones are cut to the word
    Labels without a folder have no clips. Raises DataError for a folder that is no label, or if there are no clips.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: is not a folder; --clips takes one with a folder of clips for each label")
    folders = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    for path in folders:
        if path.name not in labels:
            raise DataError(f"{path}: {path.name!r} is not a label of this run; it knows: {', '.join(labels)}")
    inside = [(path, labels.index(sub.name)) for sub in folders for path in sorted(sub.iterdir())]
    paths = [(path, label) for path, label in inside if is_readable(path.name)]
    left_out = unread(path.name for path, _ in inside)
    if not paths:
        raise DataError(f"{folder}: no clips in it; put them into folders named by label: {', '.join(labels)}"
                        + (f"; left out: {left_out}" if left_out else ""))
    clips = np.zeros((len(paths), samples), np.int16)
    padded = cut = 0
    with progress("reading clips", total=len(paths)) as advance:
        for i, (path, _) in enumerate(paths):
            audio = read_samples(path)
            padded, cut = padded + (len(audio) < samples), cut + (len(audio) > samples)
            clips[i] = fit(audio, samples)
            advance()
    ms = samples * 1000 // SAMPLE_RATE_HZ
    notes = [f"{count} of {len(paths)} clips are {kind} than {ms} ms: {done}" for count, kind, done in
             ((padded, "shorter", "zeros added at the end"), (cut, "longer", "cut to the word")) if count]
    notes += [f"left out: {left_out}"] if left_out else []
    return ClipSet(clips, np.array([label for _, label in paths]), tuple(notes),
                   tuple(speaker_of(path.stem) for path, _ in paths),
                   tuple(f"{path.parent.name}/{path.name}" for path, _ in paths))


def classify(detector: Detector, clips: ClipSet, *, tflite: bytes | None, keras_model: Path | None,
             scheduler: str | None = None) -> ClipResult:
    """Run every engine that is installed over the clips; the streaming engine on a Dask cluster, if one is named."""
    scores = {STREAMING: streaming_scores(detector, clips.samples, scheduler=scheduler)}
    features = Frontend(detector.plan.frontend).extract(clips.samples)
    missing = {}
    others = {TFLM: None if tflite is None else partial(tflm_scores, tflite, features),
              FLOAT: None if keras_model is None else partial(float_scores, keras_model, features)}
    for engine, run in others.items():
        if run is None:
            missing[engine] = "the run does not hold the model"
            continue
        try:
            scores[engine] = run()
        except ModuleNotFoundError as error:
            missing[engine] = f"{error.name} is not installed"
        except ModelError as error:  # Keras without a backend
            missing[engine] = str(error)
    return ClipResult(detector.labels, clips.truth, scores, missing)


def streaming_scores(detector: Detector, clips: Samples, *, scheduler: str | None = None) -> Scores:
    """clips : int16 [n, samples] -> int8 [n, labels], each clip a stream of its own, at its first decision.

    scheduler : address of a Dask scheduler whose workers hear blocks of clips
    """
    check_array("clips", clips, np.int16, "n", "samples")
    if scheduler is not None:
        plan = detector.plan.to_bytes()
        blocks = [(plan, clips[at : at + CLIPS_PER_BLOCK]) for at in range(0, len(clips), CLIPS_PER_BLOCK)]
        return np.concatenate(map_blocks(hear_block, blocks, scheduler=scheduler, title="streaming engine",
                                         sizes=[len(block) for _, block in blocks]))
    with progress("streaming engine", total=len(clips)) as advance:
        return heard_alone(detector, clips, advance)


def hear_block(block: tuple[bytes, np.ndarray]) -> np.ndarray:
    """What a worker of a cluster does: a plan and int16 [n, samples] -> int8 [n, labels]."""
    plan, clips = block
    return heard_alone(Detector(Plan.from_bytes(plan)), clips, lambda: None)


def heard_alone(detector: Detector, clips: np.ndarray, advance: Callable[[], None]) -> np.ndarray:
    """streaming_scores, one clip after the other; `advance` is called after each."""
    decided = np.empty((len(clips), len(detector.labels)), np.int8)
    for row, clip in zip(decided, clips, strict=True):
        detector.reset()
        scores, _ = detector.scores(clip)
        if len(scores) == 0:
            raise DataError(f"clips of {clips.shape[1]} samples: shorter than the window of this run")
        row[:] = scores[0]
        advance()
    detector.reset()
    return decided


def tflm_scores(tflite: bytes, features: np.ndarray) -> np.ndarray:
    """features : int8 [n, frames, features] -> int8 [n, labels] from TensorFlow Lite Micro's own kernels."""
    from tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(tflite)
    shape = interpreter.get_input_details(0)["shape"]
    decided = []
    with progress("TFLM", total=len(features)) as advance:
        for window in features:
            interpreter.set_input(window.reshape(shape), 0)
            interpreter.invoke()
            decided.append(interpreter.get_output(0).reshape(-1))
            advance()
    return np.array(decided, np.int8)


def float_scores(keras_model: Path, features: np.ndarray) -> np.ndarray:
    """features : int8 [n, frames, features] -> float32 [n, labels] from the network as it was trained."""
    from kws.model.keras_loading import load_keras, native_messages_hidden

    if find_spec("keras") is None:
        raise ModuleNotFoundError(name="keras")
    load_keras()
    import keras

    with native_messages_hidden():
        model = keras.models.load_model(keras_model, compile=False)
        windows = network_input(features)
        scores = [np.asarray(model(windows[start:start + FLOAT_BATCH], training=False))
                  for start in range(0, len(windows), FLOAT_BATCH)]
    return np.concatenate(scores)
