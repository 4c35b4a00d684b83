"""Languages that espeak-ng speaks, and words to say in them: those of wordfreq's lists, common ones more often."""

import re
from functools import cache

import numpy as np

from kws.errors import DataError

# A language of espeak-ng, and the list of wordfreq whose words it reads; if there is none, that of a neighbour.
# English is left out.
LANGUAGES = {
    "af": "nl", "ar": "ar", "az": "tr", "bg": "bg", "bn": "bn", "bs": "sh", "ca": "ca", "cmn": "zh", "cs": "cs",
    "da": "da", "de": "de", "el": "el", "es": "es", "es-419": "es", "et": "fi", "eu": "es", "fa": "fa", "fi": "fi",
    "fr": "fr", "fr-be": "fr", "fr-ch": "fr", "haw": "fil", "he": "he", "hi": "hi", "hr": "sh", "hu": "hu",
    "id": "id", "is": "is", "it": "it", "ja": "ja", "ko": "ko", "ku": "tr", "la": "it", "lb": "de", "lt": "lt",
    "lv": "lv", "mi": "fil", "mk": "mk", "ms": "ms", "mt": "it", "nb": "nb", "nl": "nl", "pap": "es", "pl": "pl",
    "pt": "pt", "pt-br": "pt", "ro": "ro", "ru": "ru", "sk": "sk", "sl": "sl", "sq": "it", "sr": "sh", "sv": "sv",
    "sw": "id", "ta": "ta", "tr": "tr", "tt": "ru", "uk": "uk", "ur": "ur", "vi": "vi", "vi-vn-x-south": "vi",
    "yue": "zh"}
COMMONEST = 4000  # words of a language
EVENNESS = 0.6  # a word's share falls with this power of its rank: 1 is people's way (Zipf), 0 all equally often
LENGTH = (5, 14)  # words in a row
COMMA = 0.12  # after so many of the words


@cache
def common_words(language: str) -> tuple[tuple[str, ...], np.ndarray]:
    """The commonest words of a language, one of LANGUAGES, and how often each is said: float64 [words], the sum is 1.

    Raises DataError if wordfreq is not installed.
    """
    try:
        from wordfreq import top_n_list
    except ImportError as error:
        raise DataError("talk in other languages needs the package wordfreq; install it with: "
                        "pip install 'kws[train]'") from error
    words = tuple(word for word in top_n_list(LANGUAGES[language], COMMONEST) if not re.search(r"\d", word))
    often = np.arange(1.0, len(words) + 1) ** -EVENNESS
    return words, often / often.sum()


def common_row(language: str, rng: np.random.Generator, *, without: tuple[str, ...] = ()) -> str:
    """Some common words of a language in random order, with a comma here and there. without : words to leave out"""
    words, often = common_words(language)
    row = [words[i] + ("," if rng.random() < COMMA else "")
           for i in rng.choice(len(words), size=rng.integers(*LENGTH), p=often) if words[i] not in without]
    return " ".join(row or words[:1]) + "."
