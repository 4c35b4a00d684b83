"""What every package's README says about its model."""

from kws.engine.graph import Tensor
from kws.engine.plan import Plan
from kws.export.costs import Costs, count_costs, count_network
from kws.export.source import Source
from kws.spec import SILENCE, UNKNOWN


def sound_values(source: Source, plan: Plan) -> dict[str, object]:
    """For the placeholders of a README about a whole detector."""
    spec, program, costs = plan.spec.frontend, plan.program, count_costs(plan)
    decision_ms, window_ms = spec.hop_ms * program.decide_every, spec.window_ms + (program.frames - 1) * spec.hop_ms
    keywords = ", ".join(word for word in plan.labels if word not in (SILENCE, UNKNOWN))
    about = (f"The network decides every {decision_ms} ms on the last {window_ms} ms.\nLabels: "
             + ", ".join(f"`{label}`" for label in plan.labels) + ".")
    return {"name": source.name, "title": keywords, "keywords": keywords, "sample_rate_hz": spec.sample_rate_hz,
            "about": about, "ram_bytes": costs.ram, "costs": costs_table(costs, sound=True)}


def network_values(source: Source) -> dict[str, object]:
    """For the placeholders of a README about a network alone."""
    graph, program, costs = source.graph, source.program, count_network(source.program)
    about = (f"Input: {program.frames} rows of {program.features} int8 numbers q, worth "
             f"{grid(graph.tensors[graph.input])}.\nOutput: {program.labels} int8 numbers q, worth "
             f"{grid(graph.tensors[graph.output])}.")
    return {"name": source.name, "title": f"the network {source.name}", "keywords": source.name, "about": about,
            "ram_bytes": costs.ram, "costs": costs_table(costs, sound=False)}


def grid(tensor: Tensor) -> str:
    """What an int8 number q of a tensor is worth."""
    sign = "+" if tensor.zero_point < 0 else "-"
    return f"(q {sign} {abs(tensor.zero_point)}) * {float(tensor.scale[0])!r}"


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
