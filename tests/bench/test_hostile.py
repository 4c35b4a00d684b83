"""A few of the attacks of `scripts/check hostile`, at every run of the tests."""

import pytest

from kws.bench import (
    check_hostile,
    check_hostile_archives,
    check_hostile_sounds,
    check_import_fuzz,
    check_serial_fuzz,
)


@pytest.mark.parametrize("part", range(4))
def test_damaged_sounds_are_heard_or_refused_in_words(part):
    seeds = range(part * 40, part * 40 + 40)
    outcomes = [check_hostile_sounds.hear(check_hostile_sounds.damaged(seed)) for seed in seeds]
    assert set(outcomes) == {"heard", "refused"}


def test_hostile_archives_are_imported_whole_or_refused_in_words(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert {check_hostile_archives.attempt(seed) for seed in range(40)} == {"imported", "refused"}


def test_the_fuzzer_breeds_inputs_and_finds_nothing(capsys):
    assert check_import_fuzz.main(["--seconds", "3"]) == 0
    assert "0 raised anything but DataError" in capsys.readouterr().out


def test_the_fuzzer_of_serial_lines_finds_nothing_and_could(capsys, monkeypatch, tmp_path):
    assert check_serial_fuzz.main(["--seconds", "3"]) == 0
    assert "0 raised anything but DataError" in capsys.readouterr().out
    monkeypatch.setattr("kws.listen.serial.device.parse", lambda line: int(line))
    monkeypatch.setattr("kws.bench.check_import_fuzz.ROOT", tmp_path)
    assert check_serial_fuzz.main(["--seconds", "1"]) == 1


def test_every_attack_is_run_by_check_hostile():
    assert {"check_hostile_sounds", "check_hostile_archives"} <= set(check_hostile.parts())
