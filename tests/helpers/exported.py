"""Sources to export, and compilers for what comes out."""

import shutil
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kws import processors
from kws.bench.random_networks import convert
from kws.detect.detector import Detector
from kws.engine.decoder import build_decoder_tables
from kws.engine.graph import read_graph
from kws.engine.plan import Plan
from kws.engine.streaming import lower
from kws.export.source import Source
from kws.features.frontend import INPUT_SCALE, FrontendStream, measure_normalisation
from kws.features.tables import build_tables
from kws.spec import DetectorSpec, FrontendSpec, ModelSpec, Spec
from tests.helpers.paths import ROOT

STRICT = ("-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror")
SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1")
CPUS = tuple(name.replace("-", "_") for name in processors.CPUS)
CONFIGURED = "-DKWS_MODEL_CONFIG"
STUBS = ROOT / "tests" / "stubs"  # minimal stand-ins of other people's headers

BOOT = """#include "kws.h"
kws_state state;
int boot(void);
int boot(void)
{
    const int16_t sample = 0;
    kws_event event;
    return kws_self_test(&state) + kws_push(&state, &sample, 1, &event);
}
"""


@cache
def random_source(name: str, *, coefficients: int = 0, decide_every: int = 1, windowed: bool | None = None,
                  after_pause: bool = False) -> Source:
    """A detector with a random network of the zoo on a window of 400 ms that hears something in `sound`."""
    spec = Spec(keywords=("yes", "no", "up", "down", "on", "off"), model=ModelSpec(name=name, width=0.5),
                frontend=FrontendSpec(clip_ms=400, coefficients=coefficients), detector=DetectorSpec(refractory_ms=100))
    frontend = build_tables(spec.frontend, measure_normalisation(spec.frontend, sound(8).reshape(-1, 6_400)))
    tflite = convert(random_model(spec, FrontendStream(frontend).push(sound(8))))
    graph = read_graph(tflite)
    program = lower(graph, decide_every=decide_every, windowed=windowed)
    decoder = build_decoder_tables(spec, thresholds=dict.fromkeys(spec.keywords, 0.3), smoothing_ms=60,
                                   decide_every=decide_every)
    if after_pause:
        decoder = replace(decoder, talk_hops=5, talk_lag_hops=10, talk_limit=60, unknown_weight=7)
    return Source(name, program, graph, tflite, Plan(spec, frontend, program, decoder))


def random_model(spec: Spec, rows: np.ndarray) -> Any:
    """A network of the zoo whose scores vary over the windows of rows : int8 [n, features]."""
    keras = pytest.importorskip("keras")
    from kws.model.zoo import build

    trained = build(spec, seed=3)
    model = keras.models.clone_model(trained, input_tensors=keras.Input(batch_shape=(1, *trained.input_shape[1:])))
    rng = np.random.default_rng(7)
    model.set_weights([drawn(variable.path, variable.shape, rng) for variable in model.weights])
    windows = np.lib.stride_tricks.sliding_window_view(rows, spec.frontend.frames, axis=0)[::20]
    windows = (np.moveaxis(windows, -1, 1)[..., None] * INPUT_SCALE).astype(np.float32)
    last = model.layers[-1]
    inner = keras.Model(model.inputs, last.input)
    seen = np.concatenate([np.asarray(inner([window[None]])) for window in windows])
    kernel = last.get_weights()[0]
    kernel *= 3 / (seen @ kernel).std(axis=0)
    last.set_weights([kernel, -(seen @ kernel).mean(axis=0)])
    return model


def drawn(path: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Weights of any sign, such that a signal keeps its size through any number of layers; scales and variances > 0."""
    spread = rng.normal(0, 0.5, shape)
    if len(shape) > 1:
        inputs = np.prod(shape[:-1] if shape[-1] > 1 else shape[:-2])  # a depthwise kernel ends in 1
        return spread * 2 / np.sqrt(inputs)
    return np.abs(spread) + 0.5 if "variance" in path or "gamma" in path else spread


def sound(seconds: float = 4, *, seed: int = 1) -> np.ndarray:
    """int16 [n]: stretches of noise and tones at every level, with the corners silence, full scale and -32768."""
    rng, parts = np.random.default_rng(seed), []
    while sum(map(len, parts)) < seconds * 16_000:
        n = int(rng.integers(500, 6_000))
        hz, level = rng.uniform(100, 6_000), 10 ** rng.uniform(0.5, 4.5)
        kinds = (rng.normal(0, level, n), level * np.sin(2 * np.pi * hz / 16_000 * np.arange(n)), np.zeros(n),
                 np.full(n, -32_768.0), np.where(np.arange(n) // 20 % 2, 32_767.0, -32_768.0))
        parts.append(kinds[rng.choice(5, p=[0.4, 0.4, 0.1, 0.05, 0.05])])
    return np.concatenate(parts)[:round(seconds * 16_000)].clip(-32_768, 32_767).astype(np.int16)


def expected_lines(source: Source, samples: np.ndarray) -> list[str]:
    """The `detected` lines that the example must print."""
    hits = Detector(source.plan).push(samples)
    return [f"detected {hit.keyword} {round(hit.time_s * 1000)} {round(hit.score * 256)}" for hit in hits]


def sources_of(folder: Path, *, example: bool = True) -> list[str]:
    """The C files of a package of the target c, relative to it."""
    paths = [*(folder / "engine").glob("*.c"), *folder.glob("*.c")]
    return sorted(str(path.relative_to(folder)) for path in paths if example or path.name != "example_main.c")


def run(command: list, *, cwd: Path, stdin: bytes = b"") -> str:
    """Standard output of a program that must succeed."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout.decode()[-2000:]}\n{done.stderr.decode()[-4000:]}"
    return done.stdout.decode()


def compile_host(folder: Path, *flags: str, compiler: str = "gcc") -> Path:
    """The example of a package of the target c as a program of this computer, with sanitizers and every warning."""
    program = folder / f"example-{compiler}"
    if flags or not program.exists():
        run([compiler, *STRICT, CONFIGURED, *(flags or SANITIZE), "-I.", *sources_of(folder), "-o", program],
            cwd=folder)
    return program


def zig(*arguments: str) -> list[str]:
    """A command of the zig compiler. Skips the test where the device extra is not installed."""
    pytest.importorskip("ziglang", reason="the device extra is not installed")
    return [sys.executable, "-m", "ziglang", *arguments]


def compile_device(folder: Path, program: Path, *flags: str, cpu: str = "cortex_m4", main: str = BOOT) -> None:
    """A package and `main` as a program for a Cortex-M: three functions of a C library, no code that is not called."""
    (folder / "boot.c").write_text(main)
    run(zig("cc", "-target", "thumb-freestanding-eabi", f"-mcpu={cpu}", "-Os", "-ffunction-sections", "-fdata-sections",
            "-fno-builtin", "-isystem", str(STUBS / "libc"), *STRICT, CONFIGURED, *flags, "-I.", "-g",
            "-Wl,--gc-sections", "-Wl,-e,boot", *sources_of(folder, example=False), str(STUBS / "libc" / "string.c"),
            "-o", str(program)), cwd=folder)
    (folder / "boot.c").unlink()


def compilers() -> list[str]:
    """The C compilers of this computer; gcc always is one of them."""
    clangs = ("clang", *(f"clang-{version}" for version in range(21, 13, -1)))
    return ["gcc", *[name for name in clangs if shutil.which(name)][:1]]



def flip_weight(source, op_kind=1):
    """The source with the first weight of its second convolution one higher, and the op's number."""
    program = source.plan.program
    index = [i for i, op in enumerate(program.ops) if op.kind == op_kind][1]
    pool = program.pool.copy()
    weights = pool.view(np.int8)
    at = 4 * program.ops[index].weights
    weights[at] += 1 if weights[at] < 127 else -1
    program = replace(program, pool=pool)
    return replace(source, program=program, plan=replace(source.plan, program=program)), index
