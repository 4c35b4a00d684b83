"""English as people say it whose first language is another: each sound is the nearest one of their own.

A voice of another language knows the sounds of that language only, so a text is given to it as sounds instead of
letters: espeak-ng knows how English is said, the tables below what becomes of each sound. Written in X-SAMPA.
"""

import numpy as np

from kws.speech.voices import ipa

ENGLISH = ("en-us", "en")  # American, British: one of them was learnt
STRESS = "ˈ"
# A sound of English in the letters of the IPA -> in X-SAMPA, where the language has it or nearly so.
SOUNDS = dict(pair.split("=") for pair in (
    "p=p b=b t=t d=d k=k ɡ=g f=f v=v s=s z=z m=m n=n l=l j=j w=w ŋ=n ʃ=S ʒ=Z tʃ=tS dʒ=dZ θ=s ð=d ɹ=r h=h ɾ=t ʔ=t "
    "iː=i i=i ɪ=i uː=u ʊ=u ɛ=e e=e æ=a a=a ʌ=a ɐ=a ɑː=a ɑ=a ɒ=o ɔː=o ɔ=o oː=o ə=a ɚ=er ɜː=er ɜ=er ᵻ=i "
    "eɪ=ei aɪ=ai ɔɪ=oi oʊ=ou əʊ=ou aʊ=au iə=ia eə=ea ʊə=ua").split())
DIFFERENT = {
    "de-DE": "w=v ɹ=R ð=z ŋ=N iː=i: ɪ=I uː=u: ʊ=U ɛ=E e=E æ=E ɑː=a: ɒ=O ɔː=O ɔ=O oː=o: ə=@ ɚ=6 ɜː=9R ɜ=9R ɐ=@ "
             "eɪ=e: aɪ=aI ɔɪ=OY oʊ=o: əʊ=o: aʊ=aU ᵻ=I",
    "es-ES": "v=b z=s ʃ=tS ʒ=s dʒ=tS h=x θ=T ŋ=N w=u",
    "fr-FR": "ɹ=R ð=z h= ɛ=E e=E ɒ=O ɔ=O ɔː=O ə=@ ɚ=9R ɜː=9R ɜ=9R eɪ=E ŋ=N",
    "it-IT": "h= θ=t j=i w=u ŋ=N ɛ=E",
}


def with_accent(text: str, voice: str, rng: np.random.Generator) -> str:
    """What pico is told so that a voice of DIFFERENT says an English text: its words in X-SAMPA, as SSML.

    American or British is drawn. Raises DataError if espeak-ng is not installed.
    """
    sounds = SOUNDS | dict(pair.split("=") for pair in DIFFERENT[voice].split())
    said = " ".join(ipa(text, ENGLISH[int(rng.integers(len(ENGLISH)))]))
    return " ".join(f'<phoneme alphabet="xsampa" ph="{in_sounds(word, sounds)}"/>' for word in said.split())


def in_sounds(word: str, sounds: dict[str, str]) -> str:
    """A word in the letters of the IPA, as `ipa` gives it, in X-SAMPA; a letter that nobody knows is left out."""
    letters, found, place = word.replace("^", ""), "", 0
    while place < len(letters):
        size = next((size for size in (2, 1) if letters[place : place + size] in sounds), 0)
        found += sounds[letters[place : place + size]] if size else "'" * (letters[place] == STRESS)
        place += size or 1
    return found
