"""What each network costs and how good it is: one row per run, for the README.

    scripts/bench models [--clips DIR] [--cpu CPU] RUN...      runs by name or path
    scripts/bench models                                       the zoo as kws.toml sets it, untrained: costs alone

Parameters are the trained ones. Multiplications are counted in the engine's program, for a second of audio at a
decision per hop. Flash, RAM and instructions are those of the whole exported detector on the emulated processor.
Accuracy is the int8 network's in the streaming engine, with its 95 % interval: on the validation split as it was
measured after training, and on the clips of --clips, a folder by label such as the official 12-label test archive.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from kws.audio.files import SAMPLE_RATE_HZ
from kws.bench.common import ROOT, header, parser, print_table
from kws.detect.detector import Detector, load_detector
from kws.device.budget import untrained_plan
from kws.device.profile import choose_audio, profile
from kws.engine.graph import Graph
from kws.engine.plan import Plan
from kws.errors import ModelError
from kws.export.costs import multiplications_per_hop
from kws.export.source import Source, from_run
from kws.run_metrics import METRICS, Accuracy, read_metrics
from kws.spec import NETWORKS
from kws.validate.clips import classify, read_clip_folder
from kws.workspace import locate_run, open_workspace

HEAD = ("network", "parameters", "MAC/s", "flash", "RAM", "instructions/s", "validation", "test clips")


def costs(source: Source, plan: Plan, cpu: str) -> list[str]:
    """MAC per second of audio, then flash, RAM and instructions per second on the emulated processor."""
    samples, heard = choose_audio([], ROOT / "recordings")
    found = profile(source, samples, cpu=cpu, audio=heard)
    per_second = multiplications_per_hop(plan.program) * SAMPLE_RATE_HZ / plan.frontend.hop_samples
    return [f"{per_second / 1e6:.2f} M", f"{found.flash_bytes / 1000:.1f} kB", f"{found.ram_bytes / 1000:.1f} kB",
            f"{found.instructions_per_second / 1e6:.2f} M"]


def trained_rows(runs: list[str], cpu: str, clips: Path | None) -> Iterator[list[str]]:
    for name in runs:
        run = locate_run(name)
        detector, metrics = load_detector(run), read_metrics(run)
        if metrics is None:
            raise ModelError(f"{run} holds no {METRICS}; train again with: kws train")
        title = f"{metrics.model} ({run.name})"
        yield [title, f"{metrics.parameters:,}", *costs(from_run(run), detector.plan, cpu),
               accuracy(metrics.splits["validation"].int8), on_clips(detector, clips)]


def untrained_rows(cpu: str) -> Iterator[list[str]]:
    from kws.model.zoo import build

    spec = open_workspace(ROOT).spec
    for name in NETWORKS:
        wanted = replace(spec, model=replace(spec.model, name=name))
        plan = untrained_plan(wanted)
        parameters = sum(weight.shape.num_elements() for weight in build(wanted, seed=1).trainable_weights)
        source = Source(name, plan.program, Graph((), (), 0, 0), b"", plan)
        yield [f"{name} (untrained)", f"{parameters:,}", *costs(source, plan, cpu), "-", "-"]


def on_clips(detector: Detector, clips: Path | None) -> str:
    if clips is None:
        return "-"
    chosen = read_clip_folder(clips, labels=detector.labels, samples=detector.plan.spec.frontend.clip_samples)
    return accuracy(classify(detector, chosen, tflite=None, keras_model=None).confusion().figures())


def accuracy(found: Accuracy | None) -> str:
    if found is None or found.accuracy is None:
        return "-"
    low, high = found.interval
    return f"{100 * found.accuracy:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def main(arguments: Sequence[str]) -> None:
    parse = parser(__doc__)
    parse.add_argument("runs", nargs="*", metavar="RUN")
    parse.add_argument("--clips", type=Path)
    parse.add_argument("--cpu", default="cortex-m4")
    options = parse.parse_args(arguments)
    header(options.cpu)
    rows = trained_rows(options.runs, options.cpu, options.clips) if options.runs else untrained_rows(options.cpu)
    print_table(HEAD, rows)

