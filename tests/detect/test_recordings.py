"""A recording that begins and ends with its word is heard, and its times stay its own."""

import numpy as np
import soundfile

import kws
from kws.bench import tones

RATE_HZ = 16_000


def word(name="low", *, gain=1.0, seed=1):
    """int16 [6400]: a tone word in the 400 ms of a training clip."""
    return np.rint(gain * tones.spoken({0.1: name}, seconds=0.4, rng=np.random.default_rng(seed))).astype(np.int16)


def test_a_clip_that_is_nothing_but_its_word_is_detected(tone_run):
    """As a stream the detector decides about it once, and never sees a score rise; with quiet around it is heard."""
    detector = kws.load(tone_run)
    clips = [(name, word(name, seed=seed)) for seed in range(10) for name in ("low", "high")]
    found = [[hit.keyword for hit in detector.hear_blocks([clip])] for _, clip in clips]
    assert sum(names == [name] for names, (name, _) in zip(found, clips, strict=True)) >= 18
    alone = 0
    for _, clip in clips:
        detector.reset()
        alone += bool(detector.push(clip))
    assert alone < 10


def test_times_are_those_of_the_file(tone_run, tmp_path):
    recording = tones.spoken({1.0: "low", 2.0: "high"}, seconds=3, rng=np.random.default_rng(5))
    detector = kws.load(tone_run)
    expected = [(hit.keyword, hit.time_s, hit.score) for hit in detector.push(recording)]
    blocks = np.array_split(recording, 7)
    assert [(hit.keyword, hit.time_s, hit.score) for hit in detector.hear_blocks(blocks)] == expected
    soundfile.write(tmp_path / "a.flac", recording, RATE_HZ)
    assert [(hit.keyword, hit.time_s, hit.score) for hit in detector.hear(tmp_path / "a.flac")] == expected
    assert detector.quiet_samples >= RATE_HZ and detector.quiet_samples % detector.plan.frontend.hop_samples == 0


def test_a_word_at_the_very_end_is_detected_at_the_end(tone_run):
    recording = np.concatenate([np.zeros(RATE_HZ, np.int16), word()[:4_600]])
    hits = list(kws.load(tone_run).hear_blocks([recording]))
    assert [hit.keyword for hit in hits] == ["low"] and hits[0].time_s <= len(recording) / RATE_HZ
