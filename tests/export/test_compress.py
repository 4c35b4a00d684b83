"""Compressed weights: the codes by hand, the exported programs against the uncompressed ones."""

from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from kws.cli import app
from kws.engine.packing import PATCH
from kws.errors import KwsError
from kws.export.compress import (
    CODE_BITS,
    build,
    candidates,
    canonical,
    code_lengths,
    compress,
    counts,
    stream_words,
    table_words,
)
from kws.export.export import export_to
from kws.export.source import compressed, from_tflite
from kws.native.build import sources
from tests.helpers.exported import compile_device, compile_host, expected_lines, random_source, run, sound
from tests.helpers.exported_network import exported_scores, rows_for, tflm_scores


def frequencies(**symbols: int) -> np.ndarray:
    """int64 [256]: minus1=3 means that -1 occurs three times."""
    found = np.zeros(256, int)
    for name, count in symbols.items():
        found[128 + int(name.replace("minus", "-").replace("plus", ""))] = count
    return found


def test_codes_by_hand():
    """0 takes one bit, 1 two, -1 and 2 three: 0, 10, 110, 111."""
    lengths = code_lengths(frequencies(plus0=8, plus1=4, minus1=2, plus2=1))
    assert lengths[[128, 129, 127, 130]].tolist() == [1, 2, 3, 3]
    codes, order = canonical(lengths)
    assert (order - 128).tolist() == [0, 1, -1, 2]
    assert codes[order].tolist() == [0b0, 0b10, 0b110, 0b111]
    numbers = np.array([2, 0, 1, -1, 0], np.int8)  # 111 0 10 110 0: 11101011 00000000
    assert stream_words(numbers, lengths).tobytes()[:2] == bytes([0b11101011, 0])


def test_a_table_by_hand():
    words = table_words(code_lengths(frequencies(plus0=8, plus1=4, minus1=2, plus2=1)))
    one = 1 << CODE_BITS
    assert words[0] == 1
    assert words[1:1 + CODE_BITS].tolist() == [one // 2, one * 3 // 4, one] + [one] * (CODE_BITS - 3)
    assert words[1 + CODE_BITS:][:4].tolist() == [0, 1 - 0b10, 2 - 0b110, 0]
    assert words[1 + 2 * CODE_BITS:].tobytes() == bytes([0, 1, 255, 2])


@pytest.mark.parametrize("frequency", [
    np.ones(256, int), np.arange(256), frequencies(plus5=9), np.array([2**min(i, 40) for i in range(256)]),
])
def test_codes_are_complete_and_not_too_long(frequency):
    lengths = code_lengths(frequency)
    used = lengths[frequency > 0]
    assert (lengths[frequency == 0] == 0).all() and used.min() >= 1 and used.max() <= CODE_BITS
    assert sum(2.0**-used) == (1 if len(used) > 1 else 0.5)


def test_no_code_is_shorter_than_the_entropy_allows():
    layers = candidates(random_source("ds_cnn").program)
    assert len(layers) > 3 and all(layer.row <= PATCH for layer in layers)
    for layer in layers:
        shares = counts([layer]) / layer.numbers.size
        entropy = -sum(p * np.log2(p) for p in shares if p)
        average = counts([layer]) @ code_lengths(counts([layer])) / layer.numbers.size
        assert entropy <= average < entropy + 1


def test_the_longest_row_is_the_kernels():
    assert f"#define KWS_PATCH {PATCH}\n" in sources()["layers.h"].read_text()
    assert f"#define KWS_CODE_BITS {CODE_BITS}\n" in sources()["huffman.h"].read_text()


@pytest.mark.parametrize("name", ["ds_cnn, one table", "cnn, a table per layer", "windowed, some layers"])
def test_a_compressed_detector_hears_the_same(name, tmp_path):
    """Networks so small that compression would not pay are compressed all the same."""
    options = {"coefficients": 12, "windowed": True} if name.startswith("windowed") else {}
    source, samples = random_source("ds_cnn" if name.startswith("ds") else "cnn", **options), sound()
    layers = candidates(source.program)
    groups = [layers] if "one" in name else [[layer] for layer in layers[:2 if "some" in name else None]]
    source = replace(source, compressed=build(source.program, groups))
    assert source.compressed.tables == len(groups) and source.longest_row > 0
    export_to("c", source, tmp_path / "out")
    lines = run([compile_host(tmp_path / "out")], cwd=tmp_path, stdin=samples.tobytes()).splitlines()
    assert lines[0] == "ready 0"
    assert [line for line in lines if line.startswith("detected")] == expected_lines(source, samples)
    compile_device(tmp_path / "out", tmp_path / "boot.elf")


def test_a_compressed_network_from_elsewhere_equals_tflm(mlperf_network, tmp_path):
    source = compressed(from_tflite(mlperf_network), force=True)
    export_to("c", source, tmp_path / "out")
    rows = rows_for(source, 5)
    assert exported_scores(tmp_path / "out", rows) == tflm_scores(source, rows)


def test_the_smaller_of_one_table_and_many_is_taken():
    program = random_source("ds_cnn").program
    ones = replace(program, pool=program.pool.copy())
    for number, layer in enumerate(candidates(ones)):  # each layer has two values of its own
        values = np.where(np.arange(layer.numbers.size) % 3, 10 * number, 10 * number + 1).astype(np.int8)
        ones.pool[layer.first:].view(np.int8)[:values.size] = values
    found = compress(ones)
    assert found.tables > 1 and found.weights_bytes > 3 * found.coded_bytes
    values = np.where(np.arange(len(ones.pool)) % 3, 7, 9) * 0x01010101  # all layers have the same two values
    for layer in candidates(ones):
        ones.pool[layer.first:].view(np.int8)[:layer.numbers.size] = values.astype("<i4").view(np.int8)[
            :layer.numbers.size]
    assert compress(ones).tables == 1


class TestWhatDoesNotPay:
    def test_is_refused(self, tmp_path):
        with pytest.raises(KwsError, match=r"compression saves nothing: 0 bytes of weights.*--force"):
            compressed(random_source("linear", coefficients=10))  # its rows are too long

    def test_is_exported_when_forced(self, tmp_path):
        source = compressed(random_source("linear", coefficients=10), force=True)
        export_to("c", source, tmp_path / "out")
        assert "ready 0" in run([compile_host(tmp_path / "out", "-O1")], cwd=tmp_path)

    def test_tflm_cannot(self, mlperf_network, tmp_path):
        result = CliRunner().invoke(app, ["export", "tflm", "--compress", "--tflite", str(mlperf_network), "--out",
                                          str(tmp_path / "out")])
        assert result.exit_code == 1 and "TFLM reads its own file" in result.stderr
        assert list(tmp_path.iterdir()) == []
