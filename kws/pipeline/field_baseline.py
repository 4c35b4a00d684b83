"""What a run's detector counts on the validation sound of a workspace: what `kws monitor` holds its devices against."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ, read_samples
from kws.audio.reading import open_sound
from kws.calibrate.run import Calibration
from kws.data.corpus import has_recordings, scan
from kws.data.scene import KEYWORD, Sound
from kws.data.talk import find_rooms, find_talk
from kws.detect.detector import load_detector
from kws.engine.plan import Plan
from kws.errors import ModelError
from kws.files import fresh_folder, write_atomic
from kws.model.augment import read_noise
from kws.monitor.baseline import Baseline, measure_validation
from kws.monitor.validation_sound import ValidationSound
from kws.run_metrics import METRICS
from kws.validate.negatives import gather
from kws.workspace import list_again, read_json, read_manifest

SEED = 101
SPLIT = "validation"
MOST_WORDS, MOST_TALK_S, MOST_STREAM_S = 480, 1_800.0, 1_200.0


def field_baseline(plan: Plan, recordings: Path | None, *, negatives: Sequence[Path] = (),
                   stream: Path | None = None) -> Baseline:
    """Measure it on the validation split of the recordings, and on negatives and a stream if they are given."""
    rng = np.random.default_rng(SEED)
    found = ValidationSound() if recordings is None else split_sound(plan, recordings, rng)
    talk = [path for files in gather(negatives).values() for path in files] if negatives else []
    sound = ValidationSound(found.words, [*found.talk, *some(talk, MOST_TALK_S, rng)], found.noise, found.rooms,
                            [beginning(stream, MOST_STREAM_S)] if stream else [])
    return measure_validation(plan, sound, rng)


def calibrated_baseline(run: Path, found: Calibration, recordings: Path | None, *, negatives: Sequence[Path] = (),
                        stream: Path | None = None) -> Baseline:
    """Of a run with the operating point that was found for it."""
    return field_baseline(replace(load_detector(run).plan, decoder=found.tables), recordings, negatives=negatives,
                          stream=stream)


def write_baseline(run: Path, baseline: Baseline, *, now: datetime | None = None) -> None:
    """Put it into the run's metrics.json, and when into its manifest: all of it or nothing; everything else stays.

    Raises ModelError for a run without metrics.json.
    """
    if METRICS not in read_manifest(run).files:
        raise ModelError(f"{run} holds no {METRICS}, so it has no place for a baseline; train again with: kws train")
    measured = (now or datetime.now(UTC)).isoformat(timespec="seconds")
    with fresh_folder(run, replace=True) as making:
        shutil.copytree(run, making, dirs_exist_ok=True)
        document = {**read_json(run, METRICS), "field_baseline": baseline.to_json()}
        write_atomic(making / METRICS, json.dumps(document, indent=2) + "\n")
        list_again(making, (METRICS,), field_baseline={"date_utc": measured, "kinds": list(baseline.what()),
                                                       "hours": round(baseline.hours, 3)})


def split_sound(plan: Plan, recordings: Path, rng: np.random.Generator) -> ValidationSound:
    """Words, talk and noise of the validation split, as much of each as a baseline takes; every room."""
    samples = plan.spec.frontend.clip_samples
    talk = [one.path for one in find_talk(recordings) if one.split == SPLIT]
    if not has_recordings(recordings):
        return ValidationSound(talk=some(talk, MOST_TALK_S, rng))
    corpus = scan(recordings)
    clips = corpus.of(split=SPLIT)
    words = [Sound(read_samples(clips[i].path, samples=samples), KEYWORD, clips[i].word)
             for i in rng.permutation(len(clips))[:MOST_WORDS]]
    return ValidationSound(words, some(talk, MOST_TALK_S, rng), read_noise(corpus.noise, split=SPLIT, samples=samples),
                           [read_samples(path) for path in find_rooms(recordings)])


def some(paths: Sequence[Path], seconds: float, rng: np.random.Generator) -> list[np.ndarray]:
    """Recordings in random order, int16 [n] each, until there are so many seconds of them."""
    found: list[np.ndarray] = []
    for i in rng.permutation(len(paths)):
        left = seconds - sum(map(len, found)) / SAMPLE_RATE_HZ
        if left <= 0:
            break
        found.append(beginning(paths[i], left))
    return found


def beginning(path: Path, seconds: float) -> np.ndarray:
    """int16 [n], no more than so many seconds of a recording of any length."""
    wanted, parts, have = round(seconds * SAMPLE_RATE_HZ), [], 0
    for block in open_sound(path).blocks():
        parts.append(block[:wanted - have])
        have += len(parts[-1])
        if have >= wanted:
            break
    return np.concatenate([*parts, np.zeros(0, np.int16)])
