"""The target `tflm`: the int8 model for TensorFlow Lite for Microcontrollers, our front end and decoder around it."""

from dataclasses import replace

import numpy as np

from kws.engine.graph import INT8_END, Graph
from kws.engine.operators import OPERATORS
from kws.errors import KwsError
from kws.export.c import facts
from kws.export.c_tables import banner, decoder_source, frontend_source, model_header, opening
from kws.export.costs import count_costs
from kws.export.csource import define, wrapped
from kws.export.golden import golden
from kws.export.package import Files, Package, engine_files, template, templates
from kws.export.readme import network_values, sound_values
from kws.export.source import Source
from kws.model.keras_loading import native_messages_hidden

ARENA_STEP, ARENA_RESERVE, LARGEST_ARENA = 16, 1_024, 1 << 26
STATE_BYTES = 176  # structs and counters of kws_state on a processor with 32-bit pointers
DETECTOR_ROWS = """| `kws.h`, `kws.c` | the interface: `kws_init`, `kws_push`, `kws_label`, `kws_self_test` |
| `kws_model.h`, `kws_model.c` | sizes and tables of front end and decoder: generated, data only |
| `engine/` | front end and decoder, the same for every model |
| `example_main.c` | samples from stdin, detections on stdout: for a computer, or to start from |
"""


def arena_bytes(tflite: bytes) -> int:
    """The smallest arena with which TFLM's interpreter sets the model up here, in steps of 16 bytes.

    Raises KwsError if tflite-micro is not installed or does not take the model.
    """
    try:
        from tflite_micro import runtime
    except ImportError as error:
        raise KwsError("measuring the arena needs tflite-micro, which is not installed; next: "
                       "pip install 'tflite-micro>=0.dev0'") from error

    def fits(size: int) -> bool:
        try:
            runtime.Interpreter.from_bytes(tflite, arena_size=size)
        except RuntimeError:
            return False
        return True

    with native_messages_hidden():
        if not fits(LARGEST_ARENA):
            raise KwsError("TFLM's interpreter does not take this network")
        high = LARGEST_ARENA
        while fits(high // 2):  # from above: in an arena that is far too small, TFLM writes beside it
            high //= 2
        low = high // 2
        while high - low > ARENA_STEP:
            middle = (low + high) // 2 // ARENA_STEP * ARENA_STEP
            low, high = (low, middle) if fits(middle) else (middle, high)
    return high


def operators(graph: Graph) -> list[str]:
    """What the resolver must know, each once, in order of their names."""
    return sorted({OPERATORS[layer.op].tflm for layer in graph.layers})


def tflite_header(graph: Graph, *, size: int, arena: int) -> str:
    """kws_tflite.h: macros and the array's declaration."""
    names = operators(graph)
    text = opening("KWS_TFLITE_H", "The int8 model for TensorFlow Lite for Microcontrollers.")
    text += "/* Memory of the interpreter. */\n" + define("KWS_ARENA_BYTES", arena)
    text += "\n/* The operators that the model needs. */\n" + define("KWS_OPERATOR_COUNT", len(names))
    text += define("KWS_OPERATORS(ADD)", " ".join(f"ADD({name})" for name in names))
    text += f"\n#define KWS_TFLITE_BYTES {size}\n"
    return (text + "\n#ifdef __cplusplus\nextern \"C\"\n#else\nextern\n#endif\n"
            "const unsigned char kws_tflite[KWS_TFLITE_BYTES];\n\n#endif\n")


def tflite_source(tflite: bytes) -> str:
    """kws_tflite.c: the file, aligned as the interpreter wants it."""
    numbers = wrapped(np.frombuffer(tflite, np.uint8), indent=4)
    return (banner("The .tflite file.") + '#include "kws_tflite.h"\n\n'
            "#if defined(__GNUC__)\n__attribute__((aligned(16)))\n#endif\n"
            f"const unsigned char kws_tflite[KWS_TFLITE_BYTES] = {{\n{numbers}\n}};\n")


def detector_files(source: Source) -> Files:
    """Front end, decoder, interface and self-test around the network."""
    plan = source.whole_plan
    model = (banner("Tables and labels of the model.") + '#include "kws_tables.h"\n\n'
             + frontend_source(plan.frontend) + "\n" + decoder_source(plan.decoder, plan.labels))
    return {**engine_files("frontend.h", "decoder.h", "field.h"),
            **templates("tflm", "kws.h", "kws.c", "kws_tables.h", "kws_report_push.h"),
            **templates("common", "kws_golden.h", "kws_lines.h", "kws_report.h", "kws_self_test.c"),
            **templates("c", "example_main.c"),
            "kws_model.h": model_header(plan, golden(plan), engine_network=False), "kws_model.c": model}


def window_header(source: Source) -> str:
    """kws_model.h of a network without front end and decoder."""
    sizes = {"KWS_FEATURES": source.program.features, "KWS_FRAMES": source.program.frames, "KWS_LABELS": source.labels}
    return (opening("KWS_MODEL_H", "Sizes of the network.") + "".join(define(*size) for size in sizes.items())
            + "\n#endif\n")


def byte_costs(source: Source, arena: int) -> tuple[int, int]:
    """(constants in flash, state and arena in RAM), in bytes, on a 32-bit device."""
    if source.plan is None:
        return len(source.tflite), arena
    costs, window = count_costs(source.plan), source.program.frames * source.program.features
    state = STATE_BYTES + costs.frontend_ram + costs.decoder_ram + window
    return len(source.tflite) + costs.frontend_flash, arena + -(-state // 8) * 8


def readme(source: Source, *, needed: int, arena: int) -> str:
    """README.md with the costs of this way."""
    constants, state = byte_costs(source, arena)
    values = sound_values(source, source.plan) if source.plan else network_values(source)
    costs = (f"{constants:,} bytes of constants in flash; {state:,} bytes of RAM, the "
             f"{arena:,} of the arena included.\nTFLM's code comes on top, and each decision computes the whole window "
             "anew: compare `kws export c`.")
    return template("tflm/README.md", **{
        **values, "costs": costs, "arena_bytes": f"{needed:,}", "files": DETECTOR_ROWS if source.plan else "",
        "operators": ", ".join(operators(source.graph))})


def tflm_package(source: Source) -> Package:
    """The model, its operators and its arena; the whole detector around it if the source is a run."""
    if source.graph.ends != (INT8_END, INT8_END):
        raise KwsError(f"{source.name} takes {' and gives '.join(source.graph.ends)}; the target tflm runs "
                       "networks with int8 at both ends; next: kws export c, which leaves the others out")
    needed = arena_bytes(source.tflite)
    arena = needed + ARENA_RESERVE
    files = {**templates("tflm", "kws_net.h", "kws_net.cc", "CMakeLists.txt"),
             "kws_tflite.h": tflite_header(source.graph, size=len(source.tflite), arena=arena),
             "kws_tflite.c": tflite_source(source.tflite), "README.md": readme(source, needed=needed, arena=arena)}
    files.update(detector_files(source) if source.plan else {"kws_model.h": window_header(source)})
    constants, state = byte_costs(source, arena)
    return Package(files, replace(facts("tflm", source), constants_bytes=constants, state_bytes=state,
                                  arena_bytes=arena))
