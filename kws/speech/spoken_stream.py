"""Long recordings with known content: words and talk in noise, and the truth about when each keyword was spoken."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ, to_int16, write_audio
from kws.data.truth import Event, write_truth
from kws.speech.noise import coloured
from kws.speech.texts import fillers_for, sentences_for
from kws.speech.voices import Voice, draw_voice, synthesize, timbres_of

LEAD_S = 2.0  # noise alone before the first word and after the last one


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """Something to say: `gap_s` seconds after the end of what was said before, with its peak at `peak_db`."""

    text: str
    voice: Voice
    gap_s: float = 2.0
    peak_db: float = -6.0


def make_stream(script: Sequence[Spoken], *, keywords: Sequence[str], noise_db: float,
                rng: np.random.Generator) -> tuple[np.ndarray, tuple[Event, ...]]:
    """Speak `script` into pink noise: int16 [n] at 16 kHz, and an event for each text that is a keyword.

    noise_db : RMS of the noise in dB of full scale, as -50
    """
    silence = np.zeros(round(LEAD_S * SAMPLE_RATE_HZ), np.float32)
    parts, events, position = [silence], [], len(silence)
    for item in script:
        gap = np.zeros(round(item.gap_s * SAMPLE_RATE_HZ), np.float32)
        audio = synthesize(item.text, item.voice)
        start, end = position + len(gap), position + len(gap) + len(audio)
        if item.text in keywords:
            events.append(Event(round(start / SAMPLE_RATE_HZ, 3), round(end / SAMPLE_RATE_HZ, 3), item.text))
        parts += [gap, audio * np.float32(10 ** (item.peak_db / 20) / np.abs(audio).max())]
        position = end
    speech = np.concatenate([*parts, silence])
    noise = coloured(len(speech), rng, slope=1)
    return to_int16(speech + noise * (10 ** (noise_db / 20) / np.sqrt(np.mean(noise**2)))), tuple(events)


def testing_voice(rng: np.random.Generator) -> Voice:
    """A voice of the testing split."""
    return draw_voice(str(rng.choice(timbres_of("testing"))), rng)


def write_script(keywords: tuple[str, ...], *, count: int, rng: np.random.Generator,
                 voice: Callable[[np.random.Generator], Voice] = testing_voice,
                 words: Sequence[str] | None = None) -> tuple[Spoken, ...]:
    """A script that says each keyword `count` times, with other words and sentences between them.

    voice : draws who speaks next
    words : what to say between keywords; by default every filler that does not sound like one
    One keyword every 3 to 4 s.
    """
    words, sentences = fillers_for(keywords) if words is None else words, sentences_for(keywords)

    def say(text: str, gap_s: float) -> Spoken:
        return Spoken(text=text, voice=voice(rng), gap_s=gap_s, peak_db=float(rng.uniform(-12, -3)))

    script: list[Spoken] = []
    for turn, index in enumerate(rng.permutation(np.repeat(np.arange(len(keywords)), count))):
        if turn % 2 == 0 and words:
            script.append(say(str(rng.choice(words)), float(rng.uniform(1, 1.5))))
        if turn % 5 == 4:
            script.append(say(str(rng.choice(sentences)), float(rng.uniform(1, 1.5))))
        script.append(say(keywords[index], float(rng.uniform(1.2, 2))))
    return tuple(script)


def write_stream(path: Path, keywords: tuple[str, ...], *, count: int, seed: int,
                 noise_db: float = -50.0) -> tuple[float, tuple[Event, ...]]:
    """Write a recording that says each keyword `count` times, and its truth beside it as .csv.

    -> its length in seconds and what was spoken when
    """
    rng = np.random.default_rng(seed)
    audio, events = make_stream(write_script(keywords, count=count, rng=rng), keywords=keywords, noise_db=noise_db,
                                rng=rng)
    write_audio(path, audio)
    write_truth(path.with_suffix(".csv"), events)
    return len(audio) / SAMPLE_RATE_HZ, events
