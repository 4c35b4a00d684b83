"""The emulated processor: instructions, stack and results of programs that a person can count."""

import numpy as np
import pytest

pytest.importorskip("unicorn", reason="the emulated device is not installed (extra: device)")
pytest.importorskip("ziglang", reason="the emulated device is not installed (extra: device)")

from kws.device import toolchain as device
from kws.device.emulator import Machine
from kws.device.image import STAGES, stage_of
from kws.device.toolchain import build_image
from kws.errors import KwsError, ModelError
from kws.processors import CPUS

pytestmark = pytest.mark.device

PROGRAM = r"""
#include <stdint.h>
#include <string.h>
#define NAKED __attribute__((naked)) void

NAKED counted(void)         /* 1 + 2 n + 1 instructions */
{
    __asm volatile(".syntax unified\n movs r1, #0\n 1: subs r0, #1\n bne 1b\n bx lr\n");
}
NAKED pushes(void)          /* 5 registers and 12 bytes */
{
    __asm volatile("push {r4, r5, r6, r7, lr}\n sub sp, #12\n str r0, [sp]\n add sp, #12\n pop {r4, r5, r6, r7, pc}\n");
}
NAKED crashes(void)
{
    __asm volatile(".syntax unified\n movs r0, #1\n lsls r0, r0, #30\n ldr r0, [r0]\n bx lr\n");
}
#ifdef __ARM_FEATURE_DSP
NAKED conditional(void)     /* 1 + 6 n + 1, one of the six being skipped by its condition each time */
{
    __asm volatile(".syntax unified\n movs r1, #0\n 1: tst.w r0, #1\n ite eq\n addeq r1, #1\n subne.w r1, r1, #1\n"
                   " subs r0, #1\n bne 1b\n bx lr\n");
}
#endif
uint8_t target[64];
int32_t fill(int32_t value)
{
    memset(target, value, sizeof target);
    memmove(target + 1, target, 32);
    return target[20] - 300;
}
"""


@pytest.fixture(scope="module", params=["cortex-m0plus", "cortex-m4"])
def machine(request: pytest.FixtureRequest) -> Machine:
    return Machine(build_image({"device_main.c": PROGRAM}, cpu=request.param))


def count(machine: Machine, name: str, *arguments: int) -> int:
    return int(machine.call(name, *arguments).instructions.sum())


@pytest.mark.parametrize("turns", [1, 2, 1000])
def test_a_loop_is_counted_exactly(machine: Machine, turns: int):
    assert count(machine, "counted", turns) == 2 + 2 * turns


def test_skipped_instructions_count(machine: Machine):
    if "conditional" not in machine.program.symbols:
        assert machine.image.cpu == "cortex-m0plus"
    else:
        assert count(machine, "conditional", 5) == 2 + 6 * 5


def test_results_come_back_signed(machine: Machine):
    assert machine.call("fill", 7).result == 7 - 300


def test_memory_functions_are_right(machine: Machine):
    machine.call("fill", 0xAB)
    assert machine.read(machine.symbol("target"), 64) == bytes([0xAB]) * 64


def test_stack_is_the_deepest_of_all_calls():
    machine = Machine(build_image({"device_main.c": PROGRAM}, cpu="cortex-m4"))
    machine.call("counted", 3)
    assert machine.stack_bytes() == 0
    machine.call("pushes", 1)
    machine.call("counted", 3)
    assert machine.stack_bytes() == 5 * 4 + 12


def test_a_crash_names_its_function(machine: Machine):
    with pytest.raises(ModelError, match=f"crashes crashed on the emulated {machine.image.cpu} in crashes"):
        machine.call("crashes")


def test_instructions_have_an_owner(machine: Machine):
    before = machine.count.functions.copy()
    machine.call("counted", 10)
    grown = np.flatnonzero(machine.count.functions - before)
    assert [machine.program.functions[i].name for i in grown] == ["counted"]
    assert machine.count.strayed == 0


def test_stages_come_from_the_source_file():
    files = ("fft.c", "layers.c", "weighted.c", "decoder.c", "kws.c", "memory.c", "int.zig", None)
    assert [STAGES[stage_of(file)] for file in files] == [
        "frontend", "network", "network", "decoder", "decoder", "none", "none", "none"]


def test_unknown_processors_are_refused():
    with pytest.raises(ModelError, match="cortex-m1'"):
        build_image({}, cpu="cortex-m1")


def test_code_that_does_not_compile_says_why():
    with pytest.raises(ModelError, match=r"(?s)cannot compile the export for cortex-m4.*undeclared"):
        build_image({"device_main.c": "int f(void) { return missing; }"}, cpu=CPUS[2])


def test_a_missing_extra_is_one_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(device, "find_spec", lambda name: None)
    monkeypatch.setattr(device.shutil, "which", lambda name: None)
    with pytest.raises(KwsError, match=r"needs unicorn and elftools; .*pip install 'kws\[device\]'"):
        Machine(build_image({"device_main.c": PROGRAM}, cpu="cortex-m4"))
    with pytest.raises(KwsError, match="neither arm-none-eabi-gcc nor zig"):
        device.find_toolchain()
