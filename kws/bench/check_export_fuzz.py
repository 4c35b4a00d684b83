"""Fuzz the exported C with libFuzzer.

    scripts/check export_fuzz [--run RUN] [--seconds N] [--compress]

Sound in calls of any length into an exported program under AddressSanitizer and UndefinedBehaviorSanitizer, against the
same sound in whole hops. Needs clang with libFuzzer (Debian: apt-get install clang libclang-rt-dev). The last lines say
how much was run; the exit status is not 0 where something was found, and the input that found it is named.
"""

import shutil
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kws.bench.common import DEMO_RECORDING, ROOT, parser
from kws.errors import KwsError
from kws.export.source import Source

CLANGS = ("clang", *(f"clang-{version}" for version in range(21, 13, -1)))
FLAGS = ("-std=c99", "-O1", "-g", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all",
         "-DKWS_MODEL_CONFIG", "-I.")
LONGEST_INPUT = 140_000


def build(source: Source, work: Path) -> Path:
    """The fuzzer for one exported model."""
    from kws.export.export import export_to

    clang = next((found for name in CLANGS if (found := shutil.which(name))), None)
    if clang is None:
        raise KwsError("no clang; install it with libFuzzer (Debian: apt-get install clang libclang-rt-dev)")
    export_to("c", source, work / "c")
    sources = [*work.glob("c/engine/*.c"), *(work / "c" / name for name in ("kws.c", "kws_model.c"))]
    subprocess.run([clang, *FLAGS, *sources, Path(__file__).parent / "fuzz_export.c", "-o", work / "fuzz"],
                   cwd=work / "c", check=True)
    return work / "fuzz"


def write_corpus(folder: Path) -> None:
    """Seeds: the demo recording and corners in calls of several lengths."""
    from kws.audio.files import read_samples
    from kws.export.golden import signal

    folder.mkdir()
    demo = read_samples(DEMO_RECORDING)
    sounds = [demo[start:start + 40_000] for start in range(0, len(demo) - 40_000, 120_000)]
    sounds += [signal(40_000), np.full(30_000, -32_768, np.int16), np.tile([32_767, -32_768], 15_000).astype(np.int16)]
    for number, sound in enumerate(sounds):
        for call in (1, 320, 4_096):
            calls = (sound[at:at + call] for at in range(0, min(len(sound), 4_000 * call), call))
            content = b"".join(struct.pack("<H", len(part)) + part.astype("<i2").tobytes() for part in calls)
            (folder / f"{number}-{call}").write_bytes(content[:LONGEST_INPUT])


def main(arguments: Sequence[str]) -> int:
    from kws.export.source import compressed, from_run

    options = parser(__doc__)
    options.add_argument("--run", type=Path, default=ROOT / "models" / "commands")
    options.add_argument("--seconds", type=int, default=600)
    options.add_argument("--compress", action="store_true")
    given = options.parse_args(arguments)
    source = from_run(given.run)
    source = compressed(source, force=True) if given.compress else source
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        fuzzer = build(source, work)
        write_corpus(work / "corpus")
        return subprocess.run([fuzzer, work / "corpus", f"-max_total_time={given.seconds}",
                               f"-max_len={LONGEST_INPUT}", "-print_final_stats=1", "-timeout=600",
                               f"-artifact_prefix={ROOT / '.cache'}/fuzz-"], check=False).returncode

