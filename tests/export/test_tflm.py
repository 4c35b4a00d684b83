"""The target tflm: compiled against a stand-in of TFLM, whose network is a checksum of the window."""

import json
import re
import zlib

import numpy as np
import pytest

from kws.engine.decoder import Decoder
from kws.export.export import export_to
from kws.export.golden import signal
from kws.export.source import Source, from_tflite
from kws.export.tflm import arena_bytes, operators
from kws.features.frontend import FrontendStream
from tests.helpers.exported import SANITIZE, STRICT, STUBS, random_source, run, sound

CPP = ("-std=c++17", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror")


def fake_scores(source: Source, samples: np.ndarray) -> np.ndarray:
    """int8 [decisions, labels]: what fake.cc makes of the windows."""
    rows = FrontendStream(source.plan.frontend).push(samples).view(np.uint8)
    frames, every = source.program.frames, source.program.decide_every
    scores = []
    for first in range(0, len(rows) - frames + 1, every):
        total = 1
        for number in rows[first:first + frames].ravel().tolist():
            total = (total * 31 + number) & 0xFFFFFFFF
        scores.append([(total >> 3 * i % 24 & 255) - 128 for i in range(source.labels)])
    return np.array(scores, np.int8)


def build(folder, *extra):
    """The package, the stand-in and the example as a program of this computer."""
    c_files = sorted(str(path) for path in [*folder.glob("*.c"), *folder.glob("engine/*.c")])
    (folder / "objects").mkdir()
    run(["gcc", *STRICT, *SANITIZE, "-DKWS_MODEL_CONFIG", "-I", folder, "-c", *c_files], cwd=folder / "objects")
    run(["g++", *CPP, *SANITIZE, "-I", folder, "-isystem", STUBS / "tflm", folder / "kws_net.cc",
         STUBS / "tflm" / "fake.cc", *extra, *sorted((folder / "objects").glob("*.o")), "-o", "program"], cwd=folder)
    return folder / "program"


@pytest.mark.parametrize("decide_every", [1, 3])
def test_front_end_window_and_decoder_stand_around_the_network(decide_every, tmp_path):
    source, folder, samples = random_source("cnn", decide_every=decide_every), tmp_path / "out", sound()
    export_to("tflm", source, folder)
    header = (folder / "kws_model.h").read_text()
    golden = fake_scores(source, signal(int(re.search(r"GOLDEN_SAMPLES (\d+)", header)[1])))
    crc = f"0x{zlib.crc32(golden.tobytes()):08x}u"
    (folder / "kws_model.h").write_text(re.sub(r"(KWS_GOLDEN_SCORES) \w+", rf"\1 {crc}", header))
    lines = run([build(folder)], cwd=folder, stdin=samples.tobytes()).splitlines()
    assert lines[0] == "ready 0"
    first_ms = 30 + (source.program.frames - 1) * 20
    expected = [f"detected {source.plan.labels[label]} {first_ms + hop * 20 * decide_every} {score}"
                for hop, label, score in Decoder(source.plan.decoder).push(fake_scores(source, samples))]
    assert len(expected) > 3
    assert [line for line in lines if line.startswith("detected")] == expected


DRIVE = """#include <stdio.h>
#include <stdlib.h>
#include "kws.h"
static kws_state state;
int main(int arguments, char **argument)
{
    static int16_t samples[4096];
    const size_t call = (size_t)atoi(argument[arguments - 1]);
    kws_event event;
    kws_init(&state);
    for (size_t n = fread(samples, 2, call, stdin); n > 0; n = fread(samples, 2, call, stdin)) {
        if (kws_push(&state, samples, (int32_t)n, &event) > 0) {
            printf("%lu %d %d\\n", (unsigned long)event.sample, (int)event.label, (int)event.score);
        }
    }
    return 0;
}
"""


def test_how_the_sound_is_cut_changes_nothing(tmp_path):
    source, folder = random_source("cnn"), tmp_path / "out"
    export_to("tflm", source, folder)
    (folder / "example_main.c").write_text(DRIVE)
    program, samples = build(folder), sound()
    told = {call: run([program, str(call)], cwd=folder, stdin=samples.tobytes()) for call in (1, 100, 319, 320, 700)}
    assert len(told[1].splitlines()) > 3 and set(told.values()) == {told[1]}


def test_a_network_alone(mlperf_network, tmp_path):
    source, folder = from_tflite(mlperf_network), tmp_path / "out"
    export_to("tflm", source, folder)
    (folder / "main.cc").write_text(
        '#include <cstdio>\n#include "kws_model.h"\n#include "kws_net.h"\nint main() {\n'
        "  static int8_t window[KWS_FRAMES * KWS_FEATURES];\n  int8_t scores[KWS_LABELS];\n"
        '  std::printf("%d", kws_net_init() + kws_net_init() + kws_net_run(window, scores));\n}\n')
    assert run([build(folder, "main.cc")], cwd=folder) == "0"
    assert operators(source.graph) == ["AveragePool2D", "Conv2D", "DepthwiseConv2D", "FullyConnected", "Reshape",
                                       "Softmax"]


def test_the_array_is_the_file(mlperf_network, tmp_path):
    export_to("tflm", from_tflite(mlperf_network), tmp_path / "out")
    numbers = (tmp_path / "out" / "kws_tflite.c").read_text().partition("= {")[2]
    assert bytes(int(word) for word in re.findall(r"\d+", numbers)) == mlperf_network.read_bytes()


def test_the_arena_is_the_smallest_that_works(mlperf_network, tmp_path):
    runtime = pytest.importorskip("tflite_micro").runtime
    tflite = mlperf_network.read_bytes()
    needed = arena_bytes(tflite)
    assert 22_000 < needed < 25_000  # 22,772 on a 32-bit processor
    runtime.Interpreter.from_bytes(tflite, arena_size=needed).invoke()
    with pytest.raises(RuntimeError):
        runtime.Interpreter.from_bytes(tflite, arena_size=needed - 16)
    export_to("tflm", from_tflite(mlperf_network), tmp_path / "out")
    assert json.loads((tmp_path / "out" / "export.json").read_text())["arena_bytes"] == needed + 1024


def test_a_missing_interpreter_is_named(mlperf_network, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tflite_micro", None)
    with pytest.raises(Exception, match="needs tflite-micro, which is not installed"):
        export_to("tflm", from_tflite(mlperf_network), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
