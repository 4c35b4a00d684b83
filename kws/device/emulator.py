"""An exported program on an emulated Cortex-M: what it computes, and exactly how many instructions that takes.

Unicorn runs the code; a hook in C (csrc/host/instruction_count.c) counts the instructions of every block by function
and stage. An instruction is not a cycle: flash wait states, multi-cycle loads and branches are the board's.
"""

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kws.device.image import STAGES, LinkedProgram, read_program
from kws.device.toolchain import Image, require_device
from kws.engine.plan import Plan
from kws.errors import ModelError
from kws.processors import PROCESSORS

FLASH_BYTES = RAM_BYTES = 16 << 20  # as templates/device.ld says
RAM = 0x20000000
STACK_BYTES = 64 << 10
PAINT = 0xA5  # of stack that nothing has touched


@dataclass(frozen=True)
class Call:
    """result : r0 as int32. instructions : uint64 [STAGES] of this call."""

    result: int
    instructions: np.ndarray


class Machine:
    """A processor with a program in flash and zeros in RAM."""

    def __init__(self, image: Image):
        require_device()
        from unicorn import UC_ARCH_ARM, UC_MODE_MCLASS, UC_MODE_THUMB, Uc, arm_const

        self.image, self.program = image, read_program(image.elf)
        self._registers = arm_const
        self._uc = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
        self._uc.ctl_set_cpu_model(getattr(arm_const, f"UC_CPU_ARM_{PROCESSORS[image.cpu].emulated_as}"))
        self._uc.mem_map(self.program.base, FLASH_BYTES)
        self._uc.mem_map(RAM, RAM_BYTES)
        self._uc.mem_write(self.program.base, self.program.flash)
        self._stop = self.program.base + FLASH_BYTES - 16  # where a call returns to
        self._stack_top = RAM + RAM_BYTES
        self.write(self._stack_top - STACK_BYTES, bytes([PAINT]) * STACK_BYTES)
        self.count = InstructionCount(self.program)
        self._hook()

    def _hook(self) -> None:
        """Register the C function itself; unicorn's own hook_add would call Python for every block."""
        from unicorn import UC_HOOK_BLOCK
        from unicorn.unicorn_py3.unicorn import uclib

        handle = ctypes.c_size_t()
        everywhere = ctypes.c_uint64(1), ctypes.c_uint64(0)
        code = uclib.uc_hook_add(self._uc._uch, ctypes.byref(handle), UC_HOOK_BLOCK,
                                 ctypes.c_void_p(self.count.function), ctypes.c_void_p(self.count.address), *everywhere)
        if code != 0:
            raise ModelError(f"unicorn refuses the hook that counts instructions (code {code}); install unicorn 2.1")

    def symbol(self, name: str) -> int:
        """Address of a function or variable."""
        return self.program.symbols[name]

    def read(self, address: int, count: int) -> bytes:
        return bytes(self._uc.mem_read(address, count))

    def read_word(self, address: int) -> int:
        return int.from_bytes(self.read(address, 4), "little")

    def write(self, address: int, data: bytes) -> None:
        self._uc.mem_write(address, data)

    def call(self, name: str, *arguments: int) -> Call:
        """Run a function with up to four arguments until it returns. Raises ModelError if the program crashes."""
        from unicorn import UcError

        registers = self._registers
        for index, argument in enumerate(arguments):
            self._uc.reg_write(registers.UC_ARM_REG_R0 + index, argument & 0xFFFFFFFF)
        self._uc.reg_write(registers.UC_ARM_REG_SP, self._stack_top)
        self._uc.reg_write(registers.UC_ARM_REG_LR, self._stop | 1)
        before = self.count.stages.copy()
        try:
            self._uc.emu_start(self.symbol(name) | 1, self._stop)
        except UcError as error:
            at = self.program.name_at(self._uc.reg_read(registers.UC_ARM_REG_PC))
            raise ModelError(f"{name} crashed on the emulated {self.image.cpu} in {at}: {error}") from error
        result = ctypes.c_int32(self._uc.reg_read(registers.UC_ARM_REG_R0)).value
        return Call(result, self.count.stages - before)

    def costliest(self, runs: int) -> tuple[tuple[str, str, float], ...]:
        """(function, stage, instructions per run), most first, after `runs` runs of something."""
        counts, known = self.count.functions / runs, self.program.functions
        ranked = [i for i in np.argsort(-counts) if counts[i]]
        return tuple((known[i].name, STAGES[known[i].stage], float(counts[i])) for i in ranked)

    def stack_bytes(self) -> int:
        """The deepest that the stack has been in all calls."""
        stack = np.frombuffer(self.read(self._stack_top - STACK_BYTES, STACK_BYTES), np.uint8)
        touched = np.flatnonzero(stack != PAINT)
        return STACK_BYTES - int(touched[0]) if len(touched) else 0


class InstructionCount:
    """What csrc/host/instruction_count.c fills. functions : uint64 [functions]; stages : uint64 [STAGES]."""

    def __init__(self, program: LinkedProgram):
        from kws.native._native import ffi, lib

        self.functions = np.zeros(len(program.functions), np.uint64)
        self.stages = np.zeros(len(STAGES), np.uint64)
        self._code = np.frombuffer(program.flash, "<u2").copy()
        self._owner = program.owners()
        self._stage = np.array([function.stage for function in program.functions], np.uint8)
        self._struct = ffi.new("kws_instruction_count *", {
            "base": program.base, "halfwords": len(self._code), "code": ffi.from_buffer("uint16_t[]", self._code),
            "owner": ffi.from_buffer("uint16_t[]", self._owner), "stage": ffi.from_buffer("uint8_t[]", self._stage),
            "functions": ffi.from_buffer("uint64_t[]", self.functions),
            "stages": ffi.from_buffer("uint64_t[]", self.stages)})
        self.address = int(ffi.cast("uintptr_t", self._struct))
        self.function = int(ffi.cast("uintptr_t", ffi.addressof(lib, "kws_count_block")))

    @property
    def strayed(self) -> int:
        """Blocks outside the program: always 0 unless it has jumped into nowhere."""
        return self._struct.strayed


@dataclass(frozen=True)
class Hop:
    """What one hop gave. features : int8 [features]; scores : int8 [labels], the newest decision's.

    event : (label, score) of a detection; instructions : uint64 [STAGES].
    """

    features: np.ndarray
    scores: np.ndarray
    event: tuple[int, int] | None
    instructions: np.ndarray


class EmulatedDetector:
    """kws_init and kws_push of an exported package, hop by hop."""

    def __init__(self, image: Image, *, window_samples: int, hop_samples: int, features: int, labels: int):
        self.machine = Machine(image)
        self._sizes = features, labels
        self._first, self._hop = window_samples - hop_samples, hop_samples
        symbol = self.machine.symbol
        self._state, self._samples, self._event = (symbol(f"kws_device_{n}") for n in ("state", "samples", "event"))
        self._row, self._scores = (self.machine.read_word(symbol(f"kws_device_{n}")) for n in ("row", "scores"))
        self.machine.call("kws_init", self._state)

    def hops(self, samples: np.ndarray) -> Iterator[Hop]:
        """samples : int16 [n]. One Hop for each row of features that they complete, from a fresh start."""
        self.machine.call("kws_init", self._state)
        if self._first:
            self._push(samples[:self._first])
        for start in range(self._first, len(samples) - self._hop + 1, self._hop):
            yield self._push(samples[start:start + self._hop])

    def _push(self, samples: np.ndarray) -> Hop:
        machine, (features, labels) = self.machine, self._sizes
        machine.write(self._samples, np.ascontiguousarray(samples, "<i2").tobytes())
        call = machine.call("kws_push", self._state, self._samples, len(samples), self._event)
        event = None
        if call.result:
            label, score = np.frombuffer(machine.read(self._event + 8, 8), "<i4").tolist()
            event = label, score
        return Hop(np.frombuffer(machine.read(self._row, features), np.int8),
                   np.frombuffer(machine.read(self._scores, labels), np.int8), event, call.instructions)


def emulate(image: Image, plan: Plan) -> EmulatedDetector:
    """The detector of a plan on the processor that `image` was built for."""
    tables = plan.frontend
    return EmulatedDetector(image, window_samples=tables.window_samples, hop_samples=tables.hop_samples,
                            features=tables.features, labels=plan.program.labels)


class EmulatedNetwork:
    """kws_run and kws_push_row of an exported network without front end and decoder."""

    def __init__(self, image: Image, *, labels: int):
        self.machine, self._labels = Machine(image), labels
        self._state, self._window, self._scores = (
            self.machine.symbol(f"kws_device_{name}") for name in ("state", "window", "scores"))
        self.machine.call("kws_init", self._state)

    def run(self, window: np.ndarray) -> tuple[np.ndarray, int]:
        """window : int8 [frames, features] -> scores int8 [labels] and the instructions that they took."""
        self.machine.write(self._window, np.ascontiguousarray(window, np.int8).tobytes())
        call = self.machine.call("kws_run", self._state, self._window, self._scores)
        return np.frombuffer(self.machine.read(self._scores, self._labels), np.int8), int(call.instructions.sum())

    def stream(self, rows: np.ndarray) -> Iterator[tuple[np.ndarray | None, int]]:
        """rows : int8 [n, features], from a fresh start. For each: scores int8 [labels], None without a decision, and
        the instructions that it took."""
        self.machine.call("kws_init", self._state)
        for row in np.ascontiguousarray(rows, np.int8):
            self.machine.write(self._window, row.tobytes())
            call = self.machine.call("kws_push_row", self._state, self._window, self._scores)
            scores = np.frombuffer(self.machine.read(self._scores, self._labels), np.int8) if call.result else None
            yield scores, int(call.instructions.sum())
