"""Tones that are spoken, and workspaces to record them into."""

import subprocess
import sys

import numpy as np

from kws.spec import Spec
from kws.specfile import write_spec
from tests.helpers.paths import ROOT
from tests.helpers.waiting import DEADLINE_S

RATE = 16_000
TONES_HZ = {"low": 300, "high": 2_000}


def beep(word, *, level=6_000):
    wave = level * np.hanning(6_400) * np.sin(2 * np.pi * TONES_HZ[word] * np.arange(6_400) / RATE)
    return np.clip(wave, -32768, 32767)


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.wav"))


def workspace(folder, *keywords):
    (folder / "kws.toml").write_text(write_spec(Spec(keywords=keywords)))
    return folder


def run_kws(*arguments):
    return subprocess.run([sys.executable, "-m", "kws", *map(str, arguments)], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, cwd=ROOT, timeout=DEADLINE_S)
