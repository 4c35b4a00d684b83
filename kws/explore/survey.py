"""Everything that the page shows, gathered from a corpus: counts, levels, features, a map, sounds to play."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kws.data.clip_table import ClipTable
from kws.data.corpus import SPLITS, Clip
from kws.data.label_suspects import LEAST_CLIPS, confusions, picture_vectors
from kws.errors import DataError
from kws.explore.statistics import FeatureSums, normalisation_of, sum_features
from kws.spec import Spec

MFCC = 20  # coefficients that the page shows where the settings keep the bands
OTHER = "other words"
MAP_CLIPS, EXAMPLES, OUTLIERS, PAIRS, MOST_WORDS = 800, 3, 12, 4, 12
SILENT_DB = -60.0
Embed = Callable[[Sequence[Clip]], np.ndarray]


@dataclass(frozen=True, eq=False)
class MapPoint:
    """One clip on the map; place : index of the clip."""

    place: int
    x: float
    y: float


@dataclass(frozen=True, eq=False)
class Survey:
    """What is known of the recordings.

    table, usable : the clips, and which of them can be read and are not silent
    words       : names of the groups that features are summed by: the keywords, then OTHER if there are any
    group       : the place of each usable clip's group, in the order of the usable clips
    mel, mfcc   : sums over log mel bands and over cepstral coefficients
    confused    : pairs of words and how often a small classifier that has not seen the clip takes one for the other
    map_points, map_name : where clips lie on a map, and what made it
    examples    : some clips of each group; outliers : clips and why they stand out
    """

    spec: Spec
    table: ClipTable
    usable: np.ndarray
    words: tuple[str, ...]
    group: np.ndarray
    mel: FeatureSums
    mfcc: FeatureSums
    confused: tuple[tuple[str, str, int], ...]
    recognised: float
    map_points: tuple[MapPoint, ...]
    map_name: str
    examples: dict[str, tuple[int, ...]]
    outliers: tuple[tuple[int, str], ...]

    @property
    def own(self) -> FeatureSums:
        """The sums over what the network of these settings is given."""
        return self.mfcc if self.spec.frontend.coefficients else self.mel


def survey(table: ClipTable, spec: Spec, *, embed: Embed | None, use_umap: bool, scheduler: str | None,
           seed: int = 1) -> Survey:
    """Gather everything. embed : a run's embedding for the map and the confusions; None: by spectra.

    Raises DataError if no clip can be used.
    """
    rng = np.random.default_rng(seed)
    usable = np.flatnonzero((table.column("samples") > 0) & (table.column("rms_db") >= SILENT_DB))
    if not len(usable):
        raise DataError(f"none of the {len(table.clips)} clips can be read and heard; look at them: kws data check")
    clips = [table.clips[place] for place in usable]
    words, group = grouped(clips, spec)
    paths = [clip.path for clip in clips]

    def sums(coefficients: int) -> FeatureSums:
        frontend = replace(spec.frontend, coefficients=coefficients)
        return sum_features(paths, group, word_count=len(words), spec=frontend, scheduler=scheduler,
                            normalisation=normalisation_of(frontend, paths, np.random.default_rng(seed)))

    mel, mfcc = sums(0), sums(spec.frontend.coefficients or min(MFCC, spec.frontend.bands))
    chosen = spread(group, MAP_CLIPS, rng)
    vectors = picture_vectors(table.rows["picture"][usable]) if embed is None else embed(clips)
    confused, recognised = confused_pairs(vectors, clips)
    places, map_name = flattened(vectors, chosen, use_umap=use_umap, seed=seed)
    return Survey(
        spec, table, usable, words, group, mel, mfcc, confused, recognised,
        tuple(MapPoint(int(usable[i]), float(x), float(y)) for i, (x, y) in zip(chosen, places, strict=True)),
        f"{map_name} of {'log mel pictures' if embed is None else 'what the run hears'}",
        {word: tuple(int(usable[i]) for i in some(group == place, EXAMPLES, rng)) for place, word in enumerate(words)},
        outliers(table, usable, (mfcc if spec.frontend.coefficients else mel).saturated))


def grouped(clips: Sequence[Clip], spec: Spec) -> tuple[tuple[str, ...], np.ndarray]:
    """Names of the groups, at most MOST_WORDS words and the rest, and each clip's place in them."""
    counts = Counter(clip.word for clip in clips)
    named = [word for word in spec.keywords if counts[word]] or [word for word, _ in counts.most_common(MOST_WORDS)]
    named = named[:MOST_WORDS]
    words = (*named, OTHER) if set(counts) - set(named) else tuple(named)
    place = {word: index for index, word in enumerate(words)}
    return words, np.array([place.get(clip.word, len(words) - 1) for clip in clips], np.int64)


def some(mask: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Up to `count` places where `mask` holds, at random, in order."""
    places = np.flatnonzero(mask)
    return np.sort(rng.choice(places, min(count, len(places)), replace=False))


def spread(group: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Up to `count` clips, about as many of each group."""
    names = np.unique(group)
    return np.concatenate([some(group == name, -(-count // len(names)), rng) for name in names])


def confused_pairs(vectors: np.ndarray, clips: Sequence[Clip]) -> tuple[tuple[tuple[str, str, int], ...], float]:
    """The pairs of words that are confused most, and the share of clips that is recognised."""
    words = np.array([clip.word for clip in clips])
    names, matrix = confusions(vectors, words, np.array([clip.speaker for clip in clips]))
    if not len(names):
        return (), 1.0
    both = matrix + matrix.T
    first, second = np.triu_indices(len(names), 1)
    order = np.argsort(-both[first, second], kind="stable")[:PAIRS]
    return (tuple((str(names[first[i]]), str(names[second[i]]), int(both[first[i], second[i]])) for i in order
                  if both[first[i], second[i]] > 0), float(np.trace(matrix) / matrix.sum()))


def flattened(vectors: np.ndarray, chosen: np.ndarray, *, use_umap: bool, seed: int) -> tuple[np.ndarray, str]:
    """Two coordinates of each chosen clip, float [n, 2], and the method's name."""
    picked = np.asarray(vectors[chosen], np.float64)
    if use_umap:
        try:
            from umap import UMAP
        except ImportError as error:
            raise DataError("--umap needs umap-learn, which is not installed; next: pip install 'kws[umap]', "
                            "or leave --umap out for PCA") from error
        return np.asarray(UMAP(random_state=seed).fit_transform(picked)), "UMAP"
    centred = picked - picked.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    flat = centred @ axes[:2].T
    return (flat if flat.shape[1] == 2 else np.pad(flat, ((0, 0), (0, 2 - flat.shape[1])))), "PCA"


def outliers(table: ClipTable, usable: np.ndarray, saturated: np.ndarray) -> tuple[tuple[int, str], ...]:
    """Clips that stand out by what a person can hear, a few of each kind."""
    level, noise = table.column("level_db")[usable], table.column("noise_db")[usable]
    ranked = (("loudest", level, "{:.0f} dB"), ("softest", -level, "{:.0f} dB"),
              ("noisiest", noise - level, "word {:.0f} dB above the noise"),
              ("most numbers at the ends of the int8 grid", saturated, "{:.1%}"))
    values = (level, level, level - noise, saturated)
    found = []
    for (name, keys, text), value in zip(ranked, values, strict=True):
        for i in np.argsort(-keys, kind="stable")[: OUTLIERS // len(ranked)]:
            found.append((int(usable[i]), f"{name}: {text.format(value[i])}"))
    return tuple(found)


def counts_by_split(table: ClipTable, words: Sequence[str]) -> dict[str, list[int]]:
    """For each split, the clips of each word, with everything else under OTHER."""
    found: Counter[tuple[str, str]] = Counter()
    for clip in table.clips:
        found[clip.split, clip.word if clip.word in words else OTHER] += 1
    return {split: [found[split, word] for word in words] for split in SPLITS}


def rare(table: ClipTable) -> list[str]:
    """Words with too few clips for the confusions."""
    counts = Counter(clip.word for clip in table.clips)
    return sorted(word for word, count in counts.items() if count < LEAST_CLIPS)
