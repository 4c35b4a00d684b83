"""English as people say it whose first language is another: each sound is the nearest one of their own.

A voice of another language knows the sounds of that language only, so a text is given to it as sounds instead of
letters: espeak-ng knows how English is said, the tables below what becomes of each sound. Written in X-SAMPA, as SVOX
Pico understands it: `"` is stress, `_` joins two letters that are one sound, and a sound that the voice does not have
is silence.
"""

import numpy as np

from kws.errors import DataError
from kws.speech.voices import import_loader, ipa

ENGLISH = ("en-us", "en")  # American, British: one of them was learnt
MARKS = {"ˈ": '"', "ˌ": "", "ː": "", "̩": ""}  # stress counts; a second one, length and syllables are the voice's own
# A sound of English in the letters of the IPA -> in X-SAMPA, where the language has it or nearly so.
SOUNDS = dict(pair.split("=") for pair in (
    "p=p b=b t=t d=d k=k ɡ=g f=f v=v s=s z=z m=m n=n l=l j=j w=w ŋ=n ʃ=S ʒ=Z tʃ=t_S dʒ=d_Z θ=s ð=d ɹ=r h=h ɾ=t ʔ=t "
    "iː=i i=i ɪ=i uː=u ʊ=u ɛ=e e=e æ=a a=a ʌ=a ɐ=a ɑː=a ɑ=a ɒ=o ɔː=o ɔ=o oː=o ə=a ɚ=er ɜː=er ɜ=er ᵻ=i "
    "eɪ=ei aɪ=ai ɔɪ=oi oʊ=ou əʊ=ou aʊ=au iə=ia eə=ea ʊə=ua ɚɹ=er x=k").split())
DIFFERENT = {
    "de-DE": "w=v ɹ=R ð=z ŋ=N iː=i: ɪ=I uː=u: ʊ=U ɛ=E e=E æ=E ɑː=a: ɒ=O ɔː=O ɔ=O oː=o: ə=@ ɚ=6 ɚɹ=6R ɜː=9R ɜ=9R ɐ=@ "
             "eɪ=e: aɪ=a_I ɔɪ=O_Y oʊ=o: əʊ=o: aʊ=a_U ᵻ=I",
    "es-ES": "v=b z=s ʃ=t_S ʒ=s dʒ=t_S h=x θ=T ŋ=N w=u",
    "fr-FR": "ɹ=R ð=z h= ɛ=E e=E ɒ=O ɔ=O ɔː=O ə=@ ɚ=9R ɚɹ=9R ɜː=9R ɜ=9R eɪ=E ŋ=N",
    "it-IT": "h= θ=t j=i w=u ŋ=N ɛ=E ʒ=d_Z",
}


def sounds_of(voice: str) -> dict[str, str]:
    """What becomes of each sound and mark of English in the mouth of a voice of DIFFERENT."""
    return MARKS | SOUNDS | dict(pair.split("=") for pair in DIFFERENT[voice].split())


def with_accent(text: str, voice: str, rng: np.random.Generator) -> str:
    """What Pico is told so that a voice of DIFFERENT says an English text: its words in X-SAMPA, as SSML.

    American or British is drawn. Raises DataError if espeak-ng is not installed, or where there is nothing to say.
    """
    sounds = sounds_of(voice)
    said = " ".join(ipa(text, ENGLISH[int(rng.integers(len(ENGLISH)))])).split()
    words = [word for word in (in_sounds(word, sounds) for word in said) if word]
    if not words:
        raise DataError(f"{text!r}: the synthesizer has nothing to say; use letters or digits")
    return " ".join(f"<phoneme alphabet='xsampa' ph='{word}'/>" for word in words)


def in_sounds(word: str, sounds: dict[str, str]) -> str:
    """A word in the letters of the IPA, as `ipa` gives it, in X-SAMPA; letters of other languages are left out."""
    letters, found, place = word.replace("^", ""), "", 0
    while place < len(letters):
        size = next((size for size in (2, 1) if letters[place : place + size] in sounds), 0)
        found += sounds[letters[place : place + size]] if size else ""
        place += size or 1
    return found


def are_known() -> bool:
    """Whether accents can be had: espeak-ng is installed."""
    try:
        import_loader()
    except DataError:
        return False
    return True
