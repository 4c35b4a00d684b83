"""Fuzz what reads sound files and archives, guided by the lines that an input reaches.

    scripts/check import_fuzz [--seconds N] [--seed N]

An input that reaches a line of kws/audio or kws/data/archives.py for the first time joins the corpus, and later inputs
are bred from it. The last line says how much was run; the exit status is 1 if an input raised anything but DataError,
and it is kept. `one_input` is the target, for a fuzzer of your own (atheris, for example).
"""

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import numpy as np

from kws.bench.check_hostile_archives import archive
from kws.bench.check_hostile_sounds import DAMAGES, whole_file
from kws.bench.common import ROOT, header, parser

if TYPE_CHECKING:
    from _typeshed import TraceFunction

WATCHED = (str(ROOT / "kws" / "audio"), str(ROOT / "kws" / "data" / "archives.py"))
LONGEST = 300_000
Lines = set[tuple[str, int]]


def one_input(data: bytes) -> None:
    """Read an input as a sound file, or as the archive that its first byte names. Raises what must never be raised."""
    from kws.audio.files import whole
    from kws.audio.reading import open_sound
    from kws.data.archives import contents, members
    from kws.errors import DataError

    kinds = ("", "", "", ".tar", ".tar.gz", ".tar.xz", ".zip")
    kind = kinds[data[0] % len(kinds)] if data else ""
    try:
        if not kind:
            whole(open_sound(Path("input"), data[1:]))
            return
        with tempfile.NamedTemporaryFile(prefix="kws-", suffix=kind) as file:
            file.write(data[1:])
            file.flush()
            members(Path(file.name))
            for _ in contents(Path(file.name)):
                pass
    except DataError:
        pass


def reached(run: Callable[[bytes], None], data: bytes, watched: tuple[str, ...] = WATCHED) -> Lines:
    """The lines of what is watched that a call goes through."""
    lines: Lines = set()

    def trace(frame: FrameType, event: str, _: object) -> "TraceFunction | None":
        if not frame.f_code.co_filename.startswith(watched):
            return None
        if event == "line":
            lines.add((frame.f_code.co_filename, frame.f_lineno))
        return trace

    sys.settrace(trace)
    try:
        run(data)
    finally:
        sys.settrace(None)
    return lines


def seeds(rng: np.random.Generator) -> list[bytes]:
    sounds = [b"\0" + whole_file(rng) for _ in range(40)]
    kinds = {".tar": 3, ".tar.gz": 4, ".tgz": 4, ".tar.bz2": 3, ".tar.xz": 5, ".zip": 6}
    return sounds + [bytes([kinds[suffix]]) + data for suffix, data in map(archive, range(40))]


def bred(corpus: Sequence[bytes], rng: np.random.Generator) -> bytes:
    """A new input out of one or two old ones."""
    parent = corpus[int(rng.integers(len(corpus)))]
    body = parent[1:] or b"\0"
    if rng.random() < 0.2:
        other = corpus[int(rng.integers(len(corpus)))][1:]
        body = body[:int(rng.integers(len(body)))] + other[int(rng.integers(len(other) + 1)):] or b"\0"
    for _ in range(int(rng.integers(1, 4))):
        body = DAMAGES[int(rng.integers(len(DAMAGES)))](body, rng) or b"\0"
    return (parent[:1] + body)[:LONGEST]


def fuzz(name: str, target: Callable[[bytes], None], corpus: list[bytes], watched: tuple[str, ...], *,
         rng: np.random.Generator, seconds: float) -> int:
    """Breed inputs for the target until the time is over; how many raised, each kept in .cache."""
    known, runs, wrong = set[tuple[str, int]](), 0, 0
    waiting = list(corpus)
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        data = waiting.pop() if waiting else bred(corpus, rng)
        runs += 1
        try:
            lines = reached(target, data, watched)
        except Exception as error:
            wrong += 1
            kept = ROOT / ".cache" / f"fuzz-{name}-{wrong}"
            kept.parent.mkdir(exist_ok=True)
            kept.write_bytes(data)
            print(f"{kept}: {type(error).__name__}: {error}")
            continue
        if lines - known:
            known |= lines
            corpus.append(data)
    print(f"{runs} inputs, {len(corpus)} in the corpus, {len(known)} lines reached, "
          f"{wrong} raised anything but DataError")
    return wrong


def fuzz_for_a_while(arguments: Sequence[str], text: str | None, name: str, target: Callable[[bytes], None],
                     seeds: Callable[[np.random.Generator], list[bytes]], watched: tuple[str, ...]) -> int:
    """The command line of a check that fuzzes: exit status 1 if an input raised. text : what its help says"""
    options = parser(text)
    options.add_argument("--seconds", type=float, default=600)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args(arguments)
    header(f"seed {chosen.seed}")
    rng = np.random.default_rng(chosen.seed)
    return 1 if fuzz(name, target, seeds(rng), watched, rng=rng, seconds=chosen.seconds) else 0


def main(arguments: Sequence[str]) -> int:
    return fuzz_for_a_while(arguments, __doc__, "import", one_input, seeds, WATCHED)
