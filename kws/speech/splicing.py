"""A word said with pieces of other people's talk: its sounds, cut out of sentences and joined.

Synthesizers have a handful of voices, talk has hundreds, in real rooms and through real microphones. What comes out is
no pleasure to hear, but it is made of what people sound like, and so is everything that the word is to be told from.

As in concatenative synthesis (Hunt and Black, 1996), the pieces are halves of sounds, because sounds join best in
their middles. What each candidate costs: neighbours in its sentence that differ from those in the word, an unusual
length, a low score of the aligner (most often it is another sound, or not where it is thought to be), and having been
used before; what a seam costs: the difference of the two spectra. The cheapest row of candidates is found by dynamic
programming. What each cost brings is in docs/log/new-words.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ, read_samples
from kws.data.spectra import BANDS, band_levels
from kws.errors import DataError
from kws.speech.alignment import FRAME_S, Aligner
from kws.speech.conversion import drawn, rate
from kws.speech.pronunciations import SOUNDS, costs_of_substitution

SILENCE = len(SOUNDS)  # the place after all sounds
FRAME = round(FRAME_S * SAMPLE_RATE_HZ)
LONGEST_S = 60  # no sentence is longer, and over an hour of talk its text cannot be laid
CANDIDATES = 40  # for each half of a sound
NEIGHBOUR = 6.0  # times what it costs to take the neighbour for the wanted one
OTHER_THAN_SILENCE = 1.5
UNSURE = 3.0  # for each standard deviation that the aligner's score is below the mean of this sound
USUAL, UNUSUAL = 0.4, 6.0  # logarithm of a length, against the median, that costs nothing; for each unit beyond it
USED = 0.25  # each time
CHANCE = 0.2  # scale of a random cost, so that the same word is said in many ways
SEAM = 1.5  # for each decibel between the spectra on both sides, mean over the bands
SOUND_S = (0.055, 0.105)  # how long a sound lasts in a word said alone, on average
EDGE_S = 0.04  # what is kept before and behind the word
FADE = 128  # samples of a seam in which one piece becomes the next
SHIFTS = range(-64, 65, 4)  # samples by which a piece is moved to where it fits
LEVEL = 0.06  # of the sounds of each recording, of full scale
PACES = (0.6, 2.0)  # more than this nothing is made faster or slower


@dataclass(frozen=True, eq=False)
class Sounds:
    """The sounds of recordings, in order, one recording after the other.

    recording : int32 [n], place in the list of recordings
    name      : int8 [n], place in SOUNDS; SILENCE
    start, frames : int32 [n], in frames of the aligner
    score     : float32 [n], of the aligner, for each frame
    spectra   : float32 [n, 3, BANDS], levels in dB where it begins, in its middle, and where it ends
    gain      : float32 [n], what makes its recording as loud as the others
    """

    recording: np.ndarray
    name: np.ndarray
    start: np.ndarray
    frames: np.ndarray
    score: np.ndarray
    spectra: np.ndarray
    gain: np.ndarray

    def __len__(self) -> int:
        return len(self.name)

    def of(self, recordings: np.ndarray) -> "Sounds":
        """The sounds of some of the recordings. recordings : bool [recordings]"""
        return Sounds(**{field.name: getattr(self, field.name)[recordings[self.recording]] for field in fields(self)})


def find_sounds(block: Sequence[tuple[Path, str]]) -> Sounds:
    """The sounds of recordings with their texts; recordings that cannot be read or aligned, or are too long, have none.

    Raises DataError if pocketsphinx is not installed.
    """
    aligner, found = Aligner(), []
    for place, (path, text) in enumerate(block):
        try:
            samples = read_samples(path)
        except (DataError, OSError):
            continue  # the training names what it cannot read
        if len(samples) <= LONGEST_S * SAMPLE_RATE_HZ:
            found.append(sounds_of_one(place, samples, text, aligner))
    return joined([one for one in found if one is not None])


def sounds_of_one(place: int, samples: np.ndarray, text: str, aligner: Aligner) -> Sounds | None:
    """The sounds of int16 [n], silences that follow each other as one; None as Aligner.sounds."""
    times = aligner.sounds(samples, text)
    if times is None:
        return None
    rows: list[tuple[int, int, int, float]] = []
    for one in times:
        sound = SOUNDS.index(one.name) if one.name in SOUNDS else SILENCE
        if sound == SILENCE and rows and rows[-1][0] == SILENCE:
            rows[-1] = (SILENCE, rows[-1][1], rows[-1][2] + one.frames, rows[-1][3])
        else:
            rows.append((sound, one.start, one.frames, one.score))
    name, start, frames, score = (np.array(column) for column in zip(*rows, strict=True))
    levels = band_levels(samples, len(samples) // FRAME + 1, FRAME)
    where = np.minimum(np.stack([start, start + frames // 2, start + frames], axis=1), len(levels) - 1)
    said = np.concatenate([samples[first * FRAME : (first + count) * FRAME] for sound, first, count, _ in rows
                           if sound != SILENCE] or [samples])
    gain = LEVEL / (np.sqrt((said.astype(np.float64) ** 2).mean()) / 32768 + 1e-4)
    return Sounds(np.full(len(rows), place, np.int32), name.astype(np.int8), start.astype(np.int32),
                  frames.astype(np.int32), score.astype(np.float32),
                  levels[where] + np.float32(20 * np.log10(gain)), np.full(len(rows), gain, np.float32))


def joined(parts: Sequence[Sounds], sizes: Sequence[int] | None = None) -> Sounds:
    """All of them in one. sizes : how many recordings each part is of; None: all count in the same list"""
    first = np.zeros(len(parts), np.int32) if sizes is None else np.cumsum([0, *sizes[:-1]], dtype=np.int32)
    if not parts:
        return Sounds(np.zeros(0, np.int32), np.zeros(0, np.int8), np.zeros(0, np.int32), np.zeros(0, np.int32),
                      np.zeros(0, np.float32), np.zeros((0, 3, BANDS), np.float32), np.zeros(0, np.float32))
    columns = {field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Sounds)}
    columns["recording"] = np.concatenate([part.recording + add for part, add in zip(parts, first, strict=True)])
    return Sounds(**columns)


class Splicer:
    """Says words with the sounds of recordings.

    paths : the recordings, read as they are needed; sounds : of all of them
    """

    def __init__(self, paths: Sequence[Path], sounds: Sounds) -> None:
        self.sounds = sounds
        self.read = lru_cache(maxsize=100)(lambda place: read_samples(paths[place]))
        follows = sounds.recording[1:] == sounds.recording[:-1]
        self.before = np.where(np.append(False, follows), np.roll(sounds.name, 1), SILENCE)
        self.after = np.where(np.append(follows, False), np.roll(sounds.name, -1), SILENCE)
        self.rows = [np.flatnonzero(sounds.name == name) for name in range(SILENCE)]
        self.cost = np.zeros(len(sounds))
        for rows in self.rows:
            if len(rows):
                self.cost[rows] = cost_alone(sounds.score[rows], sounds.frames[rows])
        self.begin()
        self.unlike = np.full((SILENCE + 1, SILENCE + 1), OTHER_THAN_SILENCE)
        self.unlike[:SILENCE, :SILENCE] = costs_of_substitution()
        self.unlike[SILENCE, SILENCE] = 0

    def begin(self) -> None:
        """Take every sound for unused: what is said next depends on nothing that was said before."""
        self.used = np.zeros(len(self.sounds))

    def lacks(self, wanted: np.ndarray) -> tuple[str, ...]:
        """Those of the sounds that nobody says here."""
        return tuple(SOUNDS[name] for name in dict.fromkeys(wanted.tolist()) if not len(self.rows[name]))

    def choose(self, wanted: np.ndarray, rng: np.random.Generator) -> list[int]:
        """Whose left half and whose right half says each of the wanted sounds, none of which it lacks: places in
        `sounds`, two for each. The next choice avoids what this one took.
        """
        stages = self._stages(wanted, rng)
        total, steps = stages[0][1], []
        for number, ((earlier, _), (later, cost)) in enumerate(pairwise(stages)):
            costs = total[:, None] + self._seams(earlier, later, inside=number % 2 == 0)
            steps.append(costs.argmin(axis=0))
            total = costs.min(axis=0) + cost
        place = int(total.argmin())
        row = [int(stages[-1][0][place])]
        for (rows, _), step in zip(reversed(stages[:-1]), reversed(steps), strict=True):
            place = int(step[place])
            row.append(int(rows[place]))
        self.used[np.unique(row)] += 1
        return row[::-1]

    def _stages(self, wanted: np.ndarray, rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
        """The candidates for each half of each sound, and what they cost."""
        around = [SILENCE, *wanted.tolist(), SILENCE]
        stages = []
        for place, name in enumerate(wanted.tolist()):
            rows = self.rows[name]
            cost = self.cost[rows] + USED * self.used[rows] - CHANCE * rng.gumbel(size=len(rows))
            for neighbour, there in ((around[place], self.before), (around[place + 2], self.after)):
                here = cost + NEIGHBOUR * self.unlike[neighbour, there[rows]]
                best = np.argsort(here, kind="stable")[:CANDIDATES]
                stages.append((rows[best], here[best]))
        return stages

    def _seams(self, earlier: np.ndarray, later: np.ndarray, *, inside: bool) -> np.ndarray:
        """What it costs to go from each of `earlier` to each of `later`: float [earlier, later]; nothing where one
        follows the other in its recording. inside : between the halves of a sound, else from one sound to the next
        """
        spectra = self.sounds.spectra
        ends, begins = (1, 1) if inside else (2, 0)
        costs: np.ndarray = SEAM * np.abs(spectra[earlier, ends][:, None] - spectra[later, begins]).mean(axis=-1)
        return costs

    def say(self, wanted: np.ndarray, chosen: Sequence[int], rng: np.random.Generator) -> np.ndarray:
        """The chosen halves joined, at the pace of a word said alone: float32 [n], |x| <= 1."""
        spans = self._pieces(chosen)
        edge = round(EDGE_S * SAMPLE_RATE_HZ)
        audio = np.zeros(0)
        for number, (place, start, end, gain) in enumerate(spans):
            sound = self.read(place)
            before = FADE // 2 if number else edge
            after = FADE // 2 if number + 1 < len(spans) else edge
            audio = spliced(audio, sound, start - before, end + after, gain / 32768)
        audio *= np.minimum(1, np.minimum(np.arange(len(audio)), np.arange(len(audio))[::-1]) / FADE)
        length_s = len(wanted) * drawn(SOUND_S, rng) + 2 * EDGE_S
        said = rate(audio, float(np.clip(len(audio) / SAMPLE_RATE_HZ / length_s, *PACES)))
        return said / np.float32(max(1.0, float(np.abs(said).max())))

    def _pieces(self, chosen: Sequence[int]) -> list[tuple[int, int, int, float]]:
        """Recording, first and last sample, and gain of each piece; halves that follow each other are one."""
        sounds = self.sounds
        pieces: list[tuple[int, int, int, float]] = []
        for number, one in enumerate(chosen):
            start, middle = int(sounds.start[one]) * FRAME, int(2 * sounds.start[one] + sounds.frames[one]) * FRAME // 2
            span = (start, middle) if number % 2 == 0 else (middle, start + int(sounds.frames[one]) * FRAME)
            place = int(sounds.recording[one])
            if pieces and pieces[-1][0] == place and pieces[-1][2] == span[0]:
                pieces[-1] = (*pieces[-1][:2], span[1], pieces[-1][3])
            else:
                pieces.append((place, *span, float(sounds.gain[one])))
        return pieces


def cost_alone(scores: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """What the candidates for one sound cost, whatever stands beside them: float [n]."""
    unsure = (scores.mean() - scores) / (scores.std() + 1e-6)
    unusual = np.abs(np.log(np.maximum(frames, 1) / np.median(frames))) - USUAL
    costs: np.ndarray = UNSURE * unsure + UNUSUAL * np.maximum(unusual, 0)
    return costs


def spliced(audio: np.ndarray, sound: np.ndarray, start: int, end: int, gain: float) -> np.ndarray:
    """float [n] and a piece of int16 [m] behind it: it is moved to where both fit best, and FADE samples are shared."""
    if not len(audio):
        return piece_of(sound, start, end) * gain
    last = audio[-FADE:]
    fits = [float(last @ one / (np.linalg.norm(one) + 1e-6)) for one in
            (piece_of(sound, start + shift, start + shift + FADE) for shift in SHIFTS)]
    piece = piece_of(sound, start + SHIFTS[int(np.argmax(fits))], end) * gain
    rising = np.linspace(0, 1, FADE)
    return np.concatenate([audio[:-FADE], last * (1 - rising) + piece[:FADE] * rising, piece[FADE:]])


def piece_of(sound: np.ndarray, start: int, end: int) -> np.ndarray:
    """Samples start to end of int16 [n], zeros where there are none, at least FADE of them: float [m]."""
    end = max(end, start + FADE)
    first, last = max(start, 0), min(end, len(sound))
    return np.pad(sound[first:last].astype(np.float64), (first - start, end - max(last, first)))
