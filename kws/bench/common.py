"""What every benchmark and check shares: where things lie, the header of its figures, its arguments, its table."""

import argparse
import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEMO_RECORDING = ROOT / "recordings" / "demo" / "commands.flac"
CPU_MODEL = "model name"  # of /proc/cpuinfo


def data_folder() -> Path:
    """The folder with real recordings and networks from elsewhere, whether it is there or not."""
    return Path(os.environ.get("KWS_TEST_DATA") or ROOT.parent / "shared" / "data")


def parser(doc: str | None) -> argparse.ArgumentParser:
    """For the arguments of one benchmark; its module's docstring is the help."""
    return argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)


def counted_parser(doc: str | None, *, count: int) -> argparse.ArgumentParser:
    """The same for a check that draws at random: --count (`count` if it is not given) and --seed."""
    options = parser(doc)
    options.add_argument("--count", type=int, default=count, help="how many are tried")
    options.add_argument("--seed", type=int, default=1)
    return options


def header(*facts: object) -> None:
    """Print when, from which commit and on what the figures below were measured, and the given facts."""
    print(", ".join([f"{date.today()}", f"commit {commit()}", machine(), *map(str, facts)]), flush=True)


def commit() -> str:
    """The commit that is checked out, marked where files differ from it; "unknown" without git."""
    found = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    return found.stdout.strip() or "unknown"


def machine() -> str:
    """Processor, cores and load: "AMD EPYC, 2 cores, load 0.3"."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith(CPU_MODEL)]
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores{load}"


def print_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a Markdown table, each row as soon as it is measured."""
    print("\n| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|", flush=True)
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)
