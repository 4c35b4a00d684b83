"""What a word may be: letters and digits of any language, written as people write them.

A word's normal form is its name everywhere: in kws.toml, as a folder, in detections and in exported C.
"""

import re
import shlex
import unicodedata

LONGEST_CHARACTERS, LONGEST_BYTES = 40, 120
SAFE = re.compile(r"[\w@%+=:,./-]+")  # what no shell takes apart
JOINERS = "\u200c\u200d"  # Persian, Urdu and the languages of India spell with them; in Latin they are invisible
_NO_JOINERS = ("LATIN", "GREEK", "CYRILLIC", "COMBINING")
_INVISIBLE = {code: None for code in (0x61C, 0x200B, 0x200E, 0x200F, 0x2060, 0xFEFF, *range(0x202A, 0x202F),
                                      *range(0x2066, 0x206A))}  # marks of direction: two words that look the same
_TYPED = _INVISIBLE | {0x2019: "'", 0x2018: "'", 0xFF07: "'"}  # what phones make of an apostrophe
RULE = "must be a word of letters and digits of any language, ' - and _, at most 40 of them, in lower case"


def normal(text: str) -> str:
    """Composed (NFC), lower case, its parts joined by underscores, without what cannot be seen.

    >>> normal(" Hey  Jarvis")
    'hey_jarvis'
    """
    composed = unicodedata.normalize("NFC", text.translate(_TYPED))
    return "_".join(unicodedata.normalize("NFC", composed.lower()).split())


def is_word(text: object) -> bool:
    """Whether it is a word in its normal form.

    >>> is_word("grün"), is_word("开灯"), is_word("Grün"), is_word("../x")
    (True, True, False, False)
    """
    if not isinstance(text, str) or not text or text != normal(text) or len(text) > LONGEST_CHARACTERS:
        return False
    kinds = [unicodedata.category(letter)[0] for letter in text]
    return (kinds[0] in "LN" and all(kind in "LMN" or letter in "'-_" or joins(text, at)
                                     for at, (kind, letter) in enumerate(zip(kinds, text, strict=True)))
            and len(text.encode()) <= LONGEST_BYTES)


def joins(text: str, at: int) -> bool:
    """Whether the character at `at` is a joiner between two letters of a script that is written with joiners."""
    if text[at] not in JOINERS or not 0 < at < len(text) - 1:
        return False
    around = (text[at - 1], text[at + 1])
    return all(unicodedata.category(letter)[0] in "LM" and not unicodedata.name(letter, "").startswith(_NO_JOINERS)
               for letter in around)


def is_latin(text: str) -> bool:
    """Whether all its letters are Latin ones, which who reads English can say.

    >>> is_latin("café_2"), is_latin("лампа")
    (True, False)
    """
    return all(unicodedata.name(letter, "").startswith("LATIN") for letter in unicodedata.normalize("NFC", text)
               if unicodedata.category(letter)[0] == "L")


def fault(text: object) -> str | None:
    """What is wrong with it as a word, in words; None if nothing is."""
    if is_word(text):
        return None
    better = normal(text) if isinstance(text, str) else ""
    return f"{text!r}: {RULE}" + (f"; write {better!r}" if is_word(better) else "")


def spoken(word: str) -> str:
    """How a word is said: its parts apart."""
    return word.replace("_", " ")


def as_arguments(*texts: object) -> str:
    """Words, names and paths in a command that is printed, so that a shell takes them as they are: don't, my folder."""
    return " ".join(str(text) if SAFE.fullmatch(str(text)) else shlex.quote(str(text)) for text in texts)
