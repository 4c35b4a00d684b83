"""English as people say it whose first language is another: each sound is the nearest one of their own.

A voice of another language knows the sounds of that language only, so a text is given to it as sounds instead of
letters: espeak-ng knows how English is said, the tables below what becomes of each sound. Written in X-SAMPA, as SVOX
Pico understands it: `"` is stress, `_` joins two letters that are one sound, and a sound that the voice does not have
is silence.
"""

import re
from functools import cache

import numpy as np

from kws.errors import DataError
from kws.speech.voices import import_loader, ipa, nothing_to_say, words_of

ENGLISH = ("en-us", "en")  # American, British: one of them was learnt
STRESS = "ˈ"
MARKS = {STRESS: '"', "ˌ": "", "ː": "", "̩": ""}  # stress counts; a second one, length and syllables are the voice's own
LANGUAGE = re.compile(r"\([^)]*\)")  # where espeak-ng changes to another one for a word: (ko)


def table(pairs: str) -> dict[str, str]:
    """ "a=b c=d" -> {"a": "b", "c": "d"}"""
    return dict(pair.split("=") for pair in pairs.split())


# A sound of English in the letters of the IPA -> in X-SAMPA, where the language has it or nearly so.
SOUNDS = table("""
    p=p b=b t=t d=d k=k ɡ=g f=f v=v s=s z=z m=m n=n l=l j=j w=w ŋ=n ʃ=S ʒ=Z tʃ=t_S dʒ=d_Z θ=s ð=d ɹ=r h=h ɾ=t ʔ=t
    iː=i i=i ɪ=i uː=u ʊ=u ɛ=e e=e æ=a a=a ʌ=a ɐ=a ɑː=a ɑ=a ɒ=o ɔː=o ɔ=o oː=o ə=a ɚ=er ɜː=er ɜ=er ᵻ=i
    eɪ=ei aɪ=ai ɔɪ=oi oʊ=ou əʊ=ou aʊ=au iə=ia eə=ea ʊə=ua ɚɹ=er x=k
    """)
DIFFERENT = {
    "de-DE": "w=v ɹ=R ð=z ŋ=N iː=i: ɪ=I uː=u: ʊ=U ɛ=E e=E æ=E ɑː=a: ɒ=O ɔː=O ɔ=O oː=o: ə=@ ɚ=6 ɚɹ=6R ɜː=9R ɜ=9R ɐ=@ "
             "eɪ=e: aɪ=a_I ɔɪ=O_Y oʊ=o: əʊ=o: aʊ=a_U ᵻ=I",
    "es-ES": "v=b z=s ʃ=t_S ʒ=s dʒ=t_S h=x θ=T ŋ=N w=u",
    "fr-FR": "ɹ=R ð=z h= ɛ=E e=E ɒ=O ɔ=O ɔː=O ə=@ ɚ=9R ɚɹ=9R ɜː=9R ɜ=9R eɪ=E ŋ=N",
    "it-IT": "h= θ=t j=i w=u ŋ=N ɛ=E ʒ=d_Z",
}


def sounds_of(voice: str) -> dict[str, str]:
    """What becomes of each sound and mark of English in the mouth of a voice of DIFFERENT."""
    return MARKS | SOUNDS | table(DIFFERENT[voice])


def with_accent(text: str, voice: str, rng: np.random.Generator) -> str:
    """What Pico is told so that a voice of DIFFERENT says an English text: its words in X-SAMPA, as SSML.

    American or British is drawn. Raises DataError if espeak-ng is not installed, or where there is nothing to say.
    """
    sounds = sounds_of(voice)
    clauses = ipa(text, ENGLISH[int(rng.integers(len(ENGLISH)))])
    words = [told for word in " ".join(clauses).split() if (told := in_sounds(word, sounds))]
    if not words:
        raise nothing_to_say(text)
    return " ".join(f"<phoneme alphabet='xsampa' ph='{word}'/>" for word in words)


def same_with_an_accent(text: str, keyword: str) -> bool:
    """Whether a voice of DIFFERENT says both alike: a German "marwin" is a "marvin", an Italian "three" a "tree"."""
    return not ways(text).isdisjoint(ways(keyword))


@cache
def ways(text: str) -> frozenset[tuple[str, str]]:
    """Voice, and what it says of a text, without stress and pauses, for each voice of DIFFERENT."""
    said = {"".join("".join(ipa(words_of(text), accent)).split()) for accent in ENGLISH}
    return frozenset((voice, in_sounds(word, sounds_of(voice)).replace(MARKS[STRESS], ""))
                     for voice in DIFFERENT for word in said)


def in_sounds(word: str, sounds: dict[str, str]) -> str:
    """A word in the letters of the IPA, as `ipa` gives it, in X-SAMPA; letters of other languages are left out."""
    return "".join(sounds.get(piece, "") for piece in pieces(word, sounds))


def pieces(word: str, sounds: dict[str, str]) -> list[str]:
    """The letters of a word, two together where they are one sound."""
    letters, found = LANGUAGE.sub("", word.replace("^", "")), []
    while letters:
        size = 2 if letters[:2] in sounds else 1
        found.append(letters[:size])
        letters = letters[size:]
    return found


def are_known() -> bool:
    """Whether accents can be had: espeak-ng is installed."""
    try:
        import_loader()
    except DataError:
        return False
    return True
