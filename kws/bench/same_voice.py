"""How well `kws data check` finds one voice under two names: speakers drawn at random get two names each.

    scripts/bench same_voice [--speakers N] [--seeds N] [--first-seed N] [--microphone] [--cache FOLDER]
                             RECORDINGS

All speakers with 10 clips and more are compared; those drawn have 20, and each name gets 10 of them at random. Recall:
the share of the drawn whose two names are reported as one voice. Precision, twice: of the pairs that were not reported
before the draw, and of all pairs. What was reported before may be one person who came twice: recordings do not say.

The halves of a name are mostly one session, and one microphone. --microphone gives each second name another one: 12 dB
softer, a curve drawn at random (standard deviation 4 dB), less below 300 Hz and above 4 kHz.
"""

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ, read_samples
from kws.bench.common import header, parser
from kws.data.corpus import Clip, scan
from kws.data.voices import ALIKE, CLIPS, MOST, embed_sounds, same_voices, voice_embedding

LIMITS = (0.88, 0.90, ALIKE, 0.92, 0.93, 0.94, 0.95)
HZ, SOFTER_DB = (1, 100, 300, 1_000, 2_000, 4_000, 6_000, 8_001), np.array([-10, -4, 0, 0, 0, 0, -3, -6])


def renamed(speakers: Sequence[str], rng: np.random.Generator, count: int) -> tuple[list[str], set[str]]:
    """Half of the clips of `count` speakers under a second name, and who they are."""
    sizes = Counter(speakers)
    drawn = rng.choice(sorted(name for name in sizes if sizes[name] == MOST), count, replace=False).tolist()
    names = list(speakers)
    for name in drawn:
        own = [index for index, speaker in enumerate(speakers) if speaker == name]
        for index in rng.permutation(own)[:CLIPS].tolist():
            names[index] = f"{name} again"
    return names, set(drawn)


def elsewhere(clips: Sequence[Clip], names: Sequence[str], vectors: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The vectors, with those of second names as another microphone of each would have given them."""
    result = vectors.copy()
    for name in sorted({name for name in names if name.endswith(" again")}):
        curve = rng.normal(0, 4, len(HZ)) + SOFTER_DB
        own = [index for index, one in enumerate(names) if one == name]
        result[own] = embed_sounds([through(read_samples(clips[index].path), curve) for index in own])
    return result


def through(audio: np.ndarray, curve_db: np.ndarray) -> np.ndarray:
    """int16 [n], filtered by the curve over HZ, 12 dB softer."""
    hz = np.fft.rfftfreq(len(audio), 1 / SAMPLE_RATE_HZ)
    gain = np.interp(np.log10(hz + 1), np.log10(HZ), curve_db - 12)
    sound = np.fft.irfft(np.fft.rfft(audio) * 10 ** (gain / 20), len(audio))
    return np.rint(sound).clip(-32_768, 32_767).astype(np.int16)


def main(argv: Sequence[str]) -> None:
    options = parser(__doc__)
    options.add_argument("recordings", type=Path, help="a folder of sources")
    options.add_argument("--speakers", type=int, default=20)
    options.add_argument("--seeds", type=int, default=5)
    options.add_argument("--first-seed", type=int, default=301)
    options.add_argument("--microphone", action="store_true")
    options.add_argument("--cache", type=Path)
    given = options.parse_args(argv)
    header("voices compared by the encoder of resemblyzer")
    clips = scan(given.recordings).clips
    with tempfile.TemporaryDirectory() as folder:
        vectors = voice_embedding(cache=given.cache or Path(folder))(clips)
    heard = np.flatnonzero(np.any(vectors, axis=1))
    vectors, clips = vectors[heard], tuple(clips[index] for index in heard)
    speakers = [clip.speaker for clip in clips]
    enough = [name for name, size in Counter(speakers).items() if size >= CLIPS]
    print(f"{len(enough):,} speakers, {given.seeds} draws of {given.speakers} who get two names"
          f"{', the second with another microphone' if given.microphone else ''}\n")
    draws = []
    for seed in range(given.first_seed, given.first_seed + given.seeds):
        rng = np.random.default_rng(seed)
        names, drawn = renamed(speakers, rng, given.speakers)
        draws.append((names, drawn, elsewhere(clips, names, vectors, rng) if given.microphone else vectors))
    print("| similarity | recall | precision, new pairs | precision, all pairs | reported before |")
    print("|---|---|---|---|---|")
    for limit in LIMITS:
        before = {(pair.first, pair.second) for pair in same_voices(vectors, speakers, alike=limit)}
        found, new, everything = 0, 0, 0
        for names, drawn, heard_so in draws:
            pairs = [(pair.first, pair.second) for pair in same_voices(heard_so, names, alike=limit)]
            found += sum((name, f"{name} again") in pairs for name in drawn)
            everything += len(pairs)
            new += sum(tuple(sorted(name.removesuffix(" again") for name in pair)) not in before for pair in pairs)
        print(f"| {limit} | {found / given.seeds / given.speakers:.2f} | {found / max(new, 1):.2f} | "
              f"{found / max(everything, 1):.2f} | {len(before)} |")
