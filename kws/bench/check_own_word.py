"""A new word from 20 takes to a detector, by the commands of docs/own-word.md: what does it hear?

    scripts/check own_word FOLDER [SPEAKERS] [TAKES]      default: 20 speakers who say the word once

FOLDER is where unpack.py has written real recordings: sentences/read_en/ (talk to train with) and negatives/ (speech
without the word, by others). Needs PulseAudio (null_sink.py says what to install) and the extra train. Prints one line
for each figure, and ends with status 1 where fewer than 9 of 10 held-out voices are heard, or anything is detected in
the first ten minutes of other speech.
"""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from kws.audio.files import write_audio
from kws.bench import own_word_walk as own_word
from kws.bench.common import header, parser
from kws.bench.null_sink import PulseAudio
from kws.speech.voices import timbres_of

TAKES_EACH = 4  # of each held-out voice, in files


def main(arguments: Sequence[str]) -> int:
    options = parser(__doc__)
    options.add_argument("data", type=Path, metavar="FOLDER")
    options.add_argument("speakers", nargs="?", type=int, default=20, metavar="SPEAKERS")
    options.add_argument("takes", nargs="?", type=int, default=1, metavar="TAKES")
    given = options.parse_args(arguments)
    data, speakers, takes = given.data.resolve(), given.speakers, given.takes
    header()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "lamp"
        sink = PulseAudio()
        try:
            start_s = time.monotonic()
            own_word.prepare(place, sink, data / "sentences" / "read_en", speakers=speakers, takes=takes)
            recorded_s = time.monotonic()
            own_word.train(place)
            trained_s = time.monotonic()
            live = own_word.listen(place, sink, own_word.words_said(own_word.HELD_OUT, rng=np.random.default_rng(3)))
        finally:
            sink.stop()
        print(f"{own_word.WORD!r}, {speakers} speakers, {speakers * takes} takes; recorded in "
              f"{recorded_s - start_s:.0f} s, trained in {trained_s - recorded_s:.0f} s")
        heard = sum(count == 1 for count in live)
        print(f"live: {heard} of {len(live)} held-out voices heard, once each {live}")
        print(f"in files: {in_files(place, Path(folder))}")
        false_alarms = [other_speech(place, part) for part in sorted(data.glob("negatives/*")) if part.is_dir()]
        own_word.kws("export", "c", "-C", place, "--out", Path(folder) / "firmware")
        own_word.run_make(Path(folder) / "firmware")
        print("the exported C is built, and its self-test passes")
    return 0 if heard >= 9 and not any(false_alarms) else 1


def in_files(place: Path, folder: Path) -> str:
    """Every voice that training has not heard, TAKES_EACH times."""
    rng, files = np.random.default_rng(4), {}
    for timbre in (*timbres_of("testing"), *timbres_of("validation")):
        for take in range(TAKES_EACH):
            path = folder / "said" / f"{timbre}_{take}.wav"
            pause = np.zeros(own_word.RATE_HZ, np.int16)
            write_audio(path, np.concatenate((pause, own_word.say(timbre, rng), pause)))
            files[path] = timbre
    found = {hit.file for hit in own_word.detect(place, list(files))}
    missed = [timbre for path, timbre in files.items() if str(path) not in found]
    counts = ", ".join(f"{name} {missed.count(name)}" for name in dict.fromkeys(missed)) or "none"
    return f"{len(files) - len(missed)} of {len(files)} words of {len(set(files.values()))} voices; missed: {counts}"


def other_speech(place: Path, part: Path) -> int:
    """Detections in a folder of speech without the word, all of it; the number in its first ten minutes."""
    files, minutes, first = sorted(part.rglob("*.wav")), 0.0, []
    for path in files:
        if minutes < 10:
            first.append(str(path))
        minutes += soundfile.info(path).duration / 60
    hits = own_word.detect(place, files)
    early = sum(hit.file in first for hit in hits)
    print(f"{part.name}: {len(hits)} detections in {minutes:.1f} minutes of other speech, {early} in the first ten")
    return early

