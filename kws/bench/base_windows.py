"""The windows that a base is taught: as they sound in rooms and noise, and what a larger network makes of them.

The teacher is the speech embedding inside the package pyopen-wakeword (Apache-2.0; made by Google, which taught it from
hours of speech): 96 numbers for 0.76 s of sound, of which the base learns to say what it can. It hears the window
clean; the base hears it in a room, in noise, at another level.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ, read_samples
from kws.bench.base_words import Piece, noise_files
from kws.engine.plan import Plan
from kws.errors import DataError
from kws.features.frontend import Frontend
from kws.features.tables import build_tables, normalisation_of
from kws.model.augment import db_to_ratio
from kws.model.talk import read_rooms
from kws.model.variants import in_room
from kws.progress import progress

Interpreter: TypeAlias = Any  # of TensorFlow Lite, which has no types
LONG_MS = 1_240  # a window with room to move in: SHIFTS hops either way of the middle
SHIFTS = 3
BATCH = 512
ALONE, ROOMED, NOISY = 0.45, 0.3, 0.65  # shares
FADE_S, PEAK_DB, SNR_DB = 0.02, (-26.0, -2.0), (0.0, 30.0)
TEACHER_FRAMES, TEACHER_NUMBERS = 76, 96


@dataclass(frozen=True, eq=False)
class Windows:
    """features : int8 [n, frames of LONG_MS, features]; taught : float16 [n, 2, 96], SHIFTS hops before and after the
    middle; labels : str [n]
    """

    features: np.ndarray
    taught: np.ndarray
    labels: np.ndarray


def make_windows(some: Sequence[Piece], data: Path, plan: Plan, rooms: Sequence[Path], *, seed: int) -> Windows:
    """Every piece once, in their order."""
    rng = np.random.default_rng(seed)
    spec = replace(plan.spec.frontend, clip_ms=LONG_MS)
    frontend, teacher = Frontend(build_tables(spec, normalisation_of(plan.frontend))), Teacher()
    scene = Scene(spec.clip_samples, [read_samples(path).astype(np.float32) for path in noise_files(data)],
                  read_rooms(rooms))
    features, taught = [], []
    order = list(some)  # recordings are read once: pieces of one follow each other
    with progress("hearing", total=len(order)) as advance:
        for batch in np.array_split(np.arange(len(order)), max(1, len(order) // BATCH)):
            clean = np.stack([scene.clean(piece, audio, rng) for piece, audio in read_all([order[i] for i in batch])])
            heard = np.stack([scene.heard(row, rng) for row in clean])
            features.append(frontend.extract(heard, threads=1))
            taught.append(teacher.say(clean, shift_s=SHIFTS * spec.hop_ms / 1_000))
            advance(len(batch))
    return Windows(np.concatenate(features), np.concatenate(taught), np.array([piece.label for piece in order]))


def read_all(some: Sequence[Piece]) -> Iterator[tuple[Piece, np.ndarray]]:
    """Each piece with its recording, int16 [n]."""
    last: tuple[Path, np.ndarray] | None = None
    for piece in some:
        if last is None or last[0] != piece.path:
            last = piece.path, read_samples(piece.path)
        yield piece, last[1]


@dataclass(frozen=True, eq=False)
class Scene:
    """What windows are heard in. samples : length of a window; noise, rooms : float32 [n] each"""

    samples: int
    noise: list[np.ndarray]
    rooms: list[np.ndarray]

    def clean(self, piece: Piece, audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The window alone, float32 [samples]; a word that was cut out is half the time without its neighbours."""
        first = piece.centre - self.samples // 2
        low, high = max(first, 0), min(first + self.samples, len(audio))
        window = np.zeros(self.samples, np.float32)
        if high > low:
            window[low - first : high - first] = audio[low:high]
        if piece.length and rng.random() < ALONE:
            window *= self.around(piece.length)
        peak = np.abs(window).max()
        return window if peak <= 50 else window * (32_768 * db_to_ratio(rng.uniform(*PEAK_DB)) / peak)

    def around(self, length: int) -> np.ndarray:
        """1 over the word in the middle and 30 ms beside it, falling to 0: float [samples]."""
        distance = np.abs(np.arange(self.samples) - self.samples / 2) - length / 2 - 0.03 * SAMPLE_RATE_HZ
        return np.clip(1 - distance / (FADE_S * SAMPLE_RATE_HZ), 0, 1)

    def heard(self, clean: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """float32 [samples] in a room and in noise: int16 [samples]."""
        heard = clean
        if self.rooms and rng.random() < ROOMED:
            heard = in_room(heard, self.rooms[rng.integers(len(self.rooms))])
        if self.noise and rng.random() < NOISY:
            noise = self.noise[rng.integers(len(self.noise))]
            start = int(rng.integers(max(len(noise) - self.samples, 0) + 1))
            noise = np.resize(noise[start:], self.samples)
            ratio = db_to_ratio(-rng.uniform(*SNR_DB)) * (loudness(clean) + 30) / (loudness(noise) + 1)
            heard = heard + noise * ratio
        return np.rint(heard * min(1.0, 32_700 / (np.abs(heard).max() + 1))).astype(np.int16)


def loudness(audio: np.ndarray) -> float:
    return float(np.sqrt((audio.astype(np.float64) ** 2).mean()))


class Teacher:
    """The embedding, by TensorFlow's interpreter."""

    def __init__(self) -> None:
        try:
            import pyopen_wakeword
        except ImportError:
            raise DataError("the teacher is not installed; next: pip install pyopen-wakeword") from None
        import tensorflow as tf

        folder = Path(pyopen_wakeword.__file__).parent / "models"
        self.mel, self.embedding = (tf.lite.Interpreter(str(folder / name), num_threads=1)
                                    for name in ("melspectrogram.tflite", "embedding_model.tflite"))

    def say(self, sounds: np.ndarray, *, shift_s: float) -> np.ndarray:
        """Windows `shift_s` before and after the middle of float32 [n, samples]: float16 [n, 2, 96]."""
        bands = run(self.mel, np.clip(sounds, -32_768, 32_767)).reshape(len(sounds), -1, 32) / 10 + 2
        middle, shift = (bands.shape[1] - TEACHER_FRAMES) // 2, round(shift_s * 100)
        said = [run(self.embedding, bands[:, middle + by : middle + by + TEACHER_FRAMES, :, None])
                for by in (-shift, shift)]
        return np.stack(said, axis=1).reshape(len(sounds), 2, TEACHER_NUMBERS).astype(np.float16)


def run(interpreter: Interpreter, inputs: np.ndarray) -> np.ndarray:
    """One network on a whole batch."""
    place = interpreter.get_input_details()[0]
    if tuple(place["shape"]) != inputs.shape:
        interpreter.resize_tensor_input(place["index"], inputs.shape)
        interpreter.allocate_tensors()
    interpreter.set_tensor(place["index"], inputs.astype(np.float32))
    interpreter.invoke()
    return np.asarray(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
