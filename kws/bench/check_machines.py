"""Run the suite as on other machines: processors, time zones, languages, users, trees that may not be written.

    scripts/check machines [--only NAME]... [--user NAME] [-- PYTEST OPTION...]

Each setting runs in a clone of the last commit, one after the other; what follows -- goes to pytest (-- tests/audio
-n 2). --user : who runs the setting `user`, if root starts the check; a name or number. The last table counts; what
failed is listed, and pytest's words are kept in .cache/machines. The exit status is 1 if a test failed.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kws.bench.common import ROOT, data_folder, header, parser, print_table
from kws.errors import DataError

KEPT = ROOT / ".cache" / "machines"
USER = "nobody"
LOCALES = "LOCPATH"  # where the C library looks for locales, if set


@dataclass(frozen=True)
class Machine:
    """What differs from this machine."""

    says: str
    environment: Mapping[str, str]  # on top of this process's
    without: tuple[str, ...] = ()  # variables that are not there
    other_user: bool = False  # an ordinary user with a home of its own; the tree may not be written
    cores: frozenset[int] | None = None
    umask: int = 0o022


MACHINES = {
    "here": Machine("as it is here", {}),
    "avx2": Machine(
        "kernels for AVX2, Kathmandu (UTC+5:45), plain C and ASCII, umask 077, one core",
        {"ONEDNN_MAX_CPU_ISA": "AVX2", "TZ": "Asia/Kathmandu", "LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
        without=("LANG",), cores=frozenset({0}), umask=0o077),
    "sse41": Machine(
        "kernels for SSE 4.1, St. John's (UTC-3:30), Turkish, HOME unset",
        {"ONEDNN_MAX_CPU_ISA": "SSE41", "TZ": "America/St_Johns", "LC_ALL": "tr_TR.UTF-8"}, without=("HOME", "LANG")),
    "user": Machine(
        "without oneDNN, German, an ordinary user in a tree that may not be written, umask 027",
        {"TF_ENABLE_ONEDNN_OPTS": "0", "LC_ALL": "de_DE.UTF-8"}, without=("LANG", "XDG_RUNTIME_DIR"),
        other_user=True, umask=0o027),
}
DEFAULT = ("avx2", "sse41", "user")


@dataclass
class Outcome:
    passed: int = 0
    skipped: int = 0
    failed: list[str] = field(default_factory=list)
    minutes: float = 0


def main(arguments: Sequence[str]) -> int:
    options = parser(__doc__)
    options.add_argument("--only", action="append", choices=sorted(MACHINES), metavar="NAME",
                         help="; ".join(f"{name}: {machine.says}" for name, machine in MACHINES.items()))
    options.add_argument("--user", default=USER)
    options.add_argument("pytest", nargs="*")
    chosen = options.parse_args(arguments)
    header()
    outcomes = {name: run(name, MACHINES[name], chosen.user, chosen.pytest) for name in chosen.only or DEFAULT}
    print_table(("setting", "passed", "failed", "skipped", "minutes"), (
        [f"`{name}`: {MACHINES[name].says}", f"{done.passed:,}", f"{len(done.failed):,}", f"{done.skipped:,}",
         f"{done.minutes:.0f}"] for name, done in outcomes.items()))
    for name, done in outcomes.items():
        print(*(f"{name}: {test}" for test in done.failed), sep="\n", end="\n" if done.failed else "")
    return 1 if any(done.failed for done in outcomes.values()) else 0


def run(name: str, machine: Machine, user: str, options: Sequence[str]) -> Outcome:
    """The suite on one of the machines; its output goes to the folder KEPT."""
    with tempfile.TemporaryDirectory(prefix="kws-", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        tree, home, temporary = place / "tree", place / "home", place / "tmp"
        home.mkdir()
        temporary.mkdir()
        clone(tree)
        environment = variables(machine, home, temporary)
        if (who := other(user) if machine.other_user else None) is not None:
            hand_over(place, tree, who)
            environment.update(USER=user, LOGNAME=user)
            check_reach(user, who, environment)
        results = temporary / "results.xml"
        KEPT.mkdir(parents=True, exist_ok=True)
        started_s = time.monotonic()
        with (KEPT / f"{name}.txt").open("wb") as output:
            status = subprocess.run(
                [*on_cores(machine.cores), sys.executable, "-m", "pytest", "-v", "-rs", "-p", "no:cacheprovider",
                 f"--junitxml={results}", *options], cwd=tree, env=environment, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, umask=machine.umask, user=who, group=who and group(who),
                extra_groups=[] if who else None).returncode
        if status not in (0, 1) or not results.is_file():
            raise DataError(f"{name}: pytest ended with status {status} before all was run; see {KEPT / name}.txt")
        return outcome(results, (time.monotonic() - started_s) / 60)


def clone(tree: Path) -> None:
    """The last commit, its C compiled, with the environment of this tree."""
    for command in (["git", "clone", "-q", "--no-hardlinks", str(ROOT), str(tree)],
                    [sys.executable, "setup.py", "-q", "build_ext", "--inplace"],
                    [sys.executable, "-m", "compileall", "-q", "kws", "tests"]):
        done = subprocess.run(command, cwd=tree if tree.is_dir() else ROOT, capture_output=True, text=True,
                              env={**os.environ, "PYTHONPATH": str(tree)})
        if done.returncode:
            raise DataError(f"{' '.join(command)}: {done.stderr.strip()[-500:]}")
    (tree / ".venv").symlink_to(Path(sys.prefix).resolve())


def variables(machine: Machine, home: Path, temporary: Path) -> dict[str, str]:
    """The environment of the suite there."""
    left_out = (*machine.without, "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    environment = {**kept, "PYTHONPATH": str(temporary.parent / "tree"), "TMPDIR": str(temporary),
                   "TF_CPP_MIN_LOG_LEVEL": "2", "KWS_TEST_DATA": str(data_folder()), **machine.environment}
    if machine.other_user:
        environment["HOME"] = str(home)
    language = machine.environment.get("LC_ALL", "")
    if "." in language and compile_locale(language, home.parent / "locales"):
        environment[LOCALES] = str(home.parent / "locales")
    return environment


def compile_locale(name: str, folder: Path) -> bool:
    """Compile a locale that the system may not have; whether that could be done."""
    folder.mkdir()
    source, encoding = name.split(".")
    done = shutil.which("localedef") is not None and subprocess.run(
        ["localedef", "-i", source, "-f", encoding, folder / name], capture_output=True).returncode == 0
    if not done:
        print(f"note: localedef cannot make {name} here; without it the C library falls back to C", file=sys.stderr)
    return done


def other(user: str) -> int | None:
    """The number of the user; None if this process may not become another one."""
    import pwd

    if os.geteuid():
        print("note: only root can run the suite as another user; it runs as you, with a new home", file=sys.stderr)
        return None
    return int(user) if user.isdigit() else pwd.getpwnam(user).pw_uid


def group(uid: int) -> int:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_gid
    except KeyError:
        return uid


def hand_over(place: Path, tree: Path, uid: int) -> None:
    """Everything there belongs to the user, who may write no file and no folder of the tree."""
    for path in (place, *place.rglob("*")):
        os.chown(path, uid, group(uid), follow_symlinks=False)
    for path in (tree, *everything(tree)):
        path.chmod(path.stat().st_mode & ~0o222)


def everything(tree: Path) -> Iterator[Path]:
    return (path for path in tree.rglob("*") if not path.is_symlink() and ".venv" not in path.parts)


def check_reach(user: str, uid: int, environment: Mapping[str, str]) -> None:
    """Raise DataError if the user may not read this Python."""
    done = subprocess.run([sys.executable, "-c", "import numpy"], env=environment, user=uid, cwd="/",
                          capture_output=True)
    if done.returncode:
        raise DataError(f"user {user} cannot start {sys.executable}: a folder of {Path(sys.executable).resolve()} is "
                        "closed to others; name one who may with --user NAME, or install Python where all may read it")


def on_cores(cores: frozenset[int] | None) -> list[str]:
    return [] if cores is None else ["taskset", "--cpu-list", ",".join(map(str, sorted(cores)))]


def outcome(results: Path, minutes: float) -> Outcome:
    """Counts of a file as pytest writes it."""
    done = Outcome(minutes=minutes)
    for case in ET.parse(results).getroot().iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            done.failed.append(f"{case.get('classname')}::{case.get('name')}")
        elif case.find("skipped") is not None:
            done.skipped += 1
        else:
            done.passed += 1
    return done
