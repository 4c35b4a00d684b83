"""Numbers as C source that a person can read: arrays, structs, comments."""

from collections.abc import Iterable

import numpy as np

WIDTH = 120
C_TYPES = {"int8": "int8_t", "uint8": "uint8_t", "int16": "int16_t", "uint16": "uint16_t", "int32": "int32_t",
           "uint32": "uint32_t"}
SMALLEST_INT32 = -2**31


def literal(value: int) -> str:
    """A number as C99 takes it; the smallest int32 has no literal of its own."""
    return "(-2147483647 - 1)" if value == SMALLEST_INT32 else str(value)


def wrapped(values: Iterable[int], *, indent: int) -> str:
    """Numbers with commas, in lines of at most WIDTH columns."""
    lines, line = [], " " * indent
    for number in (f"{literal(int(value))}, " for value in values):
        if len(line) + len(number) - 1 > WIDTH:
            lines.append(line.rstrip())
            line = " " * indent
        line += number
    return "\n".join([*lines, line.rstrip().rstrip(",")])


def array(name: str, values: np.ndarray, *, comment: str) -> str:
    """`static const` definition of a one-dimensional array. values : any integer array [n], n > 0."""
    kind = C_TYPES[values.dtype.newbyteorder("=").name]
    numbers = wrapped(values.ravel(), indent=4)
    return f"/* {comment} */\nstatic const {kind} {name}[{values.size}] = {{\n{numbers}\n}};\n"


def define(name: str, value: int | str) -> str:
    return f"#define {name} {value}\n"


def text_literal(text: str) -> str:
    """A string as C99 takes it whatever the compiler's character set: UTF-8, its bytes beyond ASCII in octal."""
    return '"' + "".join(chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}"
                         for byte in text.encode()) + '"'
