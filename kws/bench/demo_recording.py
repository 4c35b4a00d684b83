"""Join real clips of the testing split into one recording with its truth.

    scripts/bench demo_recording OUT.wav -C WORKSPACE

Each keyword --times times, each by another speaker and followed by another word, with soft noise below; OUT.csv says
when each keyword was spoken. The same clips every time.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ, read_samples, write_audio
from kws.bench.common import parser
from kws.data.corpus import Clip, Corpus, scan
from kws.data.truth import Event, write_truth
from kws.speech.noise import add_noise, coloured
from kws.workspace import open_workspace

GAP_SAMPLES = SAMPLE_RATE_HZ // 2


def choose(corpus: Corpus, keywords: tuple[str, ...], times: int, rng: np.random.Generator) -> list[Clip]:
    """Clips of the testing split: keywords in random order, other words between them."""
    others = [clip for clip in corpus.of(split="testing") if clip.word not in keywords]
    spoken: list[Clip] = []
    for word in rng.permutation(np.repeat(keywords, times)):
        clips = corpus.of(word=str(word), split="testing")
        spoken += [clips[rng.integers(len(clips))], others[rng.integers(len(others))]]
    return spoken


def join(clips: list[Clip], keywords: tuple[str, ...], rng: np.random.Generator) -> tuple[np.ndarray, list[Event]]:
    """int16 [n] at 16 kHz, and when each keyword's clip starts and ends."""
    parts, events, position = [np.zeros(2 * GAP_SAMPLES, np.float32)], [], 2 * GAP_SAMPLES
    for clip in clips:
        audio = read_samples(clip.path).astype(np.float32)
        if clip.word in keywords:
            events.append(Event(position / SAMPLE_RATE_HZ, (position + len(audio)) / SAMPLE_RATE_HZ, clip.word))
        parts += [audio, np.zeros(GAP_SAMPLES, np.float32)]
        position += len(audio) + GAP_SAMPLES
    speech = np.concatenate([*parts, np.zeros(2 * GAP_SAMPLES, np.float32)])
    mixed = add_noise(speech, coloured(len(speech), rng, slope=1), snr_db=30)
    return np.clip(np.rint(mixed), -32_768, 32_767).astype(np.int16), events


def main(arguments: Sequence[str]) -> None:
    options = parser(__doc__)
    options.add_argument("out", type=Path)
    options.add_argument("--times", type=int, default=1)
    options.add_argument("-C", dest="workspace", type=Path)
    given = options.parse_args(arguments)
    place, rng = open_workspace(given.workspace), np.random.default_rng(1)
    clips = choose(scan(place.recordings), place.spec.keywords, given.times, rng)
    audio, events = join(clips, place.spec.keywords, rng)
    write_audio(given.out, audio)
    write_truth(given.out.with_suffix(".csv"), events)
    print(f"{given.out}: {len(audio) / SAMPLE_RATE_HZ:.1f} s with {len(events)} keywords")

