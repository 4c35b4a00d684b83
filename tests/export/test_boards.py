"""Arduino, ESP-IDF and Zephyr: every file compiled, the examples run against stand-ins of the APIs (tests/stubs)."""

import json

import pytest

from kws.export.export import export_to
from kws.export.source import from_tflite
from tests.helpers.boards import build_example, example_of
from tests.helpers.exported import (
    SANITIZE,
    STUBS,
    compile_host,
    expected_lines,
    random_source,
    run,
    sound,
    zig,
)

pytestmark = pytest.mark.slow

LAYOUTS = {
    "arduino": ("library.properties", "src/kws.h", "src/engine/network.c", "examples/Keywords/Keywords.ino"),
    "esp-idf": ("CMakeLists.txt", "idf_component.yml", "Kconfig", "src/kws.c", "examples/keywords/CMakeLists.txt",
                "examples/keywords/main/CMakeLists.txt", "examples/keywords/main/Kconfig.projbuild"),
    "zephyr": ("zephyr/module.yml", "CMakeLists.txt", "Kconfig", "src/kws.c", "samples/keywords/prj.conf",
               "samples/keywords/CMakeLists.txt", "samples/keywords/sample.yaml"),
}


YEAR_MS = 365 * 86_400_000
A_YEAR_LATER = """#include "kws.h"
int32_t __real_kws_push(kws_state *, const int16_t *, int32_t, kws_event *);
int32_t __wrap_kws_push(kws_state *, const int16_t *, int32_t, kws_event *);
int32_t __wrap_kws_push(kws_state *state, const int16_t *samples, int32_t count, kws_event *event)
{
    const int32_t detections = __real_kws_push(state, samples, count, event);
    event->sample += (uint64_t)365 * 86400 * KWS_SAMPLE_RATE_HZ;
    return detections;
}
"""


@pytest.mark.parametrize("target", LAYOUTS)
def test_a_detector_hears_in_the_example_what_kws_detect_hears(target, tmp_path):
    source, folder, samples = random_source("cnn"), tmp_path / "out", sound()
    export_to(target, source, folder)
    for name in LAYOUTS[target]:
        assert (folder / name).stat().st_size > 0
    assert json.loads((folder / "export.json").read_text())["target"] == target
    assert [path for path in folder.rglob("*") if path.is_file() and "@" in path.read_text()] == []
    assert "| `sound <first> <sum> <base64>` |" in (folder / "README.md").read_text()
    program = build_example(target, folder, example_of(folder), *SANITIZE)
    lines = run([program], cwd=folder, stdin=samples.tobytes()).splitlines()
    assert lines[0] == "ready 0"
    assert [line for line in lines if line.startswith("detected")] == expected_lines(source, samples)


@pytest.mark.parametrize("target", [*LAYOUTS, "c"])
def test_a_year_of_sound_does_not_wrap_the_time(target, tmp_path):
    """It once did after 49 days, where `long` has 32 bits."""
    source, folder, samples = random_source("cnn"), tmp_path / "out", sound(1)
    export_to(target, source, folder)
    plain = "-DSTAND_IN_WITHOUT_REPORT" if target == "esp-idf" else "-DKWS_REPORT=0"
    if target == "c":
        (folder / "late.c").write_text(A_YEAR_LATER)
        program = compile_host(folder, "-O1", plain, "-Wl,--wrap=kws_push")
    else:
        (folder / "src" / "late.c").write_text(A_YEAR_LATER)
        program = build_example(target, folder, example_of(folder), plain, "-Wl,--wrap=kws_push")
    found = [line.split() for line in run([program], cwd=folder, stdin=samples.tobytes()).splitlines()]
    expected = [line.split() for line in expected_lines(source, samples)]
    assert [int(words[2]) for words in found if words[0] == "detected"] == [int(e[2]) + YEAR_MS for e in expected] != []


@pytest.mark.parametrize("target", [*LAYOUTS, "tflm"])
def test_every_file_is_compiled_for_a_cortex_m(target, tmp_path):
    """Against the headers of a real C library, which zig brings along, and the stand-ins."""
    folder = tmp_path / "out"
    export_to(target, random_source("ds_cnn", decide_every=2), folder)
    stubs = STUBS / target.replace("-", "_")
    flags = ("-target", "thumb-linux-musleabi", "-mcpu=cortex_m4", "-Os", "-Wall", "-Wextra", "-Wconversion", "-Werror",
             "-I", str(folder / "src"), "-I", str(folder), "-isystem", str(stubs))
    languages = {".c": ("cc", "-std=gnu11"), ".cc": ("c++", "-std=c++17"),
                 ".ino": ("c++", "-std=c++17", "-include", "Arduino.h", "-x", "c++")}
    paths = sorted(path for path in folder.rglob("*") if path.suffix in languages)
    assert len(paths) > 8 and len({path.suffix for path in paths}) == (2 if target in ("arduino", "tflm") else 1)
    for path in paths:
        compiler, *language = languages[path.suffix]
        run(zig(compiler, *flags, *language, "-c", str(path), "-o", str(tmp_path / "object.o")), cwd=tmp_path)


def test_the_sketch_counts_the_sound_that_it_loses(tmp_path):
    folder, samples = tmp_path / "out", sound()
    export_to("arduino", random_source("linear", coefficients=10), folder)
    program = build_example("arduino", folder, example_of(folder), *SANITIZE)
    assert "lost" not in run([program, "2"], cwd=folder, stdin=samples.tobytes())
    lines = run([program, "3"], cwd=folder, stdin=samples.tobytes()).splitlines()
    lost = sum(int(line.split()[1]) for line in lines if line.startswith("lost"))
    assert 0.25 < lost / len(samples) < 0.4  # of three blocks that arrive at once, the third


@pytest.mark.parametrize("target", LAYOUTS)
def test_a_network_alone_has_an_example_too(target, tmp_path, mlperf_network):
    folder = tmp_path / "out"
    export_to(target, from_tflite(mlperf_network), folder)
    program = build_example(target, folder, example_of(folder), "-O2")
    if target != "arduino":  # its loop never ends
        lines = run([program], cwd=folder).splitlines()
        assert lines[0] == "ready 0" and lines[1].startswith("cost 49 ")
