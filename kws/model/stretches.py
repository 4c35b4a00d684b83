"""Training on stretches of a stream instead of single windows: words among talk and noise, and talk alone.

A network that learnt from clips has met single words only, and fires at what a room is made of: halves of words, two
words at once, the end of one and the beginning of the next. A stretch is some seconds of features, and the network
answers at every hop of it (kws.model.unrolled). What it may say there:

    the window of a clip, and WHOLE hops around it      the clip's label, and what the teachers said
    up to half a window around a keyword                that keyword or none: more or less of the word is in the window
    talk whose transcript holds a keyword               that keyword or none
    everywhere else                                     none: `_silence_` or `_unknown_`, whichever

The loss is minus the logarithm of what the permitted labels have together (kws.model.stretch_loss), and a hop of it
weighs `talk_weight` of a clip. Pace, voice, level, noise and second talkers are drawn anew for every stretch.
"""

from dataclasses import dataclass, field

import numpy as np

from kws.features.tables import Normalisation
from kws.model.examples import FIRST_KEYWORD
from kws.model.log_mel import (
    at_pace,
    dequantized,
    louder,
    mixed,
    quantized,
    rows_needed,
    with_voice,
)
from kws.model.stretch_loss import OWN, SOFT_WEIGHT
from kws.model.talk import TalkRows
from kws.spec import Spec

CLIPS = 4  # in a stretch
GAP = 10  # rows between two of them, on average
WHOLE = 6  # hops
NEAR_WEIGHT = 0.05  # of a hop beside a clip's window
PACE, VOICE = (0.8, 1.25), (0.88, 1.14)
WORD_VOICE = (0.95, 1.06)
GAIN_DB = 12.0
IN_ROOM = 0.3  # share of the talk
AMONG_TALK, OVERLAID, REVOICED = 0.15, 0.15, 0.2  # shares of the stretches of clips
QUIET = (3.5, 6.5)  # nepers: loudness of a room where nobody speaks


@dataclass(frozen=True, eq=False)
class Stretches:
    """What stretches are made of.

    curves : float32 [curves, features], timbre in nepers (kws.model.augment)
    places : rows of the talk at which hard stretches end; replaced before each epoch
    """

    spec: Spec
    talk: TalkRows
    noise: np.ndarray
    normalisation: Normalisation
    curves: np.ndarray
    places: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def frames(self) -> int:
        """Rows of a stretch."""
        return CLIPS * (self.spec.frontend.frames + GAP) + GAP

    @property
    def decisions(self) -> int:
        return self.frames - self.spec.frontend.frames + 1

    def talk_count(self, clips: int) -> int:
        """Stretches of talk beside the stretches of so many clips."""
        share = self.spec.training.talk_percent / 100
        return round(clips / CLIPS * share / (1 - share))

    def batch(self, features: np.ndarray, targets: np.ndarray,
              rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Stretches of words, then stretches of talk: int8 [n, frames, features], and what may be said at each hop.

        features : int8 [clips, window, features], a multiple of CLIPS; targets : float32 [clips, labels], taught: twice
        -> targets float32 [n, decisions, 2 * labels + 3], as kws.model.stretch_loss takes them
        """
        words, talks = len(features) // CLIPS, self.talk_count(len(features))
        order = np.arange(words * CLIPS).reshape(words, CLIPS)
        made = [self.with_words(features[clips], targets[clips], rng) for clips in order]
        made += [self.of_talk(rng) for _ in range(talks)]
        return np.stack([rows for rows, _ in made]), np.stack([said for _, said in made])

    def with_words(self, features: np.ndarray, targets: np.ndarray,
                   rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """CLIPS clips, int8 [CLIPS, window, features], set into talk, noise or a quiet room."""
        window = self.spec.frontend.frames
        rows, said = self.ground(rng)
        starts = self.starts(rng)
        for start, clip in zip(starts, features, strict=True):
            rows[start : start + window] = dequantized(clip, self.normalisation)
            said[start : start + window] = False
        if self.mixes and rng.random() < OVERLAID:
            other = self.some_talk(rng)[0] if rng.random() < 0.5 else self.some_noise(rng)
            rows = mixed(rows, other, rng.uniform(5, 30))
        if self.mixes and rng.random() < REVOICED:
            rows = with_voice(rows, rng.uniform(*WORD_VOICE))
        permitted = self.permitted(said)
        return self.finished(rows, rng), self.targets_with(permitted, starts, targets)

    def of_talk(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Talk alone, half the time with noise or more talk in it."""
        hard = len(self.places) > 0 and rng.random() * 100 < self.spec.training.hard_percent
        rows, said = self.some_talk(rng, place=int(rng.choice(self.places)) if hard else None)
        if self.mixes:
            if rng.random() < 0.6:
                rows = with_voice(rows, rng.uniform(*VOICE))
            kind = rng.random()
            if kind < 0.35:
                rows = mixed(rows, self.some_noise(rng), rng.uniform(0, 30))
            elif kind < 0.6:
                other, also_said = self.some_talk(rng)
                rows, said = mixed(rows, other, rng.uniform(0, 20)), said | also_said
            rows = louder(rows, rng.uniform(-GAIN_DB, GAIN_DB), self.spec.frontend)
        return self.finished(rows, rng), self.targets_with(self.permitted(said), np.zeros(0, np.int64), None)

    @property
    def mixes(self) -> bool:
        """Whether rows are log mel: of cepstra only slices are taken."""
        return self.spec.frontend.coefficients == 0

    def ground(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """What is between clips: rows float32 [frames, features], said bool [frames, keywords]."""
        kind = rng.random()
        if kind < AMONG_TALK:
            return self.some_talk(rng)
        rows, said = self.some_noise(rng), np.zeros((self.frames, len(self.spec.keywords)), bool)
        if kind > 0.5 and self.mixes:
            rows = np.maximum(rows - (np.quantile(rows.mean(axis=1), 0.9) - np.float32(rng.uniform(*QUIET))),
                              np.float32(np.log(self.spec.frontend.log_floor)))
        return rows, said

    def starts(self, rng: np.random.Generator) -> np.ndarray:
        """Where the clips of a stretch begin: rows, int [CLIPS], with gaps that add up to what is left."""
        cuts = np.sort(rng.integers(0, self.frames - CLIPS * self.spec.frontend.frames + 1, CLIPS))
        return cuts + np.arange(CLIPS) * self.spec.frontend.frames

    def some_talk(self, rng: np.random.Generator, *, place: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """A stretch of talk: float32 [frames, features], said bool [frames, keywords]; half the time at another pace.

        place : a row that shall be among the last of a window that lies in it
        """
        pace = rng.uniform(*PACE) if self.mixes and rng.random() < 0.5 else 1.0
        needed = rows_needed(self.frames, pace)
        if place is None:
            start = self.talk_start(needed, rng)
        else:
            ahead = int(rng.integers(self.spec.frontend.frames, self.frames))
            start = int(np.clip(place - round(ahead * pace), 0, len(self.talk) - needed))
        heard = self.talk.in_room if rng.random() < IN_ROOM else self.talk.rows
        rows = dequantized(heard[start : start + needed], self.normalisation)
        said = self.talk.said[start + (np.arange(self.frames) * pace).astype(np.int64)]
        return (rows[: self.frames] if pace == 1.0 else at_pace(rows, pace, self.frames)), said

    def talk_start(self, needed: int, rng: np.random.Generator) -> int:
        """Where a stretch of so many rows begins; a source with k rows is heard the square root of k times as often."""
        lengths = np.diff(self.talk.sources)
        source = int(rng.choice(len(lengths), p=np.sqrt(lengths) / np.sqrt(lengths).sum()))
        first, last = self.talk.sources[source], self.talk.sources[source + 1] - needed
        return int(np.clip(rng.integers(first, max(first, last) + 1), 0, len(self.talk) - needed))

    def some_noise(self, rng: np.random.Generator) -> np.ndarray:
        start = int(rng.integers(len(self.noise) - self.frames + 1))
        return dequantized(self.noise[start : start + self.frames], self.normalisation)

    def finished(self, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Through a random microphone (`equalization_db`), on the int8 grid: int8 [frames, features]."""
        nepers = self.spec.training.equalization_db / (20 / np.log(10))
        curve = (rng.standard_normal(len(self.curves)).astype(np.float32) * np.float32(nepers)) @ self.curves
        return quantized(rows + curve, self.normalisation)

    def permitted(self, said: np.ndarray) -> np.ndarray:
        """said bool [frames, keywords] -> bool [decisions, labels]: none of the keywords, or one that may be heard."""
        window = self.spec.frontend.frames
        heard = np.asarray(np.lib.stride_tricks.sliding_window_view(said, window, axis=0).any(axis=-1))
        return np.concatenate([np.full((len(heard), FIRST_KEYWORD), True), heard], axis=1)

    def targets_with(self, permitted: np.ndarray, starts: np.ndarray, targets: np.ndarray | None) -> np.ndarray:
        """Permitted labels, their weight, soft targets, their weight, own: float32 [decisions, 2 * labels + 3]."""
        (hops, labels), partly = permitted.shape, self.spec.frontend.frames // 2
        result = np.zeros((hops, 2 * labels + 3), np.float32)
        allowed, weight = permitted.copy(), np.full(hops, self.spec.training.talk_weight, np.float32)
        numbers = [] if targets is None else targets[:, :labels].argmax(axis=1)
        for start, number in zip(starts, numbers, strict=True):
            if number >= FIRST_KEYWORD:
                allowed[max(0, start - partly) : start + partly + 1, number] = True
        for start, number, said in zip(starts, numbers, () if targets is None else targets, strict=True):
            near = slice(max(0, start - WHOLE), start + WHOLE + 1)
            allowed[near] = np.arange(labels) == number
            weight[near] = NEAR_WEIGHT
            weight[start], soft, result[start, SOFT_WEIGHT] = self.clip_targets(said, labels)
            result[start, labels + 1 : SOFT_WEIGHT], result[start, OWN] = soft, 1
        result[:, :labels], result[:, labels] = allowed, weight
        return result

    def clip_targets(self, said: np.ndarray, labels: int) -> tuple[float, np.ndarray, float]:
        """Weight of the label, soft targets [labels] and their weight, for a clip's own window.

        said : float32 [labels], or with teachers [2 * labels]; without, the smoothed label stands in for what they say
        """
        training = self.spec.training
        if len(said) > labels:
            return 1 - training.distillation_weight, said[labels:], training.distillation_weight
        smoothing = training.label_smoothing
        return 0.0, (1 - smoothing) * said + np.float32(smoothing / labels), 1.0
