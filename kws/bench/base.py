"""A base for words of one's own: hundreds of words out of sentences, and what a larger network makes of them.

    scripts/bench base START DATA OUT NAME [--minutes 50] [--without alexa,computer,computers,marvin]
                       [--rate 0.002] [--seed 1]

START  a run whose front end, network and first weights it takes, such as models/large
DATA   real recordings, as for own_word: speech_commands/, sentences/, negatives/languages/, noise/, rooms/
OUT    words.json (when each word is said), windows.npz, weights.keras, and the workspace with models/NAME

Learnt by speakers of the training split only: every word with 20 tokens in their sentences, found by forced alignment,
together with Speech Commands; beside it the embedding of the package pyopen-wakeword for the same sound, which the base
learns to say (MSE, equal weight). What remains of it is the network with the scores of Speech Commands' words as its
last layer: a run like any other, measured on their test clips. Needs the extras train and words, and pyopen-wakeword.
"""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kws.bench.base_windows import SHIFTS, Windows, make_windows
from kws.bench.base_words import OTHER, SILENCE, TALK, pieces, word_times
from kws.bench.common import commit, header, parser
from kws.data.corpus import folders, scan
from kws.engine.plan import Plan
from kws.features.frontend import network_input
from kws.features.tables import normalisation_of
from kws.files import fresh_folder
from kws.model.augment import equalize, mask, timbre_curves
from kws.model.dataset import prepare
from kws.model.examples import choose_examples
from kws.model.keras_loading import load_network
from kws.model.keras_types import KerasNetwork
from kws.pipeline.manifest import manifest_of
from kws.pipeline.train import finish
from kws.records import Json, JsonObject
from kws.run_metrics import Epoch
from kws.spec import Spec
from kws.train.cpu_speed import keep_freed_memory, with_fused_normalisation
from kws.workspace import locate_run, read_artefact, write_manifest

TRAINING_ROOMS = 4  # of those that are there
BATCH, WARM_UP, EPOCH_STEPS = 160, 100, 500
KEPT_BACK = 1_500  # windows that show how it goes
SMOOTHING, DROPOUT, WEIGHT_DECAY = 0.1, 0.1, 0.01
AS_MANY_TALK = 2_500  # windows of talk count as a word with so many tokens
JITTER, GAIN = 2, 14  # hops; steps of the int8 grid


@dataclass(frozen=True, eq=False)
class Lesson:
    """windows, and how they are learnt. words : in the order of the outputs; labels : int [n], -1 for talk; often :
    float [n], how often each is drawn; taught : float32 [n, 2, 96], mean 0 and deviation 1
    """

    windows: Windows
    spec: Spec
    curves: np.ndarray
    words: tuple[str, ...]
    labels: np.ndarray
    often: np.ndarray
    taught: np.ndarray

    def batch(self, rows: np.ndarray, rng: np.random.Generator | None) -> tuple[np.ndarray, np.ndarray]:
        """Network input of some windows and what the teacher says; with rng at other places, levels and timbres."""
        frames = self.spec.frontend.frames
        middle = (self.windows.features.shape[1] - frames) // 2
        side = rng.integers(0, 2, len(rows)) if rng else np.zeros(len(rows), int)
        first = middle + SHIFTS * (2 * side - 1) + (rng.integers(-JITTER, JITTER + 1, len(rows)) if rng else 0)
        features = self.windows.features[rows[:, None], first[:, None] + np.arange(frames)]
        if rng:
            louder = features + rng.uniform(-GAIN, GAIN, (len(rows), 1, 1))
            features = np.clip(np.rint(louder), -128, 127).astype(np.int8)
            features = mask(equalize(features, self.curves, self.spec.training, rng), self.spec.training, rng)
        return network_input(features), self.taught[rows, side]


def lesson_of(windows: Windows, plan: Plan) -> Lesson:
    """Rare words are drawn more often than their share: by the square root of how many there are."""
    words = (SILENCE, OTHER, *sorted(set(windows.labels.tolist()) - {SILENCE, OTHER, TALK}))
    place = {word: i for i, word in enumerate(words)}
    labels = np.array([place.get(label, -1) for label in windows.labels.tolist()])
    count = np.bincount(labels[labels >= 0], minlength=len(words))
    often = np.where(labels >= 0, 1 / np.sqrt(np.maximum(count[labels], 1)), 1 / np.sqrt(AS_MANY_TALK))
    said = windows.taught.astype(np.float32)
    flat = said.reshape(-1, said.shape[-1])
    said = ((said - flat.mean(axis=0)) / (flat.std(axis=0) + 1e-3)).clip(-4, 4)
    curves = timbre_curves(plan.spec.frontend) / np.array(normalisation_of(plan.frontend).scale, np.float32)
    return Lesson(windows, plan.spec, curves, words, labels, often, said)


def learn(network: KerasNetwork, lesson: Lesson, *, minutes: float, rate: float,
          seed: int) -> tuple[KerasNetwork, list[Epoch]]:
    """Train `network` for so long: itself with the words' scores and the teacher's numbers as its ends, and its epochs.
    """
    whole, model = with_ends(network, lesson, rate=rate, seed=seed)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(lesson.labels))
    kept, rows = order[:KEPT_BACK], np.sort(order[KEPT_BACK:])
    often = lesson.often[rows] / lesson.often[rows].sum()
    begun = time.perf_counter()
    history: list[Epoch] = []
    losses: list[float] = []
    while (gone := (time.perf_counter() - begun) / (60 * minutes)) < 1:
        steps = len(history) * EPOCH_STEPS + len(losses)
        model.optimizer.learning_rate = rate * min(1, (steps + 1) / WARM_UP) * (1 + np.cos(np.pi * gone)) / 2
        losses.append(step(model, lesson, rows[rng.choice(len(rows), BATCH, p=often)], rng))
        if len(losses) == EPOCH_STEPS:
            history.append(Epoch(float(np.mean(losses)), float("nan"), accuracy(model, lesson, kept),
                                 time.perf_counter() - begun - sum(epoch.seconds for epoch in history)))
            print(f"{len(history) * EPOCH_STEPS} steps: loss {history[-1].loss:.3f}, "
                  f"{history[-1].validation_accuracy:.1%} of the words kept back", flush=True)
            losses = []
    whole.set_weights(model.get_weights())
    return whole, history


def with_ends(network: KerasNetwork, lesson: Lesson, *, rate: float, seed: int) -> tuple[KerasNetwork, KerasNetwork]:
    """The network with its two new ends, and a compiled copy that trains faster."""
    import keras

    keep_freed_memory()
    keras.utils.set_random_seed(seed)
    inner = network.layers[-2].output
    dropped = keras.layers.Dropout(DROPOUT, name="word_dropout")(inner)
    said = keras.layers.Dense(len(lesson.words), name="words")(dropped)
    taught = keras.layers.Dense(lesson.taught.shape[-1], name="teacher")(inner)
    whole = keras.Model(network.input, [said, taught])
    model = with_fused_normalisation(whole)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=SMOOTHING)
    model.compile(keras.optimizers.AdamW(rate, weight_decay=WEIGHT_DECAY), jit_compile=False,
                  loss=[loss, keras.losses.MeanSquaredError()])
    return whole, model


def step(model: KerasNetwork, lesson: Lesson, rows: np.ndarray, rng: np.random.Generator) -> float:
    """One step: its loss. Talk has no word, only what the teacher says."""
    inputs, taught = lesson.batch(rows, rng)
    labels = lesson.labels[rows]
    words = np.eye(len(lesson.words), dtype=np.float32)[np.maximum(labels, 0)]
    weights = [(labels >= 0).astype(np.float32), np.ones(len(rows), np.float32)]
    return float(model.train_on_batch(inputs, [words, taught], sample_weight=weights)[0])


def accuracy(model: KerasNetwork, lesson: Lesson, rows: np.ndarray) -> float:
    """Of words among all that are taught."""
    known = rows[lesson.labels[rows] >= 0]
    inputs, _ = lesson.batch(known, None)
    said, _ = model.predict(inputs, batch_size=512, verbose=0)
    return float((said.argmax(axis=1) == lesson.labels[known]).mean())


def as_run(whole: KerasNetwork, words: Sequence[str], keywords: Sequence[str]) -> KerasNetwork:
    """The network with the scores of silence, of other words and of the keywords, as probabilities."""
    import keras

    kernel, bias = whole.get_layer("words").get_weights()
    columns = [words.index(word) for word in (SILENCE, OTHER, *keywords)]
    inner = whole.get_layer("teacher").input
    scores = keras.layers.Dense(len(columns), activation="softmax", name="scores")
    model = keras.Model(whole.input, scores(inner), name="ds_cnn")
    scores.set_weights([kernel[:, columns], bias[columns]])
    return model


def write_run(folder: Path, model: KerasNetwork, spec: Spec, plan: Plan, recordings: Path, history: Sequence[Epoch],
              told: JsonObject) -> None:
    """Quantize, measure on the clips in `recordings`, write. told : more of what the manifest says"""
    corpus = scan(recordings)
    examples = choose_examples(corpus, spec)
    material = prepare(spec, examples, corpus.noise, cache=None, normalisation=normalisation_of(plan.frontend))
    with fresh_folder(folder) as making:
        metrics = finish(making, material, model, tuple(history), recordings=recordings)
        write_manifest(making, {**manifest_of(folder.name, material, metrics, making, None), **told})


def main(arguments: Sequence[str] | None = None) -> None:
    options = parser(__doc__)
    for name in ("start", "data", "out"):
        options.add_argument(name, type=Path)
    options.add_argument("name")
    options.add_argument("--minutes", type=float, default=50)
    options.add_argument("--rate", type=float, default=2e-3)
    options.add_argument("--without", default="alexa,computer,computers,marvin")
    options.add_argument("--seed", type=int, default=1)
    asked = options.parse_args(arguments)
    left_out = asked.without.split(",")
    asked.out.mkdir(parents=True, exist_ok=True)
    start = locate_run(asked.start)
    plan = Plan.from_bytes(read_artefact(start, "model.kws"))
    windows = windows_of(asked.data, asked.out, plan, left_out, seed=asked.seed)
    lesson = lesson_of(windows, plan)
    header(f"from {start.name}, {len(windows.labels):,} windows, {len(lesson.words)} words")
    whole, history = learn(load_network(start), lesson, minutes=asked.minutes, rate=asked.rate, seed=asked.seed)
    whole.save(asked.out / f"{asked.name}.keras")
    spec = replace(plan.spec, keywords=tuple(word for word in spoken_alone(asked.data, left_out)))
    recordings = asked.out / "workspace" / "recordings"
    if not recordings.is_dir():
        recordings.mkdir(parents=True)
        (recordings / "speech_commands").symlink_to((asked.data / "speech_commands").resolve())
    told: dict[str, Json] = {"command": f"scripts/bench base {start.name} DATA OUT {asked.name}", "commit": commit(),
            "taught": {"words": len(lesson.words), "windows": len(windows.labels), "without": left_out,
                       "teacher": "the speech embedding of pyopen-wakeword"}}
    write_run(asked.out / "workspace" / "models" / asked.name, as_run(whole, lesson.words, spec.keywords), spec, plan,
              recordings, history, told)


def windows_of(data: Path, out: Path, plan: Plan, left_out: Sequence[str], *, seed: int) -> Windows:
    """Made once: they are the same for every network with this front end."""
    path = out / "windows.npz"
    if not path.is_file():
        some = pieces(data, left_out, word_times(data, out / "words.json"), np.random.default_rng(seed))
        print(", ".join(f"{label} {count:,}" for label, count in Counter(one.label for one in some).most_common(3)))
        made = make_windows(some, data, plan, sorted((data / "rooms").glob("*.wav"))[:TRAINING_ROOMS], seed=seed)
        np.savez(path, features=made.features, taught=made.taught, labels=made.labels)
    with np.load(path) as kept:
        return Windows(kept["features"], kept["taught"], kept["labels"])


def spoken_alone(data: Path, left_out: Sequence[str]) -> list[str]:
    """The words of Speech Commands that are taught."""
    return [folder.name for folder in folders(data / "speech_commands")
            if not folder.name.startswith("_") and folder.name not in left_out]
