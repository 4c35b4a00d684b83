"""When each word and sound of a sentence is said: forced alignment by pocketsphinx, with 134,000 English words."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kws.arguments import Samples, check_array
from kws.audio.files import SAMPLE_RATE_HZ, read_samples
from kws.data.transcripts import Stretch, words_of
from kws.errors import DataError
from kws.progress import progress
from kws.speech.pronunciations import INSTALL

FRAME_S = 0.01  # of the aligner
DITHER = 20  # standard deviation


class SoundTime(NamedTuple):
    """A sound, as in the pronouncing dictionary ("" for silence), and when it is said, in frames of FRAME_S.

    score : logarithm of how likely the aligner's model makes what is heard there, for each frame, in steps of its own
    """

    name: str
    start: int
    frames: int
    score: float


class Aligner:
    """Finds the words of a text in a recording of it, and their sounds.

    Raises DataError if pocketsphinx is not installed.
    """

    def __init__(self) -> None:
        try:
            from pocketsphinx import Decoder
        except ImportError:
            raise DataError(f"aligning needs pocketsphinx, which is not installed; next: {INSTALL}") from None
        self.decoder: Any = Decoder(  # pocketsphinx has no types
            lm=None, samprate=SAMPLE_RATE_HZ, loglevel="FATAL",
            bestpath=False)  # it invents sentence ends of one frame, into which no sounds fit

    def align(self, samples: Samples, text: str) -> list[Stretch] | None:
        """Every word of the text and when it is said in int16 [n], in order.

        None if the dictionary lacks a word, or if the recording does not say the text.
        """
        words = self._said(samples, text)
        if words is None:
            return None
        end_s = len(samples) / SAMPLE_RATE_HZ
        found = [Stretch(one.start_frame * FRAME_S, min((one.end_frame + 1) * FRAME_S, end_s), spelt(one.word))
                 for one in self.decoder.seg() or () if spelt(one.word)]
        return found if [stretch.word for stretch in found] == words else None

    def sounds(self, samples: Samples, text: str) -> list[SoundTime] | None:
        """Every sound of the text, and the silences between, in int16 [n], in order; None as by `align`."""
        if self._said(samples, text) is None:
            return None
        try:
            self.decoder.set_alignment()
            self._hear(samples)
        except RuntimeError:
            return None
        return [SoundTime(one.name if one.name.isalpha() and one.name != "SIL" else "", one.start, one.duration,
                          one.score / max(one.duration, 1))
                for word in self.decoder.get_alignment() or () for one in word] or None

    def _said(self, samples: Samples, text: str) -> list[str] | None:
        """Look for the words of the text in int16 [n]: the words; None if they cannot be found."""
        check_array("samples", samples, np.int16, "n")
        words = words_of(text)
        if not words or any(self.decoder.lookup_word(word) is None for word in words):
            return None
        try:
            self.decoder.set_align_text(" ".join(words))
            self._hear(samples)
        except RuntimeError:
            return None
        return words

    def _hear(self, samples: Samples) -> None:
        self.decoder.start_utt()
        self.decoder.process_raw(dithered(samples).tobytes(), full_utt=True)
        self.decoder.end_utt()


def dithered(samples: np.ndarray) -> np.ndarray:
    """int16 [n] with soft noise: the aligner's cepstral mean is lost in digital silence."""
    noise = np.random.default_rng(0).normal(0, DITHER, len(samples))
    return np.clip(np.rint(samples + noise), -32_768, 32_767).astype(np.int16)


def spelt(segment: str) -> str:
    """The word of a segment without the number of its pronunciation; nothing if it is silence or noise."""
    return "" if segment.startswith(("<", "[", "+", "(")) else re.sub(r"\(\d+\)$", "", segment)


def align_all(recordings: Sequence[tuple[Path, str]]) -> dict[Path, list[Stretch]]:
    """The words of recordings with their texts; recordings that cannot be aligned are missing."""
    aligner, found = Aligner(), {}
    with progress("aligning", total=len(recordings)) as advance:
        for path, text in recordings:
            words = aligner.align(read_samples(path), text)
            if words is not None:
                found[path] = words
            advance()
    return found
