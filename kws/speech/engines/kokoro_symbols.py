"""Text as the symbols that Kokoro was taught: espeak-ng's phonemes with one letter for each diphthong and affricate."""

from kws.errors import DataError
from kws.speech.voices import ipa, nothing_to_say

# What the network calls each symbol, of those that English needs.
NUMBERS = {
    ",": 3, ".": 4, " ": 16, "A": 24, "I": 25, "O": 31, "Q": 33, "T": 36, "W": 39, "Y": 41, "ᵊ": 42, "a": 43, "b": 44,
    "d": 46, "e": 47, "f": 48, "h": 50, "i": 51, "j": 52, "k": 53, "l": 54, "m": 55, "n": 56, "o": 57, "p": 58, "r": 60,
    "s": 61, "t": 62, "u": 63, "v": 64, "w": 65, "x": 66, "z": 68, "ɑ": 69, "ɒ": 71, "æ": 72, "ɔ": 76, "ð": 81, "ʤ": 82,
    "ə": 83, "ɛ": 86, "ɜ": 87, "ɡ": 92, "ɪ": 102, "ŋ": 112, "θ": 119, "ɹ": 123, "ʃ": 131, "ʧ": 133, "ʊ": 135,
    "ʌ": 138, "ʒ": 147, "ˈ": 156, "ˌ": 157, "ː": 158, "ᵻ": 177}
LONGEST = 510  # symbols of one utterance
PAUSE, END = ", ", "."
AMERICAN, BRITISH = "en-us", "en"  # espeak-ng's names
# In this order; ^ ties what espeak-ng takes for one sound.
BOTH = (("n̩", "ᵊn"), ("l̩", "ᵊl"), ("ə^l", "ᵊl"), ("ʔ", "t"), ("d^ʒ", "ʤ"), ("t^ʃ", "ʧ"), ("e^ɪ", "A"), ("a^ɪ", "I"),
        ("a^ʊ", "W"), ("ɔ^ɪ", "Y"), ("r", "ɹ"), ("x", "k"), ("ɬ", "l"))
OF_ACCENT = {
    AMERICAN: (("o^ʊ", "O"), ("ɚɹ", "ɚ"), ("ɚ", "əɹ"), ("ɜːɹ", "ɜː"), ("ɜː", "ɜɹ"), ("ɐ", "ə"), ("ɾ", "T"), ("ː", ""),
               ("^", ""), ("o", "ɔ"), ("e", "A")),
    BRITISH: (("ə^ʊ", "Q"), ("e^ə", "ɛː"), ("eə", "ɛː"), ("^", ""), ("ɐ", "ə"), ("o", "ɔ"), ("e", "ɛ"))}


def symbols(text: str, accent: str) -> str:
    """What is said, in Kokoro's symbols, with pauses between clauses and an end: "nˈO." for "no".

    accent : AMERICAN or BRITISH
    Sounds of other languages that have no symbol are left out. Raises DataError if nothing is left, or too much.
    """
    clauses = [in_symbols(clause, accent) for clause in ipa(text, accent)]
    found = PAUSE.join(filter(None, clauses))
    if not any(symbol.isalpha() for symbol in found):
        raise nothing_to_say(text)
    if len(found) >= LONGEST:
        raise DataError(f"{text[:40]!r}…: {len(found)} sounds; Kokoro says at most {LONGEST - 1} at once, so divide "
                        "the text")
    return found + END


def in_symbols(clause: str, accent: str) -> str:
    """Phonemes by espeak-ng with ties -> Kokoro's symbols."""
    for sound, symbol in (*BOTH, *OF_ACCENT[accent]):
        clause = clause.replace(sound, symbol)
    return "".join(symbol for symbol in clause if symbol in NUMBERS).strip()


def numbers(said: str) -> list[int]:
    """Symbols as the network takes them, between two zeros."""
    return [0, *(NUMBERS[symbol] for symbol in said), 0]
