"""What every package's README says about its model."""

from kws.engine.plan import Plan
from kws.export.costs import Costs, count_costs, count_network
from kws.export.source import Source
from kws.spec import SILENCE, UNKNOWN


def sound_values(source: Source, plan: Plan) -> dict[str, object]:
    """For the placeholders of a README about a whole detector."""
    spec, program = plan.spec.frontend, plan.program
    window_ms = spec.window_ms + (program.frames - 1) * spec.hop_ms
    costs = count_costs(plan)
    return {"name": source.name, "keywords": ", ".join(w for w in plan.labels if w not in (SILENCE, UNKNOWN)),
            "labels": ", ".join(f"`{label}`" for label in plan.labels), "sample_rate_hz": spec.sample_rate_hz,
            "decision_ms": spec.hop_ms * program.decide_every, "window_ms": window_ms, "ram_bytes": costs.ram,
            "costs": costs_table(costs, sound=True)}


def network_values(source: Source) -> dict[str, object]:
    """For the placeholders of a README about a network alone."""
    graph, program, costs = source.graph, source.program, count_network(source.program)
    ends = {}
    for end, tensor in (("input", graph.tensors[graph.input]), ("output", graph.tensors[graph.output])):
        ends[f"{end}_grid"] = f"(q - {tensor.zero_point}) * {float(tensor.scale[0])!r}".replace("- -", "+ ")
    return {"name": source.name, "frames": program.frames, "features": program.features, "labels": program.labels,
            "ram_bytes": costs.ram, "costs": costs_table(costs, sound=False), **ends}


def costs_table(costs: Costs, *, sound: bool) -> str:
    """Markdown: bytes by part."""
    rows = [("network", costs.network_flash, costs.network_ram)]
    if sound:
        rows = [("front end", costs.frontend_flash, costs.frontend_ram), *rows, ("decoder", 0, costs.decoder_ram)]
    rows += [("structs of the state", 0, costs.ram - sum(row[2] for row in rows)), ("**sum**", costs.flash, costs.ram)]
    lines = [f"| {what} | {flash or ''} | {ram or ''} |" for what, flash, ram in rows]
    return ("Bytes on a 32-bit processor, counted from the tables:\n\n"
            "| part | constants in flash | state in RAM |\n|---|---|---|\n" + "\n".join(lines) + "\n\n"
            "Code and stack depend on the compiler: `kws profile` measures both, and the instructions per second of "
            "sound, on an\nemulated processor.")
