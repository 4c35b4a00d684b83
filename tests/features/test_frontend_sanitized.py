"""The front end's C under sanitizers: equal to the oracle without a complaint, and unmoved by hostile tables."""

import subprocess
from collections import Counter
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from kws.bench.check_frontend import SPECS, tables_of
from kws.bench.sounds import audio_like, corners
from kws.engine.oracle import frontend as oracle
from kws.features.tables import FRONTEND_ARRAYS, FrontendTables
from kws.native.build import include_folders, sources
from tests.helpers.paths import ROOT

FLAGS = ["-std=c99", "-O1", "-g", "-Wall", "-Wextra", "-pedantic", "-Wconversion", "-Wshadow", "-Werror",
         "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
SOURCES = [sources()[name] for name in ("frontend.c", "frontend_check.c", "fft.c", "spectrum.c")]
HOSTILE_CASES = 3_000
EDGES = (0, 1, -1, 2, 127, 255, 256, 512, 513, 1024, 2**15, 2**16 - 1, 2**16, 2**30, 2**31 - 1, -(2**31))


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> Path:
    target = tmp_path_factory.mktemp("frontend") / "frontend"
    main = ROOT / "tests" / "c" / "frontend_main.c"
    includes = [f"-I{folder}" for folder in include_folders()]
    subprocess.run(["gcc", *FLAGS, *includes, main, *SOURCES, "-o", target], check=True)
    return target


def case(tables: FrontendTables, samples: np.ndarray, chunk: int) -> bytes:
    """One case as frontend_main.c reads it."""
    parts = []
    for field in fields(tables):
        value = getattr(tables, field.name)
        raw = value.tobytes() if isinstance(value, np.ndarray) else b""
        parts.append(np.array([len(raw) if isinstance(value, np.ndarray) else value], "<i4").tobytes() + raw)
    return b"".join([*parts, np.array([len(samples), chunk], "<i4").tobytes(), samples.astype("<i2").tobytes()])


def run(program: Path, cases: list[bytes]) -> bytes:
    done = subprocess.run([program], input=b"".join(cases), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()[:2000]
    return done.stdout


@pytest.mark.parametrize("name", SPECS)
def test_equals_the_oracle_without_complaint(name, program):
    tables, rng = tables_of(SPECS[name]), np.random.default_rng(3)
    sounds = [np.rint(sound).astype(np.int16) for sound in corners(4000).values()]
    sounds += [audio_like(rng, 8000) for _ in range(20)]
    chunks = [int(chunk) for chunk in rng.choice([1, 7, 160, 333, 100_000], len(sounds))]
    output = run(program, [case(tables, sound, chunk) for sound, chunk in zip(sounds, chunks, strict=True)])
    for sound, chunk in zip(sounds, chunks, strict=True):
        raw = oracle.raw_features(tables, sound)
        rows = zip(raw.astype("<i4"), oracle.quantize(tables, raw), strict=True)
        expected = np.array([0, len(raw)], "<i4").tobytes() + b"".join(a.tobytes() + b.tobytes() for a, b in rows)
        assert output[: len(expected)] == expected, (len(sound), chunk)
        output = output[len(expected) :]
    assert output == b""


def hostile(tables: FrontendTables, rng: np.random.Generator) -> FrontendTables:
    """The tables with one to three values replaced by extreme ones; arrays stay as long as their counts say."""
    changes = {}
    for _ in range(rng.integers(1, 4)):
        name = rng.choice([field.name for field in fields(tables)])
        if name in FRONTEND_ARRAYS:
            array = changes.get(name, getattr(tables, name)).copy()
            where = slice(None) if rng.random() < 0.3 else rng.integers(0, max(array.size, 1), rng.integers(1, 4))
            limits = np.iinfo(array.dtype)
            if array.size:
                array[where] = np.clip(rng.choice(EDGES), limits.min, limits.max)
            changes[name] = array
        else:
            value = getattr(tables, name)
            changes[name] = int(rng.choice([int(rng.choice(EDGES)), value - 1, value + 1, 2 * value]))
    changed = replace(tables, **changes)
    for name, (_, count) in FRONTEND_ARRAYS.items():
        length = getattr(changed, count)
        if 0 <= length <= 100_000:
            changed = replace(changed, **{name: np.resize(getattr(changed, name), length)})
    return changed


def test_hostile_tables_are_refused_or_harmless(program):
    rng, specs = np.random.default_rng(11), list(SPECS.values())
    sound = np.where(np.arange(2100) // 40 % 2, 32767, -32768).astype(np.int16)
    sound[1200:] = rng.integers(-32768, 32767, 900)
    codes, accepted = Counter(), 0
    for start in range(0, HOSTILE_CASES, 100):
        tables = [hostile(tables_of(specs[(start + i) % len(specs)]), rng) for i in range(100)]
        output = run(program, [case(each, sound, 500) for each in tables])
        for each in tables:
            code = int(np.frombuffer(output[:4], "<i4")[0])
            codes[code] += 1
            output = output[4:]
            if code == 0:
                rows = int(np.frombuffer(output[:4], "<i4")[0])
                output = output[4 + 5 * rows * each.features :]
                accepted += rows
        assert output == b""
    assert set(codes) == {0, -1, -2, -3, -4, -5, -6} and accepted > 1000, codes
