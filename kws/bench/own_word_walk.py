"""docs/own-word.md, step by step: a new word from 20 takes to a detector, by the commands that a person types.

The people are timbres of a synthesizer, the microphone is the monitor of a null sink. Who trains and who is held out is
decided by the speaker split of the corpus (kws.data.corpus): no held-out timbre is ever heard in training.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws.bench.common import ROOT
from kws.bench.null_sink import PulseAudio
from kws.records import from_json
from kws.speech.voices import Voice, synthesize, timbres_of

WORD, BASE = "computer", "base"
RATE_HZ = 16_000
LEVEL = 0.4  # peak of what is said
HELD_OUT = (*timbres_of("testing"), *timbres_of("validation"))[:10]


def people(count: int) -> tuple[str, ...]:
    """So many timbres of the training split."""
    return tuple(str(name) for name in np.random.default_rng(1).permutation(timbres_of("training"))[:count])


def say(timbre: str, rng: np.random.Generator, *, text: str = WORD) -> np.ndarray:
    """int16 [n]: the word, said a little differently each time."""
    voice = Voice(timbre=timbre, pitch=int(rng.integers(40, 61)), range=int(rng.integers(30, 71)),
                  rate_wpm=int(rng.integers(140, 190)))
    audio = synthesize(text, voice)
    return np.rint(LEVEL * 32_767 * audio / np.abs(audio).max()).astype(np.int16)


def environment(sink: PulseAudio) -> dict[str, str]:
    """For processes whose microphone is the sink's."""
    return {**os.environ, **sink.environment, "PYTHONPATH": str(ROOT)}


def kws(*arguments: object) -> str:
    """Standard output of a kws command that must succeed."""
    done = subprocess.run([sys.executable, "-m", "kws", *map(str, arguments)], capture_output=True, text=True,
                          check=False, stdin=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode in (0, 3), f"kws {arguments}\n{done.stdout[-2_000:]}\n{done.stderr[-4_000:]}"
    return done.stdout


def record(place: Path, sink: PulseAudio, timbres: Sequence[str], *, takes: int, rng: np.random.Generator) -> None:
    """Each timbre is a person who records so many takes: kws record asks, the sink says the word."""
    for timbre in timbres:
        options = ["--speaker", Voice(timbre=timbre).speaker, "--count", str(takes), "--countdown", "0.3"]
        session = subprocess.Popen(
            [sys.executable, "-m", "kws", "record", WORD, *options, "-C", str(place)], text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment(sink))
        shown = []
        assert session.stderr is not None
        for line in session.stderr:
            shown.append(line)
            if line.startswith("say: "):
                sink.play(say(timbre, rng))
        session.stderr.close()
        assert session.wait(60) == 0, "".join(shown)


def listen(place: Path, sink: PulseAudio, sounds: Sequence[np.ndarray]) -> list[int]:
    """How often kws listen detects the word while each of the sounds is played, one after the other."""
    process = subprocess.Popen([sys.executable, "-m", "kws", "listen", "--json", "-C", str(place)], text=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env=environment(sink))
    assert process.stdout is not None and process.stderr is not None
    heard: list[str] = []
    reader = threading.Thread(target=heard.extend, args=(process.stdout,))
    assert process.stderr.readline().startswith("listening: ")
    reader.start()
    sink.wait_for_listener(process.pid)
    counts, pause = [], np.zeros(RATE_HZ // 2, np.int16)
    for sound in sounds:
        before = len(heard)
        sink.play(np.concatenate((pause, sound, pause, pause, pause)))  # the last second: what the system still holds
        counts.append(len(heard) - before)
    process.terminate()
    errors = process.stderr.read()
    process.stderr.close()
    reader.join()
    process.stdout.close()
    assert process.wait(60) == 0 and " 0 overflows" in errors, errors
    return counts


@dataclass(frozen=True)
class Heard:
    """What kws detect prints of a detection."""

    file: str
    keyword: str
    time_s: float
    score: float


def detect(place: Path, files: Sequence[Path]) -> list[Heard]:
    """What kws detect finds in recordings."""
    return [from_json(Heard, json.loads(line)) for line in kws("detect", "--json", "-C", place, *files).splitlines()]


def prepare(place: Path, sink: PulseAudio, talk: Path, *, speakers: int, takes: int) -> None:
    """The workspace with everything that training needs. talk : a folder with people who do not say the word"""
    kws("new", place, "--word", WORD, "--talk", talk)
    record(place, sink, people(speakers), takes=takes, rng=np.random.default_rng(2))


def train(place: Path) -> None:
    """kws train, as the page says."""
    kws("train", "-C", place, "--from", BASE, "--run", "own")


def words_said(timbres: Sequence[str], *, rng: np.random.Generator) -> list[np.ndarray]:
    """The word by each of the timbres."""
    return [say(timbre, rng) for timbre in timbres]


def run_make(firmware: Path) -> None:
    """Build an export of the target c, and run its self-test."""
    done = subprocess.run(["make", "-s", "-C", str(firmware), "check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "ready 0" in done.stdout, done.stderr[-2_000:]
