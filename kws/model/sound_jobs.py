"""Training examples as a network will see them, made by any process: this one, one of a pool, or a cluster's worker.

A job names its clips by path and brings everything else: settings, tables of the front end, the seed of its random
numbers. Whoever does it, the result is the same to the byte.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from kws.audio.files import read_samples
from kws.data.clip_table import state_key
from kws.features.frontend import Frontend
from kws.features.tables import FrontendTables
from kws.model.augment import augment, read_noise, silence
from kws.spec import TrainingSpec

SoundRows = tuple[np.ndarray, tuple[np.ndarray | None, ...]]


@dataclass(frozen=True, eq=False)
class Ear:
    """What all jobs of a training share.

    noise    : background recordings; their training stretch is mixed in
    tables   : of the network's front end
    teachers : of each teacher's front end, None if the network's serves it too
    """

    samples: int
    training: TrainingSpec
    noise: tuple[Path, ...]
    tables: FrontendTables
    teachers: tuple[FrontendTables | None, ...] = ()


@dataclass(frozen=True, eq=False)
class SoundJob:
    """Some examples to augment and to extract features from.

    paths : of their clips, None is made silence
    seed  : of the job's random numbers
    """

    ear: Ear
    paths: tuple[Path | None, ...]
    seed: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Sounds:
    """What a job gives.

    features : int8 [n, frames, features]
    taught   : for each teacher the features that its own front end makes, None if the network's serves it too
    rng      : the job's random numbers, as far as they were drawn
    """

    features: np.ndarray
    taught: tuple[np.ndarray | None, ...]
    rng: np.random.Generator


def make_sounds(job: SoundJob) -> Sounds:
    """Do one job."""
    ear, rng = job.ear, np.random.default_rng(list(job.seed))
    speech = np.array([path is not None for path in job.paths], bool)
    clips = [read_samples(path, samples=ear.samples) for path in job.paths if path is not None]
    noise = noise_of(tuple((path, state_key(path)) for path in ear.noise), ear.samples)
    heard = mixed(np.array(clips, np.int16).reshape(len(clips), ear.samples), speech, noise, ear.training, rng)
    features, taught = extracted(heard, Frontend(ear.tables),
                                 [None if tables is None else Frontend(tables) for tables in ear.teachers])
    return Sounds(features, taught, rng)


def mixed(clips: np.ndarray, speech: np.ndarray, noise: Sequence[np.ndarray], training: TrainingSpec,
          rng: np.random.Generator) -> np.ndarray:
    """Clips, augmented, and made silence between them: int16 [n, samples].

    clips : int16 [k, samples]; speech : bool [n], k of them true: whether it is the next clip, or silence
    """
    heard = np.empty((len(speech), clips.shape[1]), np.int16)
    heard[speech] = augment(clips, noise, training, rng)
    heard[~speech] = silence(noise, int((~speech).sum()), clips.shape[1], rng)
    return heard


def extracted(heard: np.ndarray, frontend: Frontend, teachers: Sequence[Frontend | None]) -> SoundRows:
    """Features of int16 [n, samples], by one thread: int8 [n, frames, features], and by each teacher's own."""
    return (frontend.extract(heard, threads=1),
            tuple(None if own is None else own.extract(heard, threads=1) for own in teachers))


@lru_cache(maxsize=1)
def noise_of(recordings: tuple[tuple[Path, bytes], ...], samples: int) -> tuple[np.ndarray, ...]:
    """read_noise of the training split, kept for the next job: of (path, state of the file), so that a file that was
    changed is read again by a worker that lives long."""
    return tuple(read_noise([path for path, _ in recordings], split="training", samples=samples))
