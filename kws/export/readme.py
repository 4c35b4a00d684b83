"""What every package's README says about its model."""


from kws.engine.ends import describe_ends, worth
from kws.engine.plan import Plan
from kws.export.compress import DECODER_CODE_BYTES, Compressed
from kws.export.costs import costs_of
from kws.export.source import Source
from kws.run_metrics import MeasuredBudget
from kws.spec import SILENCE, UNKNOWN

# What the examples print; docs/listen.md has the same table.
LINES = """| line | meaning |
|---|---|
| `ready <failed>` | at the start: the self-test's result, 0 when it passed |
| `detected <keyword> <time_ms> <score>` | a detection: time from the start of the sound; score 1 to 255, of 256 |
| `cost <hops> <busy_us>` | every 500 hops: microseconds of the processor spent on them |
| `lost <samples>` | sound that came too fast |
| `session …`, `report …` | what it counts of itself, a line an hour (`kws_report.h`); off with `KWS_REPORT=0` |
| `error <words>` | no microphone, or no sound from it |
| `sound <first> <sum> <base64>` | only with `KWS_SEND_SOUND`: the samples that are heard next (`kws_lines.h`) |

On a PC, `kws listen --serial PORT` shows them live; with `--compare`, and an example compiled with `KWS_SEND_SOUND`, it
runs the PC's engine on the same sound and reports any difference. The sound takes 44 kB per second: a native USB port,
or 921600 baud (`--baud 921600`)."""


def sound_values(source: Source, plan: Plan) -> dict[str, object]:
    """For the placeholders of a README about a whole detector."""
    spec, program = plan.spec.frontend, plan.program
    decision_ms, window_ms = spec.hop_ms * program.decide_every, spec.window_ms + (program.frames - 1) * spec.hop_ms
    keywords = ", ".join(word for word in plan.labels if word not in (SILENCE, UNKNOWN))
    about = (f"The network decides every {decision_ms} ms on the last {window_ms} ms.\nLabels: "
             + ", ".join(f"`{label}`" for label in plan.labels) + ".")
    return {"name": source.name, "title": keywords, "keywords": keywords, "sample_rate_hz": spec.sample_rate_hz,
            "about": about, "ram_bytes": costs_of(source).ram, "costs": costs_text(source),
            "lines": f"## What the example prints\n\n{LINES}\n\n"}


def network_values(source: Source) -> dict[str, object]:
    """For the placeholders of a README about a network alone."""
    graph, program = source.graph, source.program
    about = (f"Input: {program.frames} rows of {program.features} int8 numbers q, worth "
             f"{worth(graph.tensors[graph.input])}.\nOutput: {program.labels} int8 numbers q, worth "
             f"{worth(graph.tensors[graph.output])}.")
    about += "".join(f"\nThe {line}." for line in describe_ends(graph))
    return {"name": source.name, "title": f"the network {source.name}", "keywords": source.name, "about": about,
            "ram_bytes": costs_of(source).ram, "costs": costs_text(source), "lines": ""}


def costs_text(source: Source) -> str:
    """Markdown: bytes by part, what was measured when the run was trained, what compression saves and costs."""
    parts = [costs_table(source)]
    if source.device:
        parts.append(measured(source.device))
    if source.compressed:
        parts.append(compression(source.compressed))
    measuring = ("`kws profile` measures both, and the instructions per second of sound, on\nan emulated processor."
                 if source.plan else f"`kws profile --tflite {source.name}` measures both, and the\ninstructions per "
                 f"window, on an emulated processor; `kws verify --tflite {source.name}` proves the results equal.")
    return "\n\n".join([*parts, f"Code and stack depend on the compiler: {measuring}"])


def costs_table(source: Source) -> str:
    costs = costs_of(source)
    rows = [("network", costs.network_flash, costs.network_ram)]
    if source.plan:
        rows = [("front end", costs.frontend_flash, costs.frontend_ram), *rows, ("decoder", 0, costs.decoder_ram)]
    rows += [("structs of the state", 0, costs.ram - sum(row[2] for row in rows)), ("**sum**", costs.flash, costs.ram)]
    lines = [f"| {what} | {f'{flash:,}' if flash else ''} | {ram:,} |" for what, flash, ram in rows]
    return ("Bytes on a 32-bit processor, counted from the tables:\n\n"
            "| part | constants in flash | state in RAM |\n|---|---|---|\n" + "\n".join(lines))


def measured(device: MeasuredBudget) -> str:
    """What kws train measured on an emulated processor."""
    instructions = device.instructions_per_hop
    return (f"Measured on an emulated {device.cpu}: {instructions.median:,} instructions per hop (at most "
            f"{instructions.max:,}), {device.instructions_per_second:,} per second\nof sound; "
            f"{device.flash_bytes.code:,} bytes of code, {device.ram_bytes.stack:,} bytes of stack.")


def compression(found: Compressed) -> str:
    """Flash saved against instructions added."""
    return (f"The weights are compressed, without loss: {found.weights_bytes:,} bytes of weights take "
            f"{found.coded_bytes:,}, with {found.tables} table{'' if found.tables == 1 else 's'} of codes.\n"
            f"{found.saved_bytes:,} bytes of flash saved, about {DECODER_CODE_BYTES} bytes of decoder counted; "
            f"{found.decoded_per_hop:,} weights decoded per hop, about\n{found.added_instructions:,} instructions more "
            f"per hop on a Cortex-M4; {4 * found.longest_row:,} bytes more of stack.")
