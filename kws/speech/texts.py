"""Words and sentences to speak that are not keywords."""

import re
from collections.abc import Iterable

from kws.errors import DataError
from kws.speech.voices import phonemes

# Ordinary words of every sound and length, so that "not a keyword" is learned from more than a few of them.
FILLERS = (
    "bed", "bird", "cat", "dog", "tree", "house", "happy", "sheila", "marvin", "visual", "learn", "follow",
    "forward", "backward", "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "wow",
    "apple", "bottle", "camera", "chair", "coffee", "door", "early", "family", "garden", "yellow", "hello",
    "island", "jacket", "kitchen", "light", "lift", "music", "never", "note", "often", "orange", "paper", "people",
    "question", "river", "school", "step", "table", "under", "water", "window", "winter", "yard", "young", "money",
    "low", "get", "top", "desk", "guess", "gone", "nice", "rice", "doctor", "update", "offer", "online", "leaf")
# Letters that turn a word into another one, when two of them are changed.
SWAPS = {"a": "eo", "e": "ao", "i": "au", "o": "ai", "u": "ai", "y": "ao", "b": "dw", "c": "tl", "d": "gn", "f": "sp",
         "g": "bl", "h": "lt", "j": "lw", "k": "pt", "l": "mk", "m": "ls", "n": "lg", "p": "fl", "q": "wp", "r": "nt",
         "s": "tm", "t": "sl", "v": "nk", "w": "bn", "x": "bn", "z": "tl"}
SENTENCES = (
    "The train to the coast leaves at half past seven.",
    "She bought three apples and a loaf of bread.",
    "Our neighbours painted their kitchen yellow last summer.",
    "Please close the window, it is getting cold in here.",
    "He has played the violin since he was a child.",
    "The river rises every spring when the snow melts.",
    "I could not find my keys this morning.",
    "They are building a new school behind the station.",
    "The soup tastes better with a little lemon.",
    "We watched the ships until the sun had set.",
    "My brother works in a hospital in the city.",
    "The library closes early during the holidays.",
    "A grey cat sleeps under the garden table.",
    "The doctor told her to drink plenty of water.",
    "Tomorrow we will visit the museum with the children.",
    "The engine makes a strange noise in the cold.",
    "He reads the newspaper while he waits for the bus.",
    "The baker opens his shop before sunrise.",
    "There are many islands in this lake.",
    "Her letter arrived after almost three weeks.",
    "The old clock in the hall strikes every hour.",
    "We need more chairs for the party tonight.",
    "The farmer sells eggs and honey at the market.",
    "Can you hear the rain against the roof?",
)


def near_misses(word: str) -> tuple[str, ...]:
    """Spellings that sound a little like `word`, and pieces of it: "computer" -> "puter", "camfuter", "comtuler", …

    None of them sounds like it: what differs in one sound only is left out, because people say a word like that too.
    The same word gives the same ones.
    """
    size = len(word)
    tries = [word[:size // 2], word[:-(size // 3)], word[size // 2:], word[size // 3:]]
    places = [place for place, letter in enumerate(word) if letter in SWAPS]
    for first, second in zip(places, places[2:], strict=False):
        for other, another in zip(SWAPS[word[first]], SWAPS[word[second]], strict=True):
            tries.append(word[:first] + other + word[first + 1:second] + another + word[second + 1:])
    found: dict[str, str] = {}
    for text in tries:
        if len(text) > 1 and re.fullmatch(r"[a-z]+", text) and not holds_keyword(text, [word]):
            found.setdefault(phonemes(text), text)
    return tuple(found.values())


def fillers_for(keywords: Iterable[str]) -> tuple[str, ...]:
    """The fillers that hold no keyword and sound like none: with "no", neither "no" nor "know"."""
    return tuple(word for word in FILLERS if not holds_keyword(word, keywords))


def sentences_for(keywords: Iterable[str]) -> tuple[str, ...]:
    """The sentences without a keyword. Raises DataError if the keywords occur in all of them."""
    found = tuple(text for text in SENTENCES if not holds_keyword(text, keywords))
    if not found:
        raise DataError("every sentence to speak around the keywords contains one of them; use fewer keywords")
    return found


def holds_keyword(text: str, keywords: Iterable[str]) -> bool:
    """Whether `text` holds a keyword, or a word that sounds like one."""
    words = re.findall(r"[a-z0-9']+", text.lower())
    spoken = {phonemes(word) for word in words}
    return any(keyword in words or phonemes(keyword) in spoken for keyword in keywords)
