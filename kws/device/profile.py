"""What a detector costs on a device: instructions by stage, flash, RAM, the share of the processor that it takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws.arguments import Samples, check_array
from kws.audio.files import SAMPLE_RATE_HZ, is_audio, read_samples
from kws.data.corpus import NOISE
from kws.device.emulator import emulate
from kws.device.image import STAGES
from kws.device.toolchain import Image, build_image
from kws.engine.plan import Plan
from kws.errors import DataError
from kws.export.c import library
from kws.export.golden import signal
from kws.export.source import Source
from kws.processors import PROCESSORS
from kws.requirements import Requirement, at_least, at_most
from kws.run_metrics import Duty, FlashBytes, MeasuredBudget, RamBytes, Spread
from kws.spec import Requirements

SECONDS = 10  # of audio, where nobody names any
# Assumed, with flash that keeps up: a Cortex-M0+ takes two cycles for a load and for a branch taken, an M3 or M4 two to
# three, the M7 issues two instructions at a time. The board's own flash may be slower.


@dataclass(frozen=True, eq=False)
class Profile:
    """One detector on one processor.

    instructions : uint64 [hops, STAGES], from the first decision on. functions : (name, stage, instructions per hop),
    the costliest first. stack_bytes : high-water mark. audio : what it heard, in words.
    """

    image: Image
    instructions: np.ndarray
    functions: tuple[tuple[str, str, float], ...]
    stack_bytes: int
    hop_s: float
    decide_every: int
    audio: str

    @property
    def cpu(self) -> str:
        return self.image.cpu

    @property
    def flash_bytes(self) -> int:
        return self.image.code_bytes + self.image.model_bytes

    @property
    def ram_bytes(self) -> int:
        return self.image.state_bytes + self.stack_bytes

    @property
    def instructions_per_second(self) -> int:
        """Of audio, on average over the hops."""
        return round(float(self.instructions.sum(axis=1).mean()) / self.hop_s)

    def per_hop(self, stage: str | None = None) -> Spread:
        """Of one stage, or of all together."""
        return spread_of(self.instructions.sum(axis=1) if stage is None else self.instructions[:, STAGES.index(stage)])

    def duty_percent(self, clock_mhz: float) -> float:
        """Share of the processor at this clock, by the cycles per instruction of kws.processors."""
        return 100 * self.instructions_per_second * PROCESSORS[self.cpu].cycles_per_instruction / (clock_mhz * 1e6)

    def check(self, limits: Requirements) -> tuple[Requirement, ...]:
        """The requirements that a device decides."""
        return (at_most("flash_bytes", limit=limits.flash_bytes, measured=self.flash_bytes),
                at_most("ram_bytes", limit=limits.ram_bytes, measured=self.ram_bytes),
                at_most("duty_percent", limit=limits.duty_percent, measured=self.duty_percent(limits.clock_mhz)),
                at_least("decisions_per_second", limit=limits.decisions_per_second,
                         measured=1 / (self.hop_s * self.decide_every)))

    def budget(self, limits: Requirements) -> MeasuredBudget:
        """What `kws profile --json` prints."""
        return MeasuredBudget(
            cpu=self.cpu, instructions_per_hop=self.per_hop(), instructions_per_second=self.instructions_per_second,
            flash_bytes=FlashBytes(self.image.code_bytes, self.image.model_bytes),
            ram_bytes=RamBytes(self.image.state_bytes, self.stack_bytes), requirements=self.check(limits),
            stages={stage: self.per_hop(stage) for stage in STAGES[1:]}, hop_ms=1000 * self.hop_s,
            duty=Duty(self.duty_percent(limits.clock_mhz), limits.clock_mhz,
                      PROCESSORS[self.cpu].cycles_per_instruction),
            toolchain=self.image.toolchain, hops=len(self.instructions), audio=self.audio)


def spread_of(counts: np.ndarray) -> Spread:
    """counts : instructions [n]"""
    return Spread(int(counts.min()), int(np.median(counts)), int(counts.max()))


def profile(source: Source, samples: Samples, *, cpu: str, audio: str = "") -> Profile:
    """Run the exported program over samples : int16 [n] on the emulated `cpu`.

    Raises DataError if the samples do not fill a window, KwsError where the device extra is not installed.
    """
    check_array("samples", samples, np.int16, "n")
    plan = plan_of(source)
    detector = emulate(build_image(library(source), cpu=cpu), plan)
    needed = plan.frontend.window_samples + (plan.program.frames - 1) * plan.frontend.hop_samples
    if len(samples) < needed:
        raise DataError(f"{audio or 'audio'}: {len(samples)} samples; a decision needs {needed}")
    hops = [hop.instructions for hop in detector.hops(samples)]
    machine = detector.machine
    return Profile(machine.image, np.array(hops[plan.program.frames - 1:]), machine.costliest(len(hops)),
                   machine.stack_bytes(), plan.frontend.hop_samples / SAMPLE_RATE_HZ, plan.program.decide_every, audio)


def plan_of(source: Source) -> Plan:
    """The detector to run. Raises DataError for a network without one."""
    if source.plan is None:
        raise DataError(f"{source.name}: is a network without a front end; name a run, made by kws train")
    return source.plan


def choose_audio(paths: Sequence[Path], recordings: Path | None, *, seconds: float = SECONDS) -> tuple[np.ndarray, str]:
    """Samples int16 [n] to run over, and where they are from in words.

    paths : audio files, whole, one after the other; without any, the first recordings of the workspace up to `seconds`,
    or else the signal of the self-test.
    """
    if paths:
        return np.concatenate([read_samples(path) for path in paths]), ", ".join(path.name for path in paths)
    wanted, parts = round(seconds * SAMPLE_RATE_HZ), []
    for path in found_audio(recordings):
        parts.append(read_samples(path))
        if sum(map(len, parts)) >= wanted:
            return np.concatenate(parts)[:wanted], f"{seconds:g} s of {recordings}"
    return signal(wanted), f"{seconds:g} s of noise, square waves and silence"


def found_audio(recordings: Path | None) -> list[Path]:
    """One recording of each folder in turn, then the second of each: every word is heard early."""
    if recordings is None or not recordings.is_dir():
        return []
    folders: dict[Path, list[Path]] = {}
    for path in sorted(recordings.rglob("*")):
        if is_audio(path.name) and path.is_file() and NOISE not in path.parts:
            folders.setdefault(path.parent, []).append(path)
    ranked = [(rank, path) for paths in folders.values() for rank, path in enumerate(paths)]
    return [path for _, path in sorted(ranked)]
