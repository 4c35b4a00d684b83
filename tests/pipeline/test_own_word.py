"""docs/own-word.md: a new word from 20 takes at a microphone to a detector that hears it and to C that builds.

Smaller than scripts/check own_word, whose figures are in docs/log/new-words.md: less talk.
"""

import re
import subprocess
import sys

import numpy as np
import pytest

from kws.audio.files import read_samples
from kws.bench import own_word_walk as own_word
from tests.helpers.paths import ROOT, once, recordings_folder, shared_folder

pytestmark = [pytest.mark.slow, pytest.mark.audio]

pytest.importorskip("keras", reason="Keras is not installed")
pytest.importorskip("espeakng_loader", reason="no speech synthesizer here")
SPEAKERS, TAKES = 20, 1
UTTERANCES = 50  # about ten minutes
TALK = 20  # sentences of each reader
LIVE_S = 20


def unpacked(tmp_path_factory, part, limit):
    """Real recordings of one part, the first ones of each folder."""
    script = recordings_folder() / "unpack.py"
    if not script.is_file():
        pytest.skip(f"real recordings are missing: no {script}; name their folder in KWS_TEST_DATA")

    def make(folder):
        subprocess.run([sys.executable, script, folder, "--only", part, "--limit", str(limit)], check=True,
                       stdout=subprocess.DEVNULL)

    return once(shared_folder(tmp_path_factory) / f"{part}-{limit}", make)


@pytest.fixture(scope="module")
def other_speech(tmp_path_factory):
    """People who read aloud; nobody says the word, and nobody of them takes part in training."""
    return sorted(unpacked(tmp_path_factory, "negatives", UTTERANCES).glob("negatives/read_en/*.wav"))


@pytest.fixture(scope="module")
def place(pulse, tmp_path_factory):
    """The workspace after kws train."""
    place = tmp_path_factory.mktemp("own") / "lamp"
    talk = unpacked(tmp_path_factory, "sentences", TALK) / "sentences" / "read_en"
    own_word.prepare(place, pulse, talk, speakers=SPEAKERS, takes=TAKES)
    own_word.train(place)
    return place


def test_the_page_has_the_commands_that_are_walked():
    page = (ROOT / "docs" / "own-word.md").read_text()
    commands = re.findall(r"^    kws (\S+)", page, re.MULTILINE)
    assert commands[:4] == ["new", "record", "record", "train"]
    assert {"detect", "listen", "export", "calibrate"} <= set(commands)
    assert f"    kws new lamp --word {own_word.WORD}" in page
    assert f"    kws train --from {own_word.BASE} --run own" in page


def test_the_takes_are_there(place):
    takes = sorted((place / "recordings/own" / own_word.WORD).glob("*.wav"))
    assert len(takes) == SPEAKERS * TAKES
    assert all(np.abs(read_samples(take)).max() > 3_000 for take in takes)


def test_held_out_voices_are_heard_and_other_speech_is_not(place, pulse, other_speech):
    """Live: one word by each of ten voices that never trained, then a stretch of reading."""
    words = own_word.words_said(own_word.HELD_OUT, rng=np.random.default_rng(3))
    reading = np.concatenate([read_samples(path) for path in other_speech[:5]])[:LIVE_S * own_word.RATE_HZ]
    *heard, false_alarms = own_word.listen(place, pulse, [*words, reading])
    assert sum(count == 1 for count in heard) >= 9, dict(zip(own_word.HELD_OUT, heard, strict=True))
    assert false_alarms == 0


def test_hardly_anything_is_detected_in_ten_minutes_of_other_speech(place, other_speech):
    """Two at most: the few minutes of talk that chose the threshold here cannot promise one per hour."""
    assert sum(len(read_samples(path)) for path in other_speech) > 10 * 60 * own_word.RATE_HZ
    assert len(own_word.detect(place, other_speech)) <= 2


def test_the_export_builds(place, tmp_path):
    own_word.kws("export", "c", "-C", place, "--out", tmp_path / "firmware")
    own_word.run_make(tmp_path / "firmware")
