"""What is computed and printed does not depend on the machine: its kernels, time zone, language, user."""

import os
import re
import subprocess
import sys

import pytest

from kws.bench import check_machines
from kws.bench.check_machines import DEFAULT, MACHINES
from kws.errors import DataError
from tests.helpers.paths import ROOT

DEMO = ROOT / "recordings/demo/commands.flac"


def kws(*arguments: object, machine: str, home: str) -> "subprocess.CompletedProcess[bytes]":
    """A command as on another machine; HOME is `home`, unless the machine has none."""
    there = MACHINES[machine]
    kept = {name: value for name, value in os.environ.items() if name not in there.without}
    environment = {**kept, **({} if "HOME" in there.without else {"HOME": home}), **there.environment}
    return subprocess.run([sys.executable, "-m", "kws", *map(str, arguments)], cwd=ROOT, env=environment,
                          capture_output=True, stdin=subprocess.DEVNULL, umask=there.umask)


@pytest.mark.parametrize("machine", DEFAULT)
def test_detections_are_the_same_to_the_byte(machine, tmp_path):
    there, here = (kws("detect", "--run", ROOT / "models/commands", DEMO, machine=name, home=str(tmp_path))
                   for name in (machine, "here"))
    assert there.returncode == here.returncode == 0 and there.stdout == here.stdout and there.stdout.count(b"\n") > 5


@pytest.mark.parametrize("machine", DEFAULT)
def test_an_export_is_the_same_to_the_byte(machine, tmp_path):
    """No time, no locale's numbers, no name of a user."""
    for name in (machine, "here"):
        assert kws("export", "c", "--run", ROOT / "models/small", "--out", tmp_path / name / "c", machine=name,
                   home=str(tmp_path)).returncode == 0
    there, here = ({path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*")
                    if path.is_file()} for name in (machine, "here"))
    assert there == here and len(here) > 10


@pytest.mark.slow
@pytest.mark.train
@pytest.mark.parametrize("machine", DEFAULT)
def test_divergence_is_seen_with_every_kernel(machine, tmp_path):
    """The rectifier of some kernels turns NaN into 0, and the training went on in silence."""
    there = MACHINES[machine]
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/train/test_loop.py",
                           "-k", "diverges or not_finite"], cwd=ROOT, capture_output=True, text=True,
                          env={**os.environ, **there.environment, "TMPDIR": str(tmp_path)})
    assert done.returncode == 0 and "2 passed" in done.stdout, done.stdout


@pytest.mark.slow
def test_the_suite_runs_as_on_another_machine(tmp_path, monkeypatch, capfd):
    """In a clone, with what fails listed."""
    monkeypatch.setattr(check_machines, "KEPT", tmp_path)
    assert check_machines.main(["--only", "avx2", "--", "tests/test_files.py", "-k", "known_file or temporary"]) == 0
    assert "one core | 7 | 0 | 0 |" in capfd.readouterr().out
    assert "7 passed" in (tmp_path / "avx2.txt").read_text()
    with pytest.raises(DataError, match="sse41: pytest ended with status 4 before all was run"):
        check_machines.main(["--only", "sse41", "--", "tests/no_such_test.py"])


def test_what_is_promised_to_the_byte_is_promised_for_one_machine():
    """The bytes of an export alone do not depend on the machine: no float is computed for them."""
    promises = [sentence for page in sorted(ROOT.glob("docs/*.md")) if page.name != "export.md"
                for sentence in re.split(r"(?<=[.:;]) ", " ".join(page.read_text().split()))
                if re.search(r"byte for byte|the same bytes|give the same network", sentence)]
    assert len(promises) >= 3 and all("one machine" in sentence for sentence in promises), promises
