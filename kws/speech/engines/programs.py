"""Synthesizers that are programs: a command that writes a WAV file, run once for each text."""

import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from kws.audio.files import read_samples
from kws.data.corpus import NOHASH
from kws.errors import DataError
from kws.speech.engines.interface import Engine, trimmed

LONGEST_S = 120  # that a program may take for one text


def spoken_by(command: Sequence[str], text: str) -> np.ndarray:
    """Run `command`, in which {text} and {out} stand for the text and for the WAV file that it has to write.

    Without {text} the program gets the text on its standard input. -> float32 [n] at 16 kHz, trimmed.
    Raises DataError that quotes what the program says if it fails or writes no sound.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "speech.wav"
        filled = [part.replace("{out}", str(out)).replace("{text}", text) for part in command]
        said = None if any("{text}" in part for part in command) else f"{text}\n"
        try:
            done = subprocess.run(filled, input=said, capture_output=True, text=True, errors="replace",
                                  timeout=LONGEST_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DataError(f"{shlex.join(command)}: cannot be run ({error}); try it in a terminal") from error
        if done.returncode or not out.exists():
            reason = (done.stderr.strip().splitlines() or [f"status {done.returncode}, no file"])[-1]
            raise DataError(f"{shlex.join(command)}: wrote no speech ({reason}); try it in a terminal")
        return trimmed(read_samples(out) / np.float32(32768), text)


class Festvox(Engine):
    """A base of engines that speak with voices of the Festvox project, in which the same people recur."""

    people: ClassVar[dict[str, str]]  # voice: who it is

    def speaker(self, voice: str) -> str:
        return f"festvox-{self.people[voice]}"

    def file_name(self, voice: str, number: int) -> str:
        return f"{self.speaker(voice)}{NOHASH}{self.name}{number}.wav"


class Flite(Festvox):
    """Four voices that are compiled into the program."""

    name = "flite"
    licence = "permissive, BSD-like (CMU Flite and its voices)"
    install = "apt-get install flite"
    people: ClassVar = {"slt": "slt", "rms": "rms", "awb": "awb", "kal16": "kal"}

    def voices(self) -> tuple[str, ...]:
        return tuple(self.people) if shutil.which("flite") else ()

    def speak(self, text: str, voice: str, *, rng: np.random.Generator) -> np.ndarray:
        self.require(voice)
        stretch, pitch_hz = rng.uniform(0.8, 1.3), rng.uniform(*((150, 230) if voice == "slt" else (85, 150)))
        return spoken_by(["flite", "-voice", voice, "--setf", f"duration_stretch={stretch:.3f}", "--setf",
                          f"int_f0_target_mean={pitch_hz:.1f}", "-t", "{text}", "-o", "{out}"], text)


class Festival(Festvox):
    """Voices that are packages of their own; those that are not installed are left out."""

    name = "festival"
    licence = "permissive, BSD-like (Festival and its voices)"
    install = "apt-get install festival festvox-us-slt-hts festvox-kallpc16k festvox-kdlpc16k"
    people: ClassVar = {"cmu_us_slt_arctic_hts": "slt", "kal_diphone": "kal", "ked_diphone": "ked"}

    def voices(self) -> tuple[str, ...]:
        if not shutil.which("text2wave"):
            return ()
        there = {path.name for path in Path("/usr/share/festival/voices").glob("*/*")}
        return tuple(voice for voice in self.people if voice in there)

    def speak(self, text: str, voice: str, *, rng: np.random.Generator) -> np.ndarray:
        self.require(voice)
        stretch = rng.uniform(0.8, 1.3)
        return spoken_by(["text2wave", "-eval", f"(voice_{voice})", "-eval",
                          f"(Parameter.set 'Duration_Stretch {stretch:.3f})", "-o", "{out}"], text)


class Command(Engine):
    """Any command line of the user's; it is one voice."""

    name = "command"
    licence = "that of the program and its voice: see there"
    install = "the program that --engine-command names"
    any_script = True

    def __init__(self, command: str) -> None:
        """command : as typed, with {out} for the WAV file and {text} for the text, which else comes on stdin."""
        try:
            self.command = shlex.split(command)
        except ValueError as error:
            raise DataError(f"--engine-command = {command!r}: cannot be read as a command ({error})") from error
        if not self.command or not any("{out}" in part for part in self.command):
            raise DataError(f"--engine-command = {command!r}: must hold {{out}}, the WAV file to write, as in "
                            "'piper --model voice.onnx --output_file {out}'")

    def voices(self) -> tuple[str, ...]:
        if shutil.which(self.command[0]) is None:
            raise DataError(f"--engine-command: there is no program {self.command[0]}; install it, or give its path")
        return (Path(self.command[0]).stem,)

    def speak(self, text: str, voice: str, *, rng: np.random.Generator) -> np.ndarray:
        self.require(voice)
        return spoken_by(self.command, text)
