"""What an emulator has to know about a linked program: its bytes, its symbols, the stage of each function."""

import io
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile
    from elftools.elf.sections import Symbol

STAGES = ("none", "frontend", "network", "decoder")  # "none": works for its caller, such as memcpy
FRONTEND_FILES = ("frontend.c", "fft.c", "spectrum.c")
DECODER_FILES = ("decoder.c", "detector.c", "kws.c")
SERVANTS = ("memory.c", "device_main.c")


@dataclass(frozen=True)
class Function:
    """A function in flash. stage : index into STAGES."""

    name: str
    address: int
    size_bytes: int
    stage: int


@dataclass(frozen=True, eq=False)
class LinkedProgram:
    """flash : what lies in flash from `base` on. functions[0] stands for whatever is no function."""

    base: int
    flash: bytes
    symbols: dict[str, int]
    functions: tuple[Function, ...]

    def owners(self) -> np.ndarray:
        """uint16 [halfwords of flash]: the function that each belongs to."""
        owner = np.zeros(len(self.flash) // 2, np.uint16)
        for index, function in enumerate(self.functions[1:], start=1):
            first = (function.address - self.base) // 2
            owner[first:first + -(-function.size_bytes // 2)] = index
        return owner

    def name_at(self, address: int) -> str:
        """The function at an address, for messages."""
        inside = [f.name for f in self.functions if f.address <= address < f.address + f.size_bytes]
        return inside[0] if inside else hex(address)


def read_program(elf: bytes) -> LinkedProgram:
    """The program in an ELF file with debug information."""
    from elftools.elf.elffile import ELFFile

    file = ELFFile(io.BytesIO(elf))
    loaded = [(s["sh_addr"], s.data()) for s in file.iter_sections()
              if s["sh_flags"] & 2 and s["sh_type"] == "SHT_PROGBITS" and s["sh_size"]]
    base = min(address for address, _ in loaded)
    flash = bytearray(max(address + len(data) for address, data in loaded) - base)
    for address, data in loaded:
        flash[address - base:address - base + len(data)] = data
    flash += bytes(-len(flash) % 4)
    table = list(file.get_section_by_name(".symtab").iter_symbols())
    symbols = {s.name: s["st_value"] for s in table if s.name and s["st_info"]["type"] != "STT_FILE"}
    return LinkedProgram(base, bytes(flash), symbols, (Function("elsewhere", 0, 0, 0), *_functions(file, table)))


def _functions(file: "ELFFile", table: list["Symbol"]) -> list[Function]:
    """Every function once, by address, with the stage of the file that defines it."""
    files = _files(file)
    found: dict[int, Function] = {}
    for symbol in table:
        if symbol["st_info"]["type"] == "STT_FUNC":
            address = symbol["st_value"] & ~1  # bit 0 says Thumb
            known = found.get(address)
            if known is None or len(symbol.name) < len(known.name):
                found[address] = Function(symbol.name, address, symbol["st_size"], stage_of(files.get(address)))
    return [found[address] for address in sorted(found)]


def _files(file: "ELFFile") -> dict[int, str]:
    """Address of a function -> name of the source file that defines it."""
    found = {}
    for unit in file.get_dwarf_info().iter_CUs():
        top = unit.get_top_DIE()
        name = PurePath(top.attributes["DW_AT_name"].value.decode(errors="replace")).name
        for die in top.iter_children():
            if die.tag == "DW_TAG_subprogram" and "DW_AT_low_pc" in die.attributes:
                found[die.attributes["DW_AT_low_pc"].value & ~1] = name
    return found


def stage_of(file: str | None) -> int:
    """Index into STAGES of the functions of a source file; what is not of the engine works for its caller."""
    if file in FRONTEND_FILES:
        return STAGES.index("frontend")
    if file in DECODER_FILES:
        return STAGES.index("decoder")
    if file is None or not file.endswith(".c") or file in SERVANTS:
        return 0
    return STAGES.index("network")
