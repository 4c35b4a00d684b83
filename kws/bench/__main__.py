"""Start a benchmark or check by its name; without one, list them.

    python -m kws.bench [NAME [ARGUMENT...]]
"""

import ast
import importlib
import sys
from pathlib import Path

from kws.errors import KwsError

CHECK = "check_"
SHARED = ("__init__", "__main__", "common", "injected_faults", "label_judges", "null_sink", "own_word_walk",
          "random_networks", "sounds", "suspect_sheets", "tones")


def names() -> dict[str, str]:
    """Every benchmark and check, with the first sentence of its docstring."""
    files = sorted(path for path in Path(__file__).parent.glob("*.py") if path.stem not in SHARED)
    return {path.stem: (ast.get_docstring(ast.parse(path.read_text())) or "").splitlines()[0] for path in files}


def listing() -> str:
    known = names()
    wide = max(len(name.removeprefix(CHECK)) for name in known)
    lines = {True: ["scripts/check NAME:"], False: ["scripts/bench NAME:"]}
    for name, says in known.items():
        lines[name.startswith(CHECK)].append(f"  {name.removeprefix(CHECK):{wide}}  {says}")
    return "\n".join([*lines[False], *lines[True]])


def main(arguments: list[str]) -> int:
    """Run the benchmark that `arguments` name; its exit status."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(listing())
        return 0
    name, *rest = arguments
    if name not in names():
        print(f"error: no benchmark {name!r}\n{listing()}", file=sys.stderr)
        return 2
    sys.argv[0] = f"scripts/check {name.removeprefix(CHECK)}" if name.startswith(CHECK) else f"scripts/bench {name}"
    try:
        return int(importlib.import_module(f"kws.bench.{name}").main(rest) or 0)
    except KwsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; the same command starts or goes on", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
