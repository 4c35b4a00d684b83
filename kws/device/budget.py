"""What a network takes of the device that kws.toml names: before it is trained, and when it is."""

from dataclasses import replace

import numpy as np

from kws.arguments import Samples, check_array
from kws.audio.files import SAMPLE_RATE_HZ
from kws.device.profile import SECONDS, plan_of, profile
from kws.device.toolchain import require_device
from kws.engine.decoder import build_decoder_tables
from kws.engine.graph import read_graph
from kws.engine.plan import Plan
from kws.engine.streaming import lower
from kws.errors import KwsError
from kws.export.costs import count_costs
from kws.export.golden import signal
from kws.export.source import Source
from kws.features.tables import Normalisation, build_tables
from kws.requirements import Requirement, at_most
from kws.run_metrics import Budget, CountedBudget, FlashBytes, RamBytes
from kws.spec import Requirements, Spec

# Where nothing is compiled: what the networks of the zoo have been measured to take at most, on any of the processors.
CODE_BYTES, STACK_BYTES = 10_300, 768
ANY_SMOOTHING_MS = 500  # before it is chosen


def device_budget(source: Source, clips: Samples, limits: Requirements) -> Budget:
    """What it takes of the required processor; clips : int16 [n, samples], as they were recorded.

    Without the device extra only flash and RAM, counted from the tables; its note says so.
    """
    check_array("clips", clips, np.int16, "n", "samples")
    try:
        require_device()
        return profile(source, excerpt(clips), cpu=limits.cpu, audio="validation clips").budget(limits)
    except KwsError as error:
        return replace(counted(plan_of(source), limits), note=f"counted, not measured: {error}")


def counted(plan: Plan, limits: Requirements) -> CountedBudget:
    """Flash and RAM from the tables; code and stack as the zoo's networks take them."""
    costs = count_costs(plan)
    flash, ram = FlashBytes(CODE_BYTES, costs.flash), RamBytes(costs.ram, STACK_BYTES)
    return CountedBudget(limits.cpu, flash, ram, memory_requirements(flash.total, ram.total, limits))


def memory_requirements(flash_bytes: int, ram_bytes: int, limits: Requirements) -> tuple[Requirement, Requirement]:
    return (at_most("flash_bytes", limit=limits.flash_bytes, measured=flash_bytes),
            at_most("ram_bytes", limit=limits.ram_bytes, measured=ram_bytes))


def untrained_source(spec: Spec) -> Source:
    """A detector with the network of `spec.model` as it is before training: the same sizes, other numbers."""
    from kws.model.keras_loading import load_keras, native_messages_hidden
    from kws.model.zoo import build
    from kws.quantize.convert import convert

    load_keras()
    with native_messages_hidden():
        model = build(spec, seed=spec.training.seed)
    windows = np.random.default_rng(0).integers(-128, 128, (2, spec.frontend.frames, spec.frontend.features))
    tflite = convert(model, windows.astype(np.int8))
    graph = read_graph(tflite)
    decoder = build_decoder_tables(spec, thresholds=dict.fromkeys(spec.keywords, 0.5), smoothing_ms=ANY_SMOOTHING_MS)
    frontend = build_tables(spec.frontend, Normalisation.identity(spec.frontend.features))
    plan = Plan(spec, frontend, lower(graph), decoder)
    return Source(spec.model.name, plan.program, graph, tflite, plan)


def untrained_plan(spec: Spec) -> Plan:
    """The plan of `untrained_source`."""
    return plan_of(untrained_source(spec))


def fit_warnings(spec: Spec) -> list[str]:
    """One line for each memory that the network of `spec.model` will not fit into, before hours are spent on it."""
    found = counted(untrained_plan(spec), spec.requirements)
    names = {"flash_bytes": "flash", "ram_bytes": "RAM"}
    return [f"warning: the network {spec.model.name!r} will take about {broken.measured:,} bytes of "
            f"{names[broken.name]}, more than [requirements] {broken.name} = {broken.limit:,}; "
            f"lower [model] width = {spec.model.width:g}, or choose a smaller network with --model"
            for broken in found.requirements if not broken.holds]


def excerpt(clips: np.ndarray) -> np.ndarray:
    """clips : int16 [n, samples] -> int16 : ten seconds of them; where they are too few, noise follows."""
    wanted = SECONDS * SAMPLE_RATE_HZ
    return np.concatenate([clips[:-(-wanted // clips.shape[1])].ravel(), signal(wanted)])[:wanted]
