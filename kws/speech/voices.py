"""A speech synthesizer: text and a voice to samples, the same samples every time.

espeak-ng comes with the package espeakng-loader and is called through ctypes. The library keeps its state (pitch
flutter, wave phase) from one utterance to the next, in variables that nothing resets; so that the same words by
the same voice are the same samples, whatever was spoken before, it is loaded afresh for every utterance (0.3 ms).
"""

import ctypes
import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np

from kws.audio.files import resample
from kws.data.corpus import split_of
from kws.errors import DataError
from kws.speech.languages import LANGUAGES

ACCENTS = ("en", "en-us", "en-029", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-gb-x-rp", "en-us-nyc")
# The variants of espeak-ng 1.52 that sound like people. Left out are robots, whispers and jokes; "Reed" and "caleb",
# which never sound the same twice; and "Alicia", "Lee", "ian", "kaukovalta", "shelby" and "zac", of whose words a
# network that was trained on people understood less than half.
TIMBRES = (
    "Alex", "Andrea", "Andy", "Annie", "Denis", "Diogo", "Gene", "Gene2", "Henrique", "Hugo", "Jacky", "Marco",
    "Mario", "Michael", "Mike", "Nguyen", "adam", "anika", "antonio", "aunty", "belinda", "benjamin", "boris",
    "david", "ed", "edward", "edward2", "f1", "f2", "f3", "f4", "f5", "grandma", "grandpa", "gustave", "iven",
    "iven2", "iven3", "iven4", "john", "klatt", "klatt2", "klatt3", "klatt4", "klatt5", "klatt6", "linda", "m1",
    "m2", "m3", "m4", "m5", "m6", "m7", "m8", "marcelo", "max", "michel", "miguel", "mike2", "norbert", "pablo",
    "paul", "pedro", "quincy", "rob", "robert", "sandro", "steph", "steph2", "steph3", "travis", "victor")
LONGEST_PATH = 120  # espeak-ng keeps the path of its data in 160 bytes
RATE, PITCH, RANGE = 1, 3, 4  # espeak_PARAMETER
SYNCHRONOUS, UTF8, DONT_EXIT = 2, 1, 0x8000
NATIVE_HZ = 22_050
IPA, TIES = 0x02, 0x80 | ord("^") << 8  # espeak_TextToPhonemes: in these letters, with ^ inside one sound
LOCK = threading.Lock()  # one library, one voice at a time


@dataclass(frozen=True, kw_only=True)
class Voice:
    """Who speaks, and how.

    timbre  : one of TIMBRES; the speaker, because it is what makes a voice recognizable
    accent  : of English, one of ACCENTS; or another language, one of LANGUAGES
    pitch   : 0..99, 50 is the timbre's own; range : 0..99, how much the pitch moves
    rate_wpm: words per minute, 80..450
    """

    timbre: str
    accent: str = "en-us"
    pitch: int = 50
    range: int = 50
    rate_wpm: int = 160

    def __post_init__(self) -> None:
        for name, known in (("timbre", TIMBRES), ("accent", (*ACCENTS, *LANGUAGES))):
            if getattr(self, name) not in known:
                raise DataError(f"{name} = {getattr(self, name)!r}: must be one of {', '.join(known)}")
        for name, low, high in (("pitch", 0, 99), ("range", 0, 99), ("rate_wpm", 80, 450)):
            if not low <= getattr(self, name) <= high:
                raise DataError(f"{name} = {getattr(self, name)}: must be {low} to {high}")

    @property
    def speaker(self) -> str:
        """Name for file names and the split: every accent, pitch and rate of a timbre is the same person."""
        return f"espeak-{self.timbre.lower()}"

    @property
    def split(self) -> str:
        """The part of the data that this speaker belongs to."""
        return split_of(self.speaker)


def timbres_of(split: str) -> tuple[str, ...]:
    """The timbres whose speakers belong to `split`: 58 train, 7 validate, 8 test."""
    return tuple(name for name in TIMBRES if Voice(timbre=name).split == split)


def draw_voice(timbre: str, rng: np.random.Generator, *, accents: Sequence[str] = ACCENTS) -> Voice:
    """A voice of this timbre with an accent, pitch and rate drawn by `rng`, all well within what is understood."""
    return Voice(timbre=timbre, accent=accents[int(rng.integers(len(accents)))], pitch=int(rng.integers(30, 71)),
                 range=int(rng.integers(25, 76)), rate_wpm=int(rng.integers(120, 206)))


def synthesize(text: str, voice: Voice) -> np.ndarray:
    """Speak `text`: float32 [n] at 16 kHz, |x| <= 1, without silence before and after.

    The result depends on text and voice alone. Raises DataError if the synthesizer is not installed, or where there
    is nothing to say.
    """
    spoken: list[bytes] = []

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
    def collect(samples: int | None, count: int, events: int | None) -> int:
        if samples and count > 0:
            spoken.append(ctypes.string_at(samples, 2 * count))
        return 0

    with fresh_library() as library:
        library.espeak_SetSynthCallback(collect)
        if library.espeak_SetVoiceByName(f"{voice.accent}+{voice.timbre}".encode()):
            raise DataError(f"espeak-ng does not know the voice {voice.accent}+{voice.timbre}")
        for parameter, value in ((RATE, voice.rate_wpm), (PITCH, voice.pitch), (RANGE, voice.range)):
            library.espeak_SetParameter(parameter, value, 0)
        data = words_of(text).encode() + b"\0"
        library.espeak_Synth(data, len(data), 0, 1, 0, UTF8, None, None)
        library.espeak_Synchronize()
    audio = trim(np.frombuffer(b"".join(spoken), np.int16))
    if len(audio) == 0:
        raise nothing_to_say(text)
    return np.clip(resample(audio / np.float32(32768), NATIVE_HZ), -1, 1)


@cache
def phonemes(word: str) -> str:
    """How `word` is pronounced in American English, without stress marks: equal for "right" and "write"."""
    with fresh_library() as library:
        library.espeak_SetVoiceByName(b"en-us")
        library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        pointer = ctypes.c_char_p(words_of(word).encode())
        return library.espeak_TextToPhonemes(ctypes.byref(pointer), UTF8, 0).decode().translate(
            {ord(mark): None for mark in "',_ |"})


def ipa(text: str, accent: str) -> list[str]:
    """How each clause of `text` is pronounced: the letters of the IPA, stress before its vowel, ^ inside one sound.

    accent : "en-us", "en" (British), or another of espeak-ng's names
    """
    with fresh_library() as library:
        if library.espeak_SetVoiceByName(accent.encode()):
            raise DataError(f"espeak-ng does not know the voice {accent}")
        library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        data = ctypes.create_string_buffer(text.encode())
        place, clauses = ctypes.c_char_p(ctypes.addressof(data)), []
        while place.value:
            clauses.append(library.espeak_TextToPhonemes(ctypes.byref(place), UTF8, IPA | TIES).decode())
        return clauses


def nothing_to_say(text: str) -> DataError:
    """What every synthesizer raises for a text without a sound."""
    return DataError(f"{text!r}: the synthesizer has nothing to say; use letters or digits")


def words_of(text: str) -> str:
    """Keywords may hold - and _, which are pauses or names of signs to a synthesizer."""
    return text.replace("_", " ").replace("-", " ")


def trim(audio: np.ndarray) -> np.ndarray:
    """int16 [n] -> int16 [m]: without what is softer than 1 % of the peak (-40 dB) at both ends."""
    loud = np.flatnonzero(np.abs(audio.astype(np.int32)) * 100 > np.abs(audio.astype(np.int32)).max(initial=0))
    return audio[loud[0] : loud[-1] + 1] if len(loud) else audio[:0]


@contextmanager
def fresh_library() -> Iterator[ctypes.CDLL]:
    """espeak-ng in the state in which it is loaded, for one thread at a time; unloaded afterwards."""
    import _ctypes

    loader = import_loader()
    unload = getattr(_ctypes, "dlclose", None) or getattr(_ctypes, "FreeLibrary")  # noqa: B009 (of Windows alone)
    with LOCK, short_path(Path(loader.get_data_path())) as data:
        library = ctypes.CDLL(loader.get_library_path())
        try:
            if library.espeak_Initialize(SYNCHRONOUS, 0, os.fsencode(data), DONT_EXIT) != NATIVE_HZ:
                raise DataError(f"espeak-ng cannot read its data in {data}; reinstall the package espeakng-loader")
            library.espeak_ng_SetRandSeed(ctypes.c_long(1))
            yield library
            library.espeak_Terminate()
        finally:
            unload(library._handle)


def import_loader() -> ModuleType:
    """The package espeakng_loader, or DataError that says how to get it."""
    try:
        import espeakng_loader
    except ImportError as error:
        raise DataError("speech synthesis needs the package espeakng-loader; "
                        "install it with: pip install 'kws[train]'") from error
    return espeakng_loader


@contextmanager
def short_path(folder: Path) -> Iterator[Path]:
    """`folder` itself, or a link to it if its name is too long for espeak-ng."""
    if len(os.fsencode(folder)) <= LONGEST_PATH:
        yield folder
        return
    with tempfile.TemporaryDirectory() as place:
        link = Path(place) / "espeak-ng-data"
        link.symlink_to(folder, target_is_directory=True)
        yield link
