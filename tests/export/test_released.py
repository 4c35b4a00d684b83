"""The released run, exported: the detections of kws detect on the demo recording."""


import numpy as np
import pytest

from kws.audio.reading import open_sound
from kws.export.export import export_to
from kws.export.source import from_run
from tests.helpers.exported import compile_host, expected_lines, run
from tests.helpers.paths import ROOT


@pytest.fixture(scope="module")
def released():
    run_folder = ROOT / "models" / "commands"
    if not (run_folder / "manifest.json").is_file():
        pytest.skip("the released run models/commands is missing")
    return from_run(run_folder)


@pytest.fixture(scope="module")
def recording():
    return np.concatenate(list(open_sound(ROOT / "recordings" / "demo" / "commands.flac").blocks()))


def test_the_exported_program_hears_the_demo_as_the_detector_does(released, recording, tmp_path):
    export_to("c", released, tmp_path / "out")
    lines = run([compile_host(tmp_path / "out")], cwd=tmp_path, stdin=recording.tobytes()).splitlines()
    expected = expected_lines(released, recording)
    assert lines[0] == "ready 0" and len(expected) >= 10
    assert [line for line in lines if line.startswith("detected")] == expected
