"""Instructions, flash and RAM on emulated Cortex-M processors, beside TensorFlow Lite Micro with CMSIS-NN.

    scripts/bench device [--run RUN] [--inputs N]           the figures that the project promises
    scripts/bench device --functions [--run RUN] [--cpu C]  where the instructions go

--run : the streaming detector, models/commands by default. --inputs : random windows through the MLPerf Tiny network
whose scores must equal TFLM's. The network is mlperf_tiny_kws.tflite in KWS_TEST_DATA, or in ../shared/data.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kws.bench.common import ROOT, data_folder, header, parser
from kws.device.emulator import EmulatedNetwork
from kws.device.profile import Profile, choose_audio, profile
from kws.device.text_tables import functions_table, profile_table
from kws.device.toolchain import build_image
from kws.export.c import library
from kws.export.source import Source, from_run, from_tflite
from kws.spec import Requirements

# TFLM with CMSIS-NN, GCC 12.2, core -Os and kernels -O2, the same network on an emulated Cortex-M4F (measured once).
PEER = {"instructions": 7_701_000, "code": 53_532, "arena": 22_820, "stack": 1_380}
LIMITS = {"network": 5_000_000, "second": 8_000_000, "code": 12 * 1024, "ram": 10 * 1024}


def random_windows(source: Source, count: int) -> np.ndarray:
    """int8 [count, frames, features]: quiet, loud and saturated."""
    rng = np.random.default_rng(1)
    program = source.program
    spread = rng.choice([3.0, 30.0, 300.0], size=(count, 1, 1))
    return rng.normal(0, spread, (count, program.frames, program.features)).clip(-128, 127).astype(np.int8)


def tflm_scores(source: Source, windows: np.ndarray) -> np.ndarray | None:
    """int8 [count, labels] of TFLM's interpreter; None if it is not installed."""
    try:
        from kws.validate.clips import tflm_scores as run

        return run(source.tflite, windows)
    except ModuleNotFoundError:
        return None


def line(title: str, value: float, limit: float | None = None, note: str = "") -> None:
    verdict = "" if limit is None else f"  at most {limit:,}: {'holds' if value <= limit else 'NOT MET'}"
    print(f"  {title:38}{value:12,.0f}{verdict}{note}")


def bench_network(source: Source, *, inputs: int, cpu: str, functions: bool) -> None:
    """The network from elsewhere, one window at a time."""
    image = build_image(library(source), cpu=cpu)
    network, windows = EmulatedNetwork(image, labels=source.labels), random_windows(source, inputs)
    results = [network.run(window) for window in windows]
    counts = np.array([count for _, count in results])
    print(f"\n{source.name}, one window of {source.program.frames} frames, {cpu}, {image.toolchain}")
    median, m4 = int(np.median(counts)), cpu == "cortex-m4"
    line("instructions per inference", median, LIMITS["network"] if m4 else None,
         f"  TFLM with CMSIS-NN {PEER['instructions']:,}: {PEER['instructions'] / median:.2f} times" if m4 else "")
    line("code", image.code_bytes, note=f"  TFLM {PEER['code']:,}: {PEER['code'] / image.code_bytes:.1f} times")
    line("model", image.model_bytes)
    line("state", image.state_bytes, note=f"  TFLM's arena {PEER['arena']:,}")
    line("stack", network.machine.stack_bytes(), note=f"  TFLM {PEER['stack']:,}")
    if functions:
        print("\n" + functions_table(network.machine.costliest(inputs), per="window"))
    judge = tflm_scores(source, windows)
    if judge is None:
        print("  TFLM's scores: not compared, tflite-micro is not installed")
    else:
        different = int((np.array([scores for scores, _ in results]) != judge).any(axis=1).sum())
        line(f"of {inputs:,} inputs differ from TFLM", different, 0)


def bench_stream(found: Profile, name: str) -> None:
    """The whole chain at every hop."""
    m4 = found.cpu == "cortex-m4"
    print(f"\n{name}, samples to decision every {1000 * found.hop_s:g} ms, {found.cpu}, {found.image.toolchain}")
    line("instructions per second of audio", found.instructions_per_second, LIMITS["second"] if m4 else None)
    for stage in ("frontend", "network", "decoder"):
        line(f"  {stage}, per hop", found.per_hop(stage).median)
    line("code", found.image.code_bytes, LIMITS["code"] if m4 else None)
    line("model", found.image.model_bytes)
    line("RAM: state and stack", found.ram_bytes, LIMITS["ram"] if m4 else None, f"  stack {found.stack_bytes:,}")
    if m4:
        windowed = round(PEER["instructions"] / found.hop_s)
        print(f"  TFLM's windowed network alone, as often: {windowed:,} per second, "
              f"{windowed / found.instructions_per_second:.0f} times more")


def main(arguments: Sequence[str]) -> None:
    parse = parser(__doc__)
    parse.add_argument("--run", type=Path, default=ROOT / "models" / "commands")
    parse.add_argument("--inputs", type=int, default=1_000)
    parse.add_argument("--cpu", default="cortex-m4")
    parse.add_argument("--seconds", type=float, default=10)
    parse.add_argument("--functions", action="store_true")
    options = parse.parse_args(arguments)
    path = data_folder() / "mlperf_tiny_kws.tflite"
    source, network = from_run(options.run), from_tflite(path) if path.is_file() else None
    samples, heard = choose_audio([], ROOT / "recordings", seconds=options.seconds)
    if options.functions:
        found = profile(source, samples, cpu=options.cpu, audio=heard)
        print(profile_table(found.budget(Requirements())), functions_table(found.functions), sep="\n\n")
        if network:
            bench_network(network, inputs=3, cpu=options.cpu, functions=True)
        return
    header("instructions are counted, cycles are the board's")
    for cpu in ("cortex-m4", "cortex-m0plus"):
        bench_stream(profile(source, samples, cpu=cpu, audio=heard), source.name)
    if network:
        bench_network(network, inputs=options.inputs, cpu="cortex-m4", functions=False)
        bench_network(network, inputs=min(options.inputs, 20), cpu="cortex-m0plus", functions=False)
    else:
        print(f"\nMLPerf Tiny network: not run, no {path}; name its folder in KWS_TEST_DATA")

