"""What hears a word other than the judge of `kws data check`, for kws.bench.label_suspects.

A judge is asked about int16 [16000] clips; it answers with a word, ANOTHER if it hears none that it knows, or None if
it cannot tell.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ
from kws.data.label_suspects import discriminant, moments
from kws.detect.detector import Detector, load_detector
from kws.errors import DataError
from kws.model.examples import FIRST_KEYWORD, UNKNOWN_LABEL
from kws.speech.alignment import dithered
from kws.validate.clips import streaming_scores

if TYPE_CHECKING:
    from kws.bench.base_windows import Teacher

ANOTHER = "another word"
PAUSE = SAMPLE_RATE_HZ // 5  # before and after a clip, for the recognizer
BATCH = 64
EMBEDDED = 22_400  # samples that the embedding is given: 200 ms of silence at both ends
SHIFT_S = 0.2
Ask = Callable[[np.ndarray], list[str | None]]


def of_run(run: Path) -> Ask:
    """A run that knows some of the words: its surest label, by the streaming engine."""
    detector: Detector = load_detector(run)

    def ask(clips: np.ndarray) -> list[str | None]:
        labels = streaming_scores(detector, clips).argmax(axis=1).tolist()
        return [detector.labels[label] if label >= FIRST_KEYWORD else ANOTHER if label == UNKNOWN_LABEL else None
                for label in labels]

    return ask


def of_recognizer(words: Sequence[str]) -> Ask:
    """pocketsphinx, which has not heard these recordings, with a grammar of one of the words."""
    try:
        from pocketsphinx import Decoder
    except ImportError:
        raise DataError("pocketsphinx is not installed; next: pip install 'kws[words]'") from None
    decoder: Any = Decoder(  # pocketsphinx has no types
        lm=None, samprate=SAMPLE_RATE_HZ, loglevel="FATAL")
    decoder.add_jsgf_string("words", f"#JSGF V1.0; grammar words; public <word> = {' | '.join(words)} ;")
    decoder.activate_search("words")

    def ask(clips: np.ndarray) -> list[str | None]:
        return [heard(clip) for clip in clips]

    def heard(clip: np.ndarray) -> str | None:
        decoder.start_utt()
        decoder.process_raw(dithered(np.pad(clip, PAUSE)).tobytes(), full_utt=True)
        decoder.end_utt()
        found = decoder.hyp()
        return found.hypstr.strip() or None if found else None

    return ask


def of_embedding(clips: np.ndarray, words: np.ndarray) -> Ask:
    """A speech embedding that was made from other recordings, and a linear discriminant of these clips of the words."""
    from kws.bench.base_windows import Teacher

    teacher = Teacher()
    names, labels = np.unique(words, return_inverse=True)
    known = embedded(teacher, clips)
    middle = known.mean(axis=0)
    logits = discriminant(moments(known - middle, labels, len(names)))

    def ask(asked: np.ndarray) -> list[str | None]:
        return [str(names[label]) for label in logits(embedded(teacher, asked) - middle).argmax(axis=1)]

    return ask


def embedded(teacher: "Teacher", clips: np.ndarray) -> np.ndarray:
    """float32 [clips, numbers]."""
    edge = (EMBEDDED - clips.shape[1]) // 2
    found = []
    for at in range(0, len(clips), BATCH):
        some = np.zeros((BATCH, EMBEDDED), np.float32)
        part = clips[at : at + BATCH]
        some[: len(part), edge : edge + clips.shape[1]] = part
        found.append(teacher.say(some, shift_s=SHIFT_S)[: len(part)].reshape(len(part), -1))
    return np.concatenate(found).astype(np.float32)
