"""From clips to batches of int8 features, through the front end that runs on the device."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from kws.data.corpus import SPLITS, load_clips
from kws.data.talk import Talk
from kws.errors import DataError
from kws.features.frontend import Frontend, measure_normalisation, network_input
from kws.features.tables import Normalisation, build_tables
from kws.model.afar import Afar
from kws.model.augment import augment, equalize, mask, read_noise, silence, timbre_curves
from kws.model.distill import Teacher, Teaching, make_teaching, shared_normalisation
from kws.model.examples import SILENCE_LABEL, Examples, Part, draw_epoch
from kws.model.keras_types import Batches
from kws.model.sound_jobs import Ear, SoundJob, SoundRows, Sounds, extracted, mixed
from kws.model.stretches import CLIPS, Stretches
from kws.model.talk import noise_rows, read_rooms, talk_rows
from kws.model.talk_teaching import TalkTeaching, make_talk_teaching, refuse_deaf
from kws.model.versions import Versions
from kws.spec import Spec

NORMALISATION_CLIPS = 2_000
REPRESENTATIVE_CLIPS = 1_000
LOADERS = 2  # threads that prepare batches while the network learns
AHEAD = 16  # batches that wait, at most
# Purposes of random numbers: each draws from a generator of its own, seeded with the purpose and [training] seed.
NORMALISATION, SILENCE, EPOCH, BATCH, REPRESENTATIVE = range(5)


@dataclass(frozen=True)
class Material:
    """Everything that batches are made of.

    clips    : int16 [clips, samples] for each split, rows as in its Part
    noise    : float32 [n], several, for each split
    teaching : of the teachers, None if there are none
    stretches : what talk makes of the clips, None if there is no talk
    talk_teaching : of the teachers that answer at every hop of the stretches, None if there are none
    cache    : folder for what is slow to make again, None if nothing is kept
    scheduler : of the Dask cluster that makes features, None if this machine does
    """

    spec: Spec
    examples: Examples
    clips: dict[str, np.ndarray]
    noise: dict[str, list[np.ndarray]]
    normalisation: Normalisation
    frontend: Frontend
    teaching: Teaching | None = None
    cache: Path | None = None
    stretches: Stretches | None = None
    talk_teaching: TalkTeaching | None = None
    noise_paths: tuple[Path, ...] = ()
    scheduler: str | None = None

    @property
    def taught(self) -> bool:
        """Whether there are teachers of any kind."""
        return self.teaching is not None or self.talk_teaching is not None

    def rng(self, *purpose: int) -> np.random.Generator:
        """A generator of its own for each purpose, so that no draw depends on another."""
        return np.random.default_rng([self.spec.training.seed, *purpose])

    @cached_property
    def curves(self) -> np.ndarray:
        """timbre_curves in steps of the int8 grid: float32 [curves, features]."""
        return timbre_curves(self.spec.frontend) / np.array(self.normalisation.scale, np.float32)

    def audio(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        """A split as it was recorded: int16 [n, samples] and int labels [n]; silence comes last."""
        part: Part = getattr(self.examples, split)
        rng = self.rng(SILENCE, SPLITS.index(split))
        silent = silence(self.noise[split], part.silence, self.spec.frontend.clip_samples, rng)
        return np.concatenate([self.clips[split], silent]), part.all_labels

    def heard(self, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Training clips, augmented: places in the training part (-1: silence) to int16 [n, samples]."""
        speech = rows >= 0
        return mixed(self.clips["training"][rows[speech]], speech, self.noise["training"], self.spec.training, rng)

    @cached_property
    def versions(self) -> Versions:
        """The augmented versions that are kept."""
        return Versions(self)

    @cached_property
    def afar(self) -> Afar:
        """Epochs whose features a cluster makes."""
        return Afar(self.scheduler)

    def batch(self, rows: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """One training batch: network input float32 [n, frames, features, 1] and one-hot labels [n, labels].

        With teachers their soft targets follow the labels: [n, 2 * labels].
        """
        features, taught = self.sounds(rows, rng)
        return self.seen(rows, features, taught, rng)

    def seen(self, rows: np.ndarray, features: np.ndarray, taught: Sequence[np.ndarray | None],
             rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """The batch that `sounds` makes."""
        features = self.disguised(features, rng)
        return network_input(features), self.targets(rows, features, taught)

    def sounds(self, rows: np.ndarray, rng: np.random.Generator) -> SoundRows:
        """Training clips, augmented: int8 [n, frames, features], and by each teacher's own front end, if it has one."""
        return extracted(self.heard(rows, rng), self.frontend, self.teaching.frontends if self.teaching else ())

    def job(self, rows: np.ndarray, *seed: int) -> SoundJob:
        """`sounds(rows, np.random.default_rng(seed))` as work for another process."""
        clips = self.examples.training.clips
        return SoundJob(self.ear, tuple(clips[row].path if row >= 0 else None for row in rows.tolist()), seed)

    @cached_property
    def ear(self) -> Ear:
        """What other processes need to hear as this one does."""
        teachers = self.teaching.frontends if self.teaching else ()
        return Ear(self.spec.frontend.clip_samples, self.spec.training, self.noise_paths, self.frontend.tables,
                   tuple(None if own is None else own.tables for own in teachers))

    def disguised(self, features: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The augmentation that works on features, int8 [n, frames, features]: timbre and SpecAugment."""
        training = self.spec.training
        return mask(equalize(features, self.curves, training, rng), training, rng)

    def targets(self, rows: np.ndarray, features: np.ndarray, taught: Sequence[np.ndarray | None]) -> np.ndarray:
        """What a network should say about sounds: float32 [n, labels], or with teachers [n, 2 * labels]."""
        numbers = np.where(rows >= 0, self.examples.training.labels[rows], SILENCE_LABEL)
        labels = one_hot(numbers, len(self.spec.labels))
        if self.teaching is None:
            return labels
        return np.concatenate([labels, self.teaching.soft_targets(network_input(features), taught)], axis=1)

    def representative(self) -> np.ndarray:
        """Training features for the quantization to look at, not augmented: int8 [n, frames, features]."""
        rng = self.rng(REPRESENTATIVE)
        rows = self.epoch_rows(rng)[:REPRESENTATIVE_CLIPS]
        speech = rows[rows >= 0]
        silent = silence(self.noise["training"], len(rows) - len(speech), self.spec.frontend.clip_samples, rng)
        return self.frontend.extract(np.concatenate([self.clips["training"][np.sort(speech)], silent]))

    def epoch_rows(self, rng: np.random.Generator) -> np.ndarray:
        """One epoch's examples in random order, int [n]: places in the training part, -1 for silence."""
        return draw_epoch(self.examples.training, unknown_percent=self.spec.training.unknown_percent, rng=rng)


def prepare(spec: Spec, examples: Examples, noise: Sequence[Path], *, cache: Path | None,
            teachers: Sequence[Teacher] = (), talk_teachers: Sequence[Teacher] = (),
            normalisation: Normalisation | None = None, talk: Sequence[Talk] = (), rooms: Sequence[Path] = (),
            scheduler: str | None = None) -> Material:
    """Read the recordings and fit the features' range to them.

    talk  : what people say who do not speak to the device; the training split's makes stretches (kws.model.stretches)
    rooms : impulse responses that part of the talk is heard through
    noise : background recordings; cache : folder for what is slow to read again
    teachers : one with the same front-end settings hands its features' range down, so that one front end serves both
    talk_teachers : of stretches of talk (kws.model.talk_teaching)
    normalisation : the features' range where it is not to be fitted, but given
    scheduler : address of a Dask scheduler whose workers read the clips and make the features; by default this machine
    """
    trains = [one for one in talk if one.split == "training"]
    refuse_deaf(talk_teachers, spec, talk=bool(trains and spec.training.talk_percent))
    samples = spec.frontend.clip_samples
    clips = {split: load_clips(getattr(examples, split).clips, samples=samples, cache=cache, scheduler=scheduler)
             for split in SPLITS}
    noises = {split: read_noise(noise, split=split, samples=samples) for split in SPLITS}
    normalisation = (normalisation or shared_normalisation([*teachers, *talk_teachers], spec)
                     or fit_normalisation(spec, examples, clips, noises))
    frontend = Frontend(build_tables(spec.frontend, normalisation))
    teaching = make_teaching(teachers, spec, frontend)
    material = Material(spec, examples, clips, noises, normalisation, frontend, teaching, cache,
                        noise_paths=tuple(noise), scheduler=scheduler)
    material = with_stretches(material, trains, rooms)
    if material.stretches is None:
        return material
    return replace(material, talk_teaching=make_talk_teaching(talk_teachers, material.stretches,
                                                              clips=teaching is not None))


def with_stretches(material: Material, talk: Sequence[Talk], rooms: Sequence[Path]) -> Material:
    """The material, with stretches of talk if there is enough of it and `talk_percent` asks for them."""
    spec = material.spec
    if not talk or not spec.training.talk_percent:
        return material
    if spec.training.batch < CLIPS:
        raise DataError(f"[training] batch = {spec.training.batch}: training with talk needs at least {CLIPS} clips")
    rows = talk_rows(talk, spec.keywords, material.frontend, cache=material.cache, rooms=read_rooms(rooms),
                     scheduler=material.scheduler)
    stretches = Stretches(spec, rows, np.zeros((0, spec.frontend.features), np.int8), material.normalisation,
                          timbre_curves(spec.frontend))
    if len(rows) < 2 * stretches.frames:
        raise DataError(f"{len(talk)} recordings of talk hold {len(rows) * spec.frontend.hop_ms / 1000:.0f} s: add "
                        "some minutes, hours are good, or set [training] talk_percent = 0 in kws.toml")
    noise = noise_rows(material.noise["training"], material.frontend, least=stretches.frames)
    return replace(material, stretches=replace(stretches, noise=noise))


def fit_normalisation(spec: Spec, examples: Examples, clips: dict[str, np.ndarray],
                      noise: dict[str, list[np.ndarray]]) -> Normalisation:
    """The features' offsets and scales, from augmented training clips."""
    rng = np.random.default_rng([spec.training.seed, NORMALISATION])
    rows = rng.permutation(len(clips["training"]))[:NORMALISATION_CLIPS]
    heard = augment(clips["training"][np.sort(rows)], noise["training"], spec.training, rng)
    silent = silence(noise["training"], max(1, len(rows) // 10), spec.frontend.clip_samples, rng)
    return measure_normalisation(spec.frontend, np.concatenate([heard, silent]))


def one_hot(labels: np.ndarray, count: int) -> np.ndarray:
    """int [n] -> float32 [n, count]: 1 at the label, 0 elsewhere."""
    return np.eye(count, dtype=np.float32)[labels]


def epoch_batches(material: Material, epoch: int, *, share: int = 0, shares: int = 1) -> Batches:
    """One epoch's batches, prepared ahead by threads; the same material and epoch give the same batches.

    The last batch is left out where it is not full, unless it is the only one.
    shares : parts that each batch is split into, of equal size; `share` is the one to give, of 0 .. shares - 1
    """
    import keras

    size, versions = material.spec.training.batch, material.spec.training.augmented_versions
    stretches = material.stretches
    purpose = (share,) if shares > 1 else ()
    rng = material.rng(EPOCH, epoch)
    rows = material.epoch_rows(rng)
    if versions:
        rows = rng.permutation(len(rows))  # of the version's examples
    count = max(1, len(rows) // size)

    def own(index: int) -> np.ndarray:
        whole = rows[index * size : (index + 1) * size]
        part = len(whole) // shares
        return whole[share * part : (share + 1) * part]

    def sounds(index: int) -> Sounds:
        if material.scheduler is not None:
            seeds = ((material.spec.training.seed, BATCH, epoch, place, *purpose) for place in range(count))
            return material.afar.sounds(epoch, index, lambda: [material.job(own(place), *seed)
                                                               for place, seed in enumerate(seeds)])
        rng = material.rng(BATCH, epoch, index, *purpose)
        return Sounds(*material.sounds(own(index), rng), rng)

    class Prepared(keras.utils.PyDataset):
        def __len__(self) -> int:
            return count

        def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
            if versions:
                features, targets = (kept[own(index)] for kept in material.versions[epoch % versions])
                rng = material.rng(BATCH, epoch, index, *purpose)
                if not stretches:
                    return network_input(material.disguised(features, rng)), targets
            else:
                found = sounds(index)
                features, rng = found.features, found.rng
                if not stretches:
                    return material.seen(own(index), features, found.taught, rng)
                targets = material.targets(own(index), features, found.taught)
            return stretched(material, stretches, features, targets, rng)

    return Prepared(workers=LOADERS, max_queue_size=AHEAD)


def stretched(material: Material, stretches: Stretches, features: np.ndarray, targets: np.ndarray,
              rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A batch of stretches: network input float32 [n, frames, features, 1] and targets (kws.model.stretch_loss)."""
    whole = len(features) // CLIPS * CLIPS
    rows, said = stretches.batch(mask(features[:whole], material.spec.training, rng), targets[:whole], rng)
    return network_input(rows), said if material.talk_teaching is None else material.talk_teaching.taught(rows, said)
