"""Which second of a long recording is taken: by speech, against the loudest one.

    scripts/bench word_place [--count N] [--seed N] CLIPS

CLIPS is a folder of words. A clip by a speaker of the validation split is laid somewhere into 3 to 6 s of noise, behind
the thump of a microphone that is switched on, and in half of them before that of switching it off. Prints in how many
recordings a second holds at least 95 % of the word's energy.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kws.bench.common import header, parser

SECOND = 16_000
LEAST_ENERGY = 0.95


def thump(rng: np.random.Generator, length: int) -> np.ndarray:
    """float [length]: low, full scale, with a crack at its beginning."""
    time_s = np.arange(length) / SECOND
    low = np.exp(-time_s / rng.uniform(0.03, 0.12))
    low *= np.sin(2 * np.pi * rng.uniform(30, 90) * time_s + rng.uniform(0, 6))
    sound = low + 0.5 * np.exp(-time_s / 0.004) * rng.standard_normal(length)
    return 30_000 * sound / np.abs(sound).max()


def recording(word: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """(int16 [n], where the word's second begins in it)."""
    length = round(rng.uniform(3, 6) * SECOND)
    audio = 30 * rng.standard_normal(length)
    at = round(rng.uniform(1.2, length / SECOND - 1.2) * SECOND)
    audio[at:at + SECOND] += word
    first = round(rng.uniform(0.05, 0.2) * SECOND)
    audio[first:first + SECOND] += thump(rng, SECOND)
    if rng.random() < 0.5:
        audio[-6_000:] += thump(rng, 6_000)
    return np.clip(np.rint(audio), -32768, 32767).astype(np.int16), at


def main(arguments: Sequence[str]) -> int:
    from kws.audio.files import is_audio, read_samples
    from kws.audio.word_place import loudest, word_place
    from kws.data.corpus import speaker_of, split_of

    options = parser(__doc__)
    options.add_argument("clips", type=Path)
    options.add_argument("--count", type=int, default=300)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args(arguments)
    header(f"seed {chosen.seed}")
    rng = np.random.default_rng(chosen.seed)
    paths = sorted(path for path in chosen.clips.glob("[a-z]*/*")
                   if is_audio(path.name) and split_of(speaker_of(path.stem)) == "validation")
    clips = kept = loud = 0
    for place in rng.permutation(len(paths)):
        word = read_samples(paths[place], samples=SECOND).astype(np.float64)
        peak = np.abs(word).max()
        if peak < 3_000 or clips == chosen.count:
            continue
        word *= rng.uniform(2_000, 9_000) / peak
        audio, at = recording(word, rng)
        energy = [held(word, find(audio, SECOND) - at) for find in (word_place, loudest)]
        clips, kept, loud = clips + 1, kept + (energy[0] > LEAST_ENERGY), loud + (energy[1] > LEAST_ENERGY)
    print(f"{clips} recordings: the word is whole in {kept} by speech, in {loud} by the loudest second")
    return 0


def held(word: np.ndarray, offset: int) -> float:
    """The share of a word's energy in the second that begins `offset` samples after it."""
    part = word[max(offset, 0):max(SECOND + min(offset, 0), 0)]
    return float(np.square(part).sum() / np.square(word).sum())
