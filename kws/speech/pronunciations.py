"""Dictionary words that sound like a keyword, to teach a network what is not the keyword: commuter, competitor.

The pronouncing dictionary is the one inside the package pocketsphinx (134,000 English words); it is read where it
lies. How a keyword that it does not list is pronounced, espeak-ng says.
"""

import re
from functools import cache
from pathlib import Path

import numpy as np

from kws.errors import DataError
from kws.speech.voices import phonemes

INSTALL = "pip install 'kws[words]'"
VOWELS = ("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW")
CONSONANTS = ("B", "CH", "D", "DH", "F", "G", "HH", "JH", "K", "L", "M", "N", "NG", "P", "R", "S", "SH", "T", "TH",
              "V", "W", "Y", "Z", "ZH")
SOUNDS = (*VOWELS, *CONSONANTS)
# Sounds that are taken for each other: within a group a substitution costs SIMILAR.
GROUPS = (("AA", "AO", "AH", "OW", "AW"), ("AE", "EH", "EY", "AY"), ("IH", "IY", "EY"), ("UH", "UW", "OW"),
          ("AH", "IH", "UH", "ER", "EH"), ("P", "B"), ("T", "D"), ("K", "G"), ("P", "T", "K"), ("B", "D", "G"),
          ("F", "V"), ("S", "Z", "SH", "ZH", "TH"), ("F", "TH", "S"), ("CH", "JH", "SH"), ("M", "N", "NG"),
          ("L", "R", "W"), ("DH", "V", "Z", "D"), ("Y", "IY"))
SIMILAR, SAME_KIND, OTHER_KIND, GAP = 0.4, 0.8, 1.5, 0.8
TOO_NEAR = 0.6  # people say the keyword like that too
# espeak-ng's marks for the sounds of American English; longer ones stand first.
ESPEAK = (("i:@", "IH R"), ("i@3", "IH R"), ("i@", "IH R"), ("e@", "EH R"), ("A@", "AA R"), ("o@", "AO R"),
          ("O@", "AO R"), ("U@", "UH R"), ("@L", "AH L"), ("eI", "EY"), ("aI", "AY"), ("aU", "AW"), ("oU", "OW"),
          ("OI", "OY"), ("i:", "IY"), ("u:", "UW"), ("A:", "AA"), ("O:", "AO"), ("3:", "ER"), ("tS", "CH"),
          ("dZ", "JH"), ("n-", "AH N"), ("@2", "AH"), ("a#", "AE"), ("I#", "IH"), ("I2", "IH"), ("t#", "T"),
          ("E#", "EH"), ("0#", "AA"), ("02", "AA"), ("aa", "AE"), ("a", "AE"), ("A", "AA"), ("E", "EH"), ("I", "IH"),
          ("i", "IY"), ("O", "AO"), ("0", "AA"), ("U", "UH"), ("u", "UW"), ("V", "AH"), ("@", "AH"), ("3", "ER"),
          ("?", "T"), ("b", "B"), ("d", "D"), ("D", "DH"), ("f", "F"), ("g", "G"), ("h", "HH"), ("j", "Y"),
          ("k", "K"), ("l", "L"), ("m", "M"), ("n", "N"), ("N", "NG"), ("p", "P"), ("r", "R"), ("s", "S"),
          ("S", "SH"), ("t", "T"), ("T", "TH"), ("v", "V"), ("w", "W"), ("z", "Z"), ("Z", "ZH"), ("x", "K"))


def sound_alikes(word: str, *, count: int) -> tuple[str, ...]:
    """Up to `count` dictionary words, the nearest in sound first, none that sounds like `word` or holds it.

    What differs from it in one similar sound only is left out: people say the keyword like that too.
    Raises DataError if the dictionary is not installed.
    """
    words, table, lengths = dictionary()
    wanted = pronounce(word)
    near = np.flatnonzero(np.abs(lengths - len(wanted)) <= max(2, len(wanted) // 3))
    costs = distances(wanted, table[near], lengths[near])
    found: dict[str, float] = {}
    whole = " ".join(sounds_of(wanted))
    for place in near[np.argsort(costs, kind="stable")]:
        text = words[place]
        said = " ".join(sounds_of(table[place, : lengths[place]]))
        if text not in found and whole not in said:
            found[text] = 0.0
        if len(found) >= 4 * count:
            break
    # A word with several pronunciations is as near as its nearest one.
    least = {text: min(distances(wanted, table[rows], lengths[rows])) for text, rows in rows_of(found).items()}
    apart = [text for text in least if least[text] > TOO_NEAR]
    return tuple(sorted(apart, key=lambda text: (least[text], text))[:count])


def rows_of(texts: dict[str, float]) -> dict[str, np.ndarray]:
    """The rows of the dictionary that hold each text."""
    words, _, _ = dictionary()
    rows: dict[str, list[int]] = {text: [] for text in texts}
    for place, text in enumerate(words):
        if text in rows:
            rows[text].append(place)
    return {text: np.array(places) for text, places in rows.items()}


def pronounce(word: str) -> np.ndarray:
    """The sounds of a word, as places in SOUNDS: int [n]; by the dictionary, else by espeak-ng."""
    words, table, lengths = dictionary()
    if word in words:
        place = words.index(word)
        return table[place, : lengths[place]]
    said, marks = [], phonemes(word).replace("#", "")
    while marks:
        mark, sounds = next(((mark, sounds) for mark, sounds in ESPEAK if marks.startswith(mark)), (marks[0], ""))
        said += sounds.split()
        marks = marks[len(mark):]
    return np.array([SOUNDS.index(sound) for sound in said], np.int64)


def sounds_of(row: np.ndarray) -> list[str]:
    return [SOUNDS[place] for place in row]


@cache
def dictionary() -> tuple[list[str], np.ndarray, np.ndarray]:
    """Plain words, their sounds as places in SOUNDS (int8 [words, longest], -1 after the end), and their lengths."""
    try:
        import pocketsphinx
    except ImportError as error:
        raise DataError(f"the sounds of a word need a pronouncing dictionary; install one with: {INSTALL}") from error
    path = Path(pocketsphinx.get_model_path()) / "en-us" / "cmudict-en-us.dict"
    place = {sound: i for i, sound in enumerate(SOUNDS)}
    words, rows = [], []
    for line in path.read_text().splitlines():
        text, *sounds = line.split()
        text = re.sub(r"\(\d+\)$", "", text)
        if re.fullmatch("[a-z]+", text) and sounds and all(sound in place for sound in sounds):
            words.append(text)
            rows.append([place[sound] for sound in sounds])
    lengths = np.array([len(row) for row in rows])
    table = np.full((len(rows), lengths.max()), -1, np.int8)
    for row, sounds_there in zip(table, rows, strict=True):
        row[: len(sounds_there)] = sounds_there
    return words, table, lengths


@cache
def costs_of_substitution() -> np.ndarray:
    """float32 [sounds, sounds]: 0 for the same sound, more the less they are taken for each other."""
    kind = np.arange(len(SOUNDS)) < len(VOWELS)
    cost = np.where(kind[:, None] == kind[None], SAME_KIND, OTHER_KIND).astype(np.float32)
    for group in GROUPS:
        places = [SOUNDS.index(sound) for sound in group]
        cost[np.ix_(places, places)] = SIMILAR
    np.fill_diagonal(cost, 0)
    return cost


def distances(wanted: np.ndarray, table: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Weighted edit distance of int [n] to each row of int8 [words, longest]: float32 [words]."""
    substitution = costs_of_substitution()
    columns = table.shape[1]
    before = np.tile(np.arange(columns + 1, dtype=np.float32) * GAP, (len(table), 1))
    for sound in wanted:
        now = np.empty_like(before)
        now[:, 0] = before[:, 0] + GAP
        changed = before[:, :-1] + substitution[sound][table]
        for column in range(columns):
            now[:, column + 1] = np.minimum(np.minimum(changed[:, column], before[:, column + 1] + GAP),
                                            now[:, column] + GAP)
        before = now
    return before[np.arange(len(table)), lengths]
