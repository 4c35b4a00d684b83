"""The target c: compiled as a stranger would compile it, it detects exactly what kws detect detects."""

import json
import re
import struct
from dataclasses import replace

import numpy as np
import pytest

from kws.engine.schedule import KINDS
from kws.errors import KwsError
from kws.export.export import export_to
from kws.run_metrics import Duty, FlashBytes, MeasuredBudget, RamBytes, Spread
from kws.spec import NETWORKS
from tests.helpers.exported import (
    CONFIGURED,
    CPUS,
    SANITIZE,
    STRICT,
    compile_device,
    compile_host,
    compilers,
    expected_lines,
    random_source,
    run,
    sound,
    sources_of,
)
from tests.helpers.paths import ROOT

FUZZER = ROOT / "kws" / "bench" / "fuzz_export.c"
SOURCES = {
    **{name: {"name": name} for name in NETWORKS}, "linear": {"name": "linear", "coefficients": 10},
    "ds_cnn": {"name": "ds_cnn", "decide_every": 2}, "windowed": {"name": "cnn", "coefficients": 12, "windowed": True},
    "after_pause": {"name": "linear", "after_pause": True},
}


@pytest.fixture(scope="module", params=SOURCES)
def exported(request, tmp_path_factory):
    """(source, folder of its package)"""
    source = random_source(**SOURCES[request.param])
    folder = tmp_path_factory.mktemp("c") / "out"
    export_to("c", source, folder)
    return source, folder


def detected(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith("detected")]


@pytest.mark.parametrize("compiler", compilers())
def test_detects_exactly_what_the_detector_detects(exported, compiler):
    source, folder = exported
    program, samples = compile_host(folder, compiler=compiler), sound()
    output = run([program], cwd=folder, stdin=samples.tobytes())
    assert output.startswith("ready 0\n")
    expected = expected_lines(source, samples)
    assert len(expected) > 3, "the sound must make the network detect something"
    assert detected(output) == expected


def test_how_the_sound_is_cut_changes_nothing(exported):
    """The fuzzer of scripts/check export_fuzz on calls of one length each, from one sample to 4,096."""
    _, folder = exported
    (folder / "main.c").write_text(
        "#include <stdio.h>\n#include <stdint.h>\nint LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);\n"
        "static uint8_t data[200000];\nint main(void)\n{\n"
        "    return LLVMFuzzerTestOneInput(data, fread(data, 1, sizeof data, stdin));\n}\n")
    library = [name for name in sources_of(folder, example=False) if name not in ("main.c", "kws_self_test.c")]
    run(["gcc", *STRICT, *SANITIZE, CONFIGURED, "-I.", *library, "main.c", FUZZER, "-o", "fuzz"], cwd=folder)
    (folder / "main.c").unlink()
    samples = sound(2)
    for call in (1, 7, 319, 320, 321, 4_096):
        calls = [samples[at:at + call] for at in range(0, len(samples), call)]
        run([folder / "fuzz"], cwd=folder,
            stdin=b"".join(struct.pack("<H", len(part)) + part.astype("<i2").tobytes() for part in calls))


def test_every_line_is_of_the_protocol(exported):
    _, folder = exported
    output = run([compile_host(folder)], cwd=folder, stdin=sound(12).tobytes())
    for line in output.splitlines():
        assert re.fullmatch(r"ready 0|detected \w+ \d+ \d+|cost \d+ \d+|(session|report) 1 [0-9a-f]{8} .*", line), line
    hops = [int(line.split()[1]) for line in output.splitlines() if line.startswith("cost")]
    assert len(hops) == 2 and sum(hops) == 12 * 50


def test_a_wrong_constant_fails_the_self_test(tmp_path):
    export_to("c", random_source("linear", coefficients=10), tmp_path / "out")
    header = (tmp_path / "out" / "kws_model.h").read_text()
    for name, code in (("FEATURES", 2), ("SCORES", 4), ("DETECTIONS", 8)):
        (tmp_path / "out" / "kws_model.h").write_text(re.sub(rf"(KWS_GOLDEN_{name}) \w+", r"\1 1u", header))
        with pytest.raises(AssertionError, match=f"ready {code}"):
            run([compile_host(tmp_path / "out", "-O0")], cwd=tmp_path)


def test_only_the_kernels_of_this_network_are_named(exported):
    source, folder = exported
    header = (folder / "kws_model.h").read_text()
    used = {int(kind) for kind in np.unique([op.kind for op in source.program.ops])}
    left_out = re.findall(r"#define KWS_WITHOUT_(\w+)", header)
    assert {KINDS[name] for name in left_out} == set(KINDS.values()) - used and len(left_out) == len(KINDS) - len(used)


def test_is_a_program_for_a_device(exported):
    """Nothing is missing (no heap, no stdio, three functions of a C library), and the state is as large as promised."""
    _, folder = exported
    for cpu in CPUS if folder.parent.name.startswith("c0") else ("cortex_m4",):
        compile_device(folder, folder / "boot.elf", cpu=cpu)
        assert state_bytes(folder / "boot.elf") == json.loads((folder / "export.json").read_text())["state_bytes"]


def state_bytes(elf):
    from elftools.elf.elffile import ELFFile

    with open(elf, "rb") as file:
        return ELFFile(file).get_section_by_name(".symtab").get_symbol_by_name("state")[0]["st_size"]


def test_headers_serve_cpp(exported):
    _, folder = exported
    (folder / "use.cpp").write_text('#include "kws.h"\n#include "kws.h"\nkws_state state;\n'
                                    "int main() { return kws_self_test(&state) + *kws_label(0) * 0; }\n")
    library = folder / "libkws.a"
    run(["make", "-s", "libkws.a"], cwd=folder)
    run(["g++", "-std=c++11", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", "-I.", "use.cpp",
         library, "-o", "use"], cwd=folder)
    (folder / "use.cpp").unlink()
    run([folder / "use"], cwd=folder)


def test_make_check_passes(exported):
    _, folder = exported
    assert "ready 0" in run(["make", "check"], cwd=folder)


def test_the_readme_says_what_was_measured_when_the_run_was_trained(tmp_path):
    device = MeasuredBudget(
        cpu="cortex-m4", instructions_per_hop=Spread(min=1, median=123_456, max=234_567),
        instructions_per_second=6_172_800, flash_bytes=FlashBytes(code=8_100, model=9),
        ram_bytes=RamBytes(state=9, stack=520), requirements=(), stages={}, hop_ms=20.0,
        duty=Duty(percent=1.0, clock_mhz=64.0, cycles_per_instruction=1.4), toolchain="none", hops=1, audio="nothing")
    source = random_source("cnn")
    for name, measured in (("without", None), ("with", device)):
        export_to("c", replace(source, device=measured), tmp_path / name)
    assert "emulated cortex-m4" not in (tmp_path / "without" / "README.md").read_text()
    text = (tmp_path / "with" / "README.md").read_text()
    for figure in ("emulated cortex-m4", "123,456 instructions per hop (at most 234,567)", "6,172,800 per second",
                   "8,100 bytes of code, 520 bytes of stack"):
        assert figure in text


def test_the_same_run_gives_the_same_bytes(tmp_path):
    source = random_source("cnn")
    for name in ("a", "b"):
        export_to("c", source, tmp_path / name)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert len(files) > 20
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_replaces_only_an_older_export_and_only_when_told(tmp_path):
    source = random_source("cnn")
    (tmp_path / "out").mkdir()
    export_to("c", source, tmp_path / "out")
    with pytest.raises(KwsError, match=r"already exists.*--force"):
        export_to("c", source, tmp_path / "out")
    (tmp_path / "out" / "old.txt").write_text("old")
    export_to("c", source, tmp_path / "out", force=True)
    assert not (tmp_path / "out" / "old.txt").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "precious.txt").write_text("precious")
    with pytest.raises(KwsError, match=r"holds no export\.json"):
        export_to("c", source, tmp_path / "mine", force=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "out"]


def test_an_unknown_target_is_named_with_the_known_ones(tmp_path):
    with pytest.raises(KwsError, match=r"'pic16'.* c"):
        export_to("pic16", random_source("cnn"), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_plan_that_breaks_a_rule_is_not_exported(tmp_path):
    source = random_source("cnn")
    bad = replace(source.plan, program=replace(source.program, pool=source.program.pool[:10]))
    with pytest.raises(KwsError, match="the engine cannot run the network"):
        export_to("c", replace(source, plan=bad, program=bad.program), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
