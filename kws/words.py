"""What a word may be: letters and digits of any language, written as people write them.

A word's normal form is its name everywhere: in kws.toml, as a folder, in detections and in exported C.
"""

import re
import shlex
import unicodedata

LONGEST_CHARACTERS, LONGEST_BYTES = 40, 120
SAFE = re.compile(r"[\w@%+=:,./-]+")  # what no shell takes apart
RULE = "must be a word of letters and digits of any language, ' - and _, at most 40 of them, in lower case"


def normal(text: str) -> str:
    """Composed (NFC), lower case, its parts joined by underscores.

    >>> normal(" Hey  Jarvis")
    'hey_jarvis'
    """
    return "_".join(unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower()).split())


def is_word(text: object) -> bool:
    """Whether it is a word in its normal form.

    >>> is_word("grün"), is_word("开灯"), is_word("Grün"), is_word("../x")
    (True, True, False, False)
    """
    if not isinstance(text, str) or not text or text != normal(text) or len(text) > LONGEST_CHARACTERS:
        return False
    kinds = [unicodedata.category(letter)[0] for letter in text]
    return (kinds[0] in "LN" and all(kind in "LMN" or letter in "'-_" for kind, letter in zip(kinds, text, strict=True))
            and len(text.encode()) <= LONGEST_BYTES)


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
