"""Builds the C engine into the Python module kws.engine._native with cffi.

`python -m kws.engine.build` compiles it in place; pip runs `builder` when the package is installed. The declarations
come from the public headers themselves, so the Python side cannot disagree with the C.
"""

import re
from pathlib import Path

import cffi

CSRC = Path(__file__).parent / "csrc"
PUBLIC_HEADERS = ("frontend.h", "network.h", "decoder.h", "detector.h", "batch.h", "plan.h", "tally.h")
FLAGS = ["-std=c99", "-O3", "-fno-strict-overflow", "-Wall", "-Wextra", "-Wno-unused-function"]


def declarations(header: str) -> str:
    """The text of a header as cffi's cdef wants it: no preprocessor lines but integer #defines."""
    kept = []
    for line in header.splitlines():
        if re.match(r"#\s*define\s+\w+\s+\(?-?(0x)?[0-9a-fA-F]+u?\)?\s*(/\*.*)?$", line):
            kept.append(re.sub(r"\s*/\*.*$", "", line).replace("(", "").replace(")", "").rstrip("u"))
        elif not line.lstrip().startswith("#"):
            kept.append(line)
    return re.sub(r"/\*.*?\*/", "", "\n".join(kept), flags=re.DOTALL)


def make_builder() -> cffi.FFI:
    root = CSRC.parents[2]
    builder = cffi.FFI()
    builder.cdef("\n".join(declarations((CSRC / name).read_text()) for name in PUBLIC_HEADERS))
    builder.set_source(
        "kws.engine._native",
        "\n".join(f'#include "{name}"' for name in PUBLIC_HEADERS),
        sources=sorted(str(path.relative_to(root)) for path in CSRC.glob("*.c")),
        include_dirs=[str(CSRC.relative_to(root))],
        extra_compile_args=FLAGS,
    )
    return builder


if __name__ == "__main__":
    import os

    os.chdir(CSRC.parents[2])
    make_builder().compile(verbose=True)
else:
    builder = make_builder()
