"""The processors that an export is compiled for, emulated on and measured against: the one list of them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Processor:
    """emulated_as : what unicorn calls it, or its nearest kin; zig_suffix : what zig adds to the name for its DSP unit.

    cycles_per_instruction : an estimate for code in fast memory; flash wait states come on top
    verified : whether kws verify runs the export on it: one of each kind
    """

    name: str
    emulated_as: str
    cycles_per_instruction: float
    verified: bool = False
    zig_suffix: str = ""


PROCESSORS = {one.name: one for one in (
    Processor("cortex-m0plus", "CORTEX_M0", 1.5, verified=True),
    Processor("cortex-m3", "CORTEX_M3", 1.4),
    Processor("cortex-m4", "CORTEX_M4", 1.4, verified=True),
    Processor("cortex-m7", "CORTEX_M7", 0.9, verified=True),
    Processor("cortex-m33", "CORTEX_M33", 1.3, zig_suffix="+dsp"),
)}
CPUS = tuple(PROCESSORS)
