"""What a network alone costs on a device: instructions per row and per window, flash, RAM."""

from dataclasses import dataclass

import numpy as np

from kws.arguments import Features, check_array
from kws.device.emulator import EmulatedNetwork
from kws.device.profile import spread_of
from kws.device.toolchain import Image, build_image
from kws.device.verify_network import stream_rows
from kws.export.c import library
from kws.export.source import Source
from kws.requirements import Requirement, at_most
from kws.run_metrics import FlashBytes, RamBytes, Spread
from kws.spec import Requirements

PROFILE_WINDOWS = 8


@dataclass(frozen=True)
class NetworkBudget:
    """What a network alone takes, as kws.run_metrics.MeasuredBudget says it of a detector.

    instructions_per_second : not known, for it depends on the length of a hop. inputs : what went in, in words.
    """

    cpu: str
    instructions_per_hop: Spread
    instructions_per_window: Spread
    instructions_per_second: None
    flash_bytes: FlashBytes
    ram_bytes: RamBytes
    requirements: tuple[Requirement, ...]
    toolchain: str
    inputs: str


@dataclass(frozen=True, eq=False)
class NetworkProfile:
    """One network on one processor.

    per_row    : int64 [n], instructions of kws_push_row once the window has filled
    per_window : int64 [n], instructions of kws_run. stack_bytes : high-water mark. inputs : what went in, in words.
    functions  : (name, stage, instructions per window), the costliest first
    """

    image: Image
    per_row: np.ndarray
    per_window: np.ndarray
    functions: tuple[tuple[str, str, float], ...]
    stack_bytes: int
    inputs: str

    def check(self, limits: Requirements | None) -> tuple[Requirement, ...]:
        """The requirements that memory decides; none without a workspace."""
        if limits is None:
            return ()
        return (at_most("flash_bytes", limit=limits.flash_bytes,
                        measured=self.image.code_bytes + self.image.model_bytes),
                at_most("ram_bytes", limit=limits.ram_bytes, measured=self.image.state_bytes + self.stack_bytes))

    def budget(self, limits: Requirements | None) -> NetworkBudget:
        """What `kws profile --tflite FILE --json` prints."""
        return NetworkBudget(
            cpu=self.image.cpu, instructions_per_hop=spread_of(self.per_row),
            instructions_per_window=spread_of(self.per_window), instructions_per_second=None,
            flash_bytes=FlashBytes(self.image.code_bytes, self.image.model_bytes),
            ram_bytes=RamBytes(self.image.state_bytes, self.stack_bytes), requirements=self.check(limits),
            toolchain=self.image.toolchain, inputs=self.inputs)


def profile_network(source: Source, windows: Features, *, cpu: str, inputs: str = "") -> NetworkProfile:
    """Run the exported network over windows : int8 [n, frames, features], and over their rows as a stream, on `cpu`."""
    check_array("windows", windows, np.int8, "n", source.program.frames, source.program.features)
    device = EmulatedNetwork(build_image(library(source), cpu=cpu), labels=source.program.labels)
    chosen = windows[:PROFILE_WINDOWS]
    per_window = np.array([device.run(window)[1] for window in chosen])
    functions = device.machine.costliest(len(chosen))
    rows = [count for scores, count in device.stream(stream_rows(source, windows)) if scores is not None]
    return NetworkProfile(device.machine.image, np.array(rows), per_window, functions, device.machine.stack_bytes(),
                          inputs)
