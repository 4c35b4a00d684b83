"""Cross-compiles an exported package for a Cortex-M and says what it takes in flash and RAM.

arm-none-eabi-gcc where it is on PATH, else zig's clang (pip install kws[device]). Optimized for size: in this engine
-Os costs no instructions against -O2 and halves the code. Functions that nothing calls are left out by the linker, as
in a firmware.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from kws.errors import KwsError, ModelError
from kws.files import write_files
from kws.processors import CPUS, PROCESSORS

TEMPLATES = Path(__file__).parent / "templates"
OPTIMIZATION = "-Os"
FLAGS = ("-std=c99", "-ffreestanding", "-ffunction-sections", "-fdata-sections", "-fno-unwind-tables",
         "-fno-asynchronous-unwind-tables", "-g", "-DKWS_MODEL_CONFIG", "-Wl,--gc-sections", "-Wl,-e,kws_push")
NOT_ON_DEVICE = ("example_main.c", "kws_self_test.c")
INSTALL = "install the emulated device with: pip install 'kws[device]', in a clone: pip install '.[device]'"


@dataclass(frozen=True)
class Toolchain:
    """A cross-compiler: its name for a person and the start of its command line."""

    name: str
    command: tuple[str, ...]

    def arguments(self, cpu: str) -> list[str]:
        """How to choose the processor."""
        if self.command[0].endswith("arm-none-eabi-gcc"):
            keep_names = "-save-temps"  # of objects: device.ld knows them by their names
            return [f"-mcpu={cpu}", "-mthumb", "-mfloat-abi=soft", "-nostdlib", keep_names]
        name = cpu.replace("-", "_") + PROCESSORS[cpu].zig_suffix
        return ["-target", "thumb-freestanding-eabi", f"-mcpu={name}", "-fno-sanitize=undefined"]

    def libraries(self) -> list[str]:
        """Long multiplication and division: zig links its own."""
        return ["-lgcc"] if self.command[0].endswith("arm-none-eabi-gcc") else []


@dataclass(frozen=True)
class Image:
    """A linked program for one processor.

    elf : the file's content. code_bytes, model_bytes : in flash, without and with nothing but the model's constants.
    state_bytes : of kws_state. toolchain : what built it.
    """

    cpu: str
    toolchain: str
    elf: bytes
    code_bytes: int
    model_bytes: int
    state_bytes: int


def find_toolchain() -> Toolchain:
    """The cross-compiler to use. Raises KwsError if there is none."""
    gcc = shutil.which("arm-none-eabi-gcc")
    if gcc is not None:
        return Toolchain(f"arm-none-eabi-gcc {OPTIMIZATION}", (gcc,))
    if find_spec("ziglang") is not None:
        return Toolchain(f"zig cc {OPTIMIZATION}", (sys.executable, "-m", "ziglang", "cc"))
    raise KwsError(f"no cross-compiler: neither arm-none-eabi-gcc nor zig is installed; {INSTALL}")


def require_device() -> None:
    """Raise KwsError if the packages of the emulated device are missing."""
    missing = [name for name in ("unicorn", "elftools") if find_spec(name) is None]
    if missing:
        raise KwsError(f"the emulated device needs {' and '.join(missing)}; {INSTALL}")
    find_toolchain()


def build_image(package: Mapping[str, str | bytes], *, cpu: str, toolchain: Toolchain | None = None) -> Image:
    """Compile and link the files of an exported package for `cpu`.

    package : content by path, as kws.export writes it; what stands in its device_main.c is kept whether called or not.
    By default that is the storage for one stream, or for one network if there is no front end.
    Raises ModelError with the compiler's words where it does not compile.
    """
    if cpu not in CPUS:
        raise ModelError(f"cpu = {cpu!r}: must be one of {', '.join(CPUS)}")
    require_device()
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        write_files(folder, package)
        toolchain = toolchain or find_toolchain()
        elf = compile_elf(folder, cpu=cpu, toolchain=toolchain)
    return measured(elf, cpu=cpu, toolchain=toolchain.name)


def compile_elf(folder: Path, *, cpu: str, toolchain: Toolchain) -> bytes:
    """The linked program of the package in `folder`."""
    headers = folder / "device_headers"
    headers.mkdir()
    shutil.copy(TEMPLATES / "string.h", headers)
    shutil.copy(TEMPLATES / "memory.c", folder)
    driver = "device_main.c" if (folder / "engine" / "detector.c").exists() else "device_network.c"
    if not (folder / "device_main.c").exists():
        shutil.copy(TEMPLATES / driver, folder / "device_main.c")
    sources = [str(path.relative_to(folder)) for path in sorted(folder.rglob("*.c")) if path.name not in NOT_ON_DEVICE]
    command = [*toolchain.command, *toolchain.arguments(cpu), OPTIMIZATION, *FLAGS, "-I.", "-idirafter", headers.name,
               *sources, f"-Wl,-T,{TEMPLATES / 'device.ld'}", *toolchain.libraries(), "-o", "image.elf"]
    cache = {"ZIG_LOCAL_CACHE_DIR": str(folder / "cache")}
    if not os.environ.get("HOME"):  # where it keeps what it compiled before
        cache["ZIG_GLOBAL_CACHE_DIR"] = os.environ.get("ZIG_GLOBAL_CACHE_DIR", cache["ZIG_LOCAL_CACHE_DIR"])
    done = subprocess.run(command, cwd=folder, env={**os.environ, **cache}, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ModelError(f"{toolchain.name} cannot compile the export for {cpu}: {done.stderr.strip()[-2000:]}")
    return (folder / "image.elf").read_bytes()


def measured(elf: bytes, *, cpu: str, toolchain: str) -> Image:
    """The sizes of a linked program, by section. Initialised variables count as code: they lie in flash too."""
    import io

    from elftools.elf.elffile import ELFFile

    file = ELFFile(io.BytesIO(elf))
    sizes = {section.name: section["sh_size"] for section in file.iter_sections()}
    state = file.get_section_by_name(".symtab").get_symbol_by_name("kws_device_state")
    return Image(cpu, toolchain, elf, code_bytes=sum(sizes.get(name, 0) for name in (".text", ".rodata", ".data")),
                 model_bytes=sizes.get(".model", 0), state_bytes=state[0]["st_size"] if state else 0)
