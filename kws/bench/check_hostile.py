"""Attack everything anew: every check_hostile_* of this folder, one after the other.

    scripts/check hostile [--seed N] [--quick]

--quick attacks with a twentieth of each count. The exit status is 1 if one of them found something.
"""

import importlib
from collections.abc import Sequence
from pathlib import Path

from kws.bench.common import parser


def parts() -> list[str]:
    """The attacks, by name."""
    return sorted(path.stem for path in Path(__file__).parent.glob("check_hostile_*.py"))


def main(arguments: Sequence[str]) -> int:
    options = parser(__doc__)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--quick", action="store_true")
    chosen = options.parse_args(arguments)
    found = []
    for name in parts():
        module = importlib.import_module(f"kws.bench.{name}")
        count = ["--count", str(max(module.COUNT // 20, 1))] if chosen.quick else []
        print(f"\n{name.removeprefix('check_')}:", flush=True)
        if module.main(["--seed", str(chosen.seed), *count]):
            found.append(name)
    print(f"\n{len(parts()) - len(found)} of {len(parts())} attacks found nothing" + (f"; {found}" if found else ""))
    return 1 if found else 0
