"""What an augmentation or a layer is worth: the network trained anew without it, shortly, and judged on the same clips.

Every training has the same clips, epochs and seeds, and is judged, int8, in the streaming engine, on the validation
split, as it was recorded and in noise: what augmentation costs in quiet it may bring there. What is done is kept in the
workspace's cache, so a search that was stopped goes on.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kws.data.corpus import Corpus, scan
from kws.detect.detector import Detector
from kws.errors import ModelError
from kws.kept_arrays import keep_arrays, kept_arrays
from kws.model.blocks import Block, blocks_of, without
from kws.model.dataset import prepare
from kws.model.examples import Examples, choose_examples
from kws.pipeline.choices import Retrain
from kws.pipeline.manifest import training_fingerprint
from kws.pipeline.train import engine_plan
from kws.quantize.convert import convert
from kws.records import Fields
from kws.spec import Spec, TrainingSpec, fingerprint
from kws.train.loop import train
from kws.validate.ablation import lost_over_seeds
from kws.validate.clips import streaming_scores
from kws.validate.robustness import noisy
from kws.workspace import Workspace

ALL = "all of it"
NOISY_DB, NOISE_SEED = 10.0, 1
# What is left out, and the settings that do it.
AUGMENTATIONS: dict[str, Fields] = {
    "noise": {"noise_percent": 0.0}, "levels": {"gain_db": 0.0}, "places in the window": {"shift_ms": 0},
    "timbres": {"equalization_db": 0.0}, "masks over time": {"time_mask_frames": 0},
    "masks over bands": {"band_mask_features": 0}}


@dataclass(frozen=True)
class Variant:
    """One network to train: its settings, and the block that it does without."""

    group: str
    what: str
    spec: Spec
    block: Block | None = None


@dataclass(frozen=True)
class Loss:
    """On validation clips under one condition. lost : points of accuracy; interval : 95 % of it."""

    accuracy: float
    lost: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Worth:
    """What was left out, and what that took from so many clips. refusal : why it was not trained, then without losses.

    noisy : with noise NOISY_DB below each word
    """

    group: str
    what: str
    clips: int
    clean: Loss | None = None
    noisy: Loss | None = None
    refusal: str = ""


def retrained(workspace: Workspace, spec: Spec, kinds: Sequence[Retrain], *, epochs: int, seeds: int,
              note: Callable[[str], None]) -> list[Worth]:
    """The whole network first, then each variant, every one trained `seeds` times for `epochs`.

    spec : the settings to start from; without talk and epochs on the int8 grid, which a short training has no use for
    """
    corpus = scan(workspace.recordings)
    examples = choose_examples(corpus, spec)
    if not len(examples.validation.all_labels):
        raise ModelError("no validation clips to compare on; record more speakers: kws data stats")
    base = replace(spec, training=replace(spec.training, epochs=epochs, talk_percent=0.0, quantization_aware_epochs=0))
    speakers = [*(clip.speaker for clip in examples.validation.clips), *[""] * examples.validation.silence]
    tried, whole, found = list(variants(base, kinds)), np.empty((0, 2, 0)), []
    for number, variant in enumerate(tried, 1):
        note(f"{number} of {len(tried)}: {'' if variant.what == ALL else 'without '}{variant.what}")
        try:
            right = np.stack([one_right(workspace, seeded(variant, seed), corpus, examples, note)
                             for seed in range(spec.training.seed, spec.training.seed + seeds)])
        except ModelError as error:
            note(f"left out: {error}")
            found.append(Worth(variant.group, variant.what, len(speakers), refusal=str(error)))
            continue
        whole = right if variant.what == ALL else whole
        clean, noisy = (loss(whole[:, part], right[:, part], speakers) for part in (0, 1))
        found.append(Worth(variant.group, variant.what, len(speakers), clean, noisy))
    return found


def loss(whole: np.ndarray, right: np.ndarray, speakers: Sequence[str]) -> Loss:
    """whole, right : bool [seeds, clips], of the whole network and of the one without something."""
    low, high = lost_over_seeds(whole, right, speakers)
    return Loss(float(right.mean()), 100 * float(whole.mean() - right.mean()), (100 * low, 100 * high))


def variants(spec: Spec, kinds: Sequence[Retrain]) -> Iterator[Variant]:
    """The network as it is, and without each thing; an augmentation that is off is none."""
    yield Variant("", ALL, spec)
    if Retrain.AUGMENTATION in kinds:
        for what, off in AUGMENTATIONS.items():
            changed: TrainingSpec = replace(spec.training, **off)
            if changed != spec.training:
                yield Variant(Retrain.AUGMENTATION, what, replace(spec, training=changed))
    if Retrain.LAYERS in kinds:
        from kws.model.keras_loading import load_keras
        from kws.model.zoo import build

        load_keras()
        for block in blocks_of(build(spec, seed=spec.training.seed)):
            yield Variant(Retrain.LAYERS, block.name, spec, block)


def seeded(variant: Variant, seed: int) -> Variant:
    return replace(variant, spec=replace(variant.spec, training=replace(variant.spec.training, seed=seed)))


def one_right(workspace: Workspace, variant: Variant, corpus: Corpus, examples: Examples,
              note: Callable[[str], None]) -> np.ndarray:
    """bool [clean, noisy; clips]: which ones the variant names rightly, trained now or known from before."""
    block = variant.block
    material = prepare(variant.spec, examples, corpus.noise, cache=workspace.cache)
    key = fingerprint(training_fingerprint(material), list(block.layers) if block else [])
    kept, checkpoint = (workspace.cache / folder / f"{key}.npz" for folder in ("ablate", "training"))
    if (known := kept_arrays(kept, "right")) is not None:
        return known[0]
    model, _ = train(material, checkpoint=checkpoint, note=note,
                     changed=(lambda network: without(network, block)) if block else None)
    plan = engine_plan(material, convert(model, material.representative()))
    clips, labels = material.audio("validation")
    right = np.stack([streaming_scores(Detector(plan), heard).argmax(axis=1) == labels
                      for heard in (clips, in_noise(clips, material.noise["validation"]))])
    keep_arrays(kept, durable=True, right=right)
    checkpoint.unlink(missing_ok=True)
    return right


def in_noise(clips: np.ndarray, noise: Sequence[np.ndarray]) -> np.ndarray:
    """int16 [n, samples] with noise NOISY_DB below the word, the same for every network."""
    rng = np.random.default_rng(NOISE_SEED)
    return np.stack([noisy(clip, noise=noise, snr_db=NOISY_DB, rng=rng) for clip in clips])
