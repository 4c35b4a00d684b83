"""Speak the recording in recordings/demo again.

    scripts/bench demo_audio [FOLDER]

Writes commands.flac, the ten command words twice each among other words and sentences in soft noise, and commands.csv,
which says when each was spoken. The same samples every time.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ, write_audio
from kws.bench.common import DEMO_RECORDING, parser
from kws.data.truth import write_truth
from kws.speech.spoken_stream import make_stream, write_script
from kws.speech.voices import Voice

KEYWORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
# Voices that are easy to understand; synthesized speech is not what the released model was trained on.
TIMBRES = ("Annie", "Jacky", "adam", "antonio", "ed", "f3", "f5", "grandpa", "m3", "max", "michel", "pablo", "pedro")
ACCENTS = ("en", "en-us")
OTHER_WORDS = ("bird", "camera", "coffee", "family", "garden", "happy", "house", "island", "kitchen", "marvin", "music",
               "seven", "table", "visual", "water", "window")
SEED = 22


def clear_voice(rng: np.random.Generator) -> Voice:
    """One of the voices above, at a moderate pitch and rate."""
    return Voice(timbre=str(rng.choice(TIMBRES)), accent=str(rng.choice(ACCENTS)), pitch=int(rng.integers(42, 59)),
                 rate_wpm=int(rng.integers(135, 171)))


def main(arguments: Sequence[str]) -> None:
    options = parser(__doc__)
    options.add_argument("folder", nargs="?", type=Path, default=DEMO_RECORDING.parent, metavar="FOLDER")
    folder = options.parse_args(arguments).folder
    rng = np.random.default_rng(SEED)
    script = write_script(KEYWORDS, count=2, rng=rng, voice=clear_voice, words=OTHER_WORDS)
    audio, events = make_stream(script, keywords=KEYWORDS, noise_db=-52.0, rng=rng)
    write_audio(folder / "commands.flac", audio)
    write_truth(folder / "commands.csv", events)
    print(f"{folder}/commands.flac: {len(audio) / SAMPLE_RATE_HZ:.1f} s with {len(events)} keywords")

