"""The bench of peers: a peer that hears the first second is heard itself; those that are missing are named."""

import json

import numpy as np
import pytest

from kws.audio.files import read_samples, write_audio
from kws.bench import peers, tones
from kws.data.truth import read_truth
from kws.validate.compare import read_detections


def loud(piece):
    """A peer that reports whatever is loud."""
    yield float(np.abs(piece.astype(int)).max() / 32_768)


def test_a_burst_above_the_threshold_is_one_detection():
    audio = np.zeros(10 * peers.PIECE, np.int16)
    audio[3 * peers.PIECE:6 * peers.PIECE] = 20_000
    audio[8 * peers.PIECE] = 30_000
    found = list(peers.rises(loud, 0.5, audio))
    assert [time_s for time_s, _ in found] == [4 * 0.08, 9 * 0.08] and found[1][1] == pytest.approx(30_000 / 32_768)


def test_the_stream_holds_every_word_where_the_truth_says(tmp_path):
    rng = np.random.default_rng(2)
    for k in range(3):
        write_audio(tmp_path / f"{k}.wav", tones.spoken({0.5: "low"}, seconds=1.5, rng=rng))
    peers.write_stream(sorted(tmp_path.glob("?.wav")), tmp_path / "stream.wav", "low")
    audio, truth = read_samples(tmp_path / "stream.wav"), read_truth(tmp_path / "stream.csv")
    assert [round(event.start_s, 1) for event in truth] == pytest.approx([2.0, 5.0, 8.0], abs=0.11)
    for event in truth:
        inside = audio[round(16_000 * event.start_s):round(16_000 * event.end_s)]
        assert np.abs(inside.astype(int)).max() > 4_000 and 0.1 < event.end_s - event.start_s < 0.4


def test_what_a_peer_hears_is_told_by_file_as_compare_reads_it(tmp_path):
    rng = np.random.default_rng(2)
    write_audio(tmp_path / "stream.wav", tones.spoken({0.5: "low"}, seconds=1.5, rng=rng))
    (tmp_path / "talk").mkdir()
    write_audio(tmp_path / "talk" / "a.wav", tones.spoken({}, seconds=2, rng=rng))
    write_audio(tmp_path / "talk" / "b.wav", tones.spoken({1.0: "high"}, seconds=2, rng=rng))
    peers.hear_all(tmp_path / "loud.jsonl", "low", lambda word: (loud, 0.1), tmp_path / "stream.wav", tmp_path / "talk")
    heard = read_detections(tmp_path / "loud.jsonl", ["low"])
    assert {name: len(hits) for name, hits in heard.items()} == {"stream.wav": 1, "b.wav": 1}
    assert heard["b.wav"][0].time_s == pytest.approx(1.1, abs=0.1)


def test_a_peer_that_is_not_installed_is_named_and_left_out(tmp_path, monkeypatch, capsys):
    (tmp_path / "stream.csv").write_text("start_s,end_s,keyword\n")
    (tmp_path / "talk").mkdir()
    (tmp_path / "openWakeWord.jsonl").write_text(json.dumps({"keyword": "alexa", "time_s": 1.0}) + "\n")
    monkeypatch.setattr(peers, "find_spec", lambda package: None)
    compared = []
    monkeypatch.setattr(peers, "compare", lambda run, stream, talk, found: compared.extend(path.stem for path in found))
    assert peers.main([str(tmp_path / "run"), str(tmp_path), str(tmp_path)]) == 0
    assert "microWakeWord: left out, pymicro_wakeword is not installed; pip install 'kws[peers]'" in (
        capsys.readouterr().out)
    assert compared == ["openWakeWord"], "what it heard before still counts"
