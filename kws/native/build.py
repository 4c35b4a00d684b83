"""Builds the C engine into the Python module kws.native._native with cffi.

`python -m kws.native.build` compiles it in place; pip runs `make_builder` when the package is installed. The
declarations come from the public headers themselves, so the Python side cannot disagree with the C.
"""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import cffi

CSRC = Path(__file__).parent / "csrc"
PUBLIC_HEADERS = ("frontend.h", "network.h", "decoder.h", "detector.h", "field.h", "batch.h", "plan.h",
                  "instruction_count.h")
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


def sources(pattern: str = "*.[ch]") -> dict[str, Path]:
    """The engine's C files whose name matches, by name; no two folders hold the same name."""
    return {path.name: path for path in sorted(CSRC.rglob(pattern))}


def include_folders() -> list[Path]:
    """Where the headers lie: they include each other by name."""
    return sorted({path.parent for path in sources("*.h").values()})


def make_builder() -> "cffi.FFI":
    """The module's declarations and sources; paths start at the folder that holds kws/."""
    import cffi

    root, headers = CSRC.parents[2], sources("*.h")
    builder = cffi.FFI()
    builder.cdef("\n".join(declarations(headers[name].read_text()) for name in PUBLIC_HEADERS))
    builder.set_source(
        "kws.native._native",
        "\n".join(f'#include "{name}"' for name in PUBLIC_HEADERS),
        sources=[str(path.relative_to(root)) for path in sources("*.c").values()],
        include_dirs=[str(folder.relative_to(root)) for folder in include_folders()],
        extra_compile_args=FLAGS if os.name == "posix" else ["/O2"],  # Microsoft's compiler has never been tried
    )
    return builder


if __name__ == "__main__":
    os.chdir(CSRC.parents[2])
    make_builder().compile(verbose=True)
