"""Words out of pieces of talk: what is said is the word, by more than one voice, and the same for the same numbers."""

import numpy as np
import pytest

pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")
pytest.importorskip("espeakng_loader", reason="no speech synthesizer here")

from kws.audio.files import SAMPLE_RATE_HZ, read_samples, to_int16, write_audio
from kws.speech.alignment import Aligner
from kws.speech.pronunciations import pronounce, sounds_of
from kws.speech.splicing import EDGE_S, SILENCE, SOUND_S, Sounds, Splicer, find_sounds, joined
from kws.speech.voices import Voice, synthesize

TEXTS = ("the captain took his pupils to the museum", "a computer stood beside the river",
         "few people come to the market on monday", "her sister was later than the others",
         "can you carry the copper kettle", "he is a better pewter maker")
TIMBRES = ("aunty", "belinda", "benjamin")


def talk(folder, texts=TEXTS):
    """Each sentence by each voice, with a pause before and after."""
    said = []
    for timbre in TIMBRES:
        for number, text in enumerate(texts):
            audio = synthesize(text, Voice(timbre=timbre, rate_wpm=150))
            path = folder / f"{timbre}-{number}.wav"
            write_audio(path, to_int16(np.pad(0.5 * audio / np.abs(audio).max(), SAMPLE_RATE_HZ // 2)))
            said.append((path, text))
    return said


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    return talk(tmp_path_factory.mktemp("talk"))


@pytest.fixture(scope="module")
def splicer(material):
    without = [(path, text) for path, text in material if "computer" not in text]
    return Splicer([path for path, _ in without], find_sounds(without))


def test_the_sounds_of_a_sentence_are_those_of_the_dictionary(material):
    path, text = material[1]
    sounds = find_sounds([(path, text)])
    said = [name for name in sounds_of(sounds.name[sounds.name != SILENCE])]
    assert " ".join(said).endswith("R IH V ER") and "K AH M P Y UW T ER S T UH D" in " ".join(said)
    assert sounds.name[0] == sounds.name[-1] == SILENCE
    assert np.array_equal(sounds.start[1:], np.cumsum(sounds.frames)[:-1] + sounds.start[0])  # one behind the other
    assert not ((sounds.name[1:] == SILENCE) & (sounds.name[:-1] == SILENCE)).any()


def test_what_cannot_be_aligned_has_no_sounds_and_the_others_keep_their_place(material, monkeypatch):
    (path, text), (other, second) = material[:2]
    sounds = find_sounds([(path, "zzyzzxq"), (other, second)])
    assert set(sounds.recording.tolist()) == {1}
    assert set(joined([sounds, find_sounds([(path, text)])], [2, 1]).recording.tolist()) == {1, 2}
    assert len(find_sounds([(path, "zzyzzxq")])) == 0 and len(joined([])) == 0
    broken = path.with_name("broken.wav")
    broken.write_bytes(b"no sound")
    found = find_sounds([(broken, text), (path, text), (path.with_name("none.wav"), text)])
    assert set(found.recording.tolist()) == {1}
    monkeypatch.setattr("kws.speech.splicing.LONGEST_S", 1)
    assert len(find_sounds([(path, text)])) == 0


def test_a_spliced_word_is_understood_as_that_word(splicer):
    """The aligner, which knows nothing of where the pieces are from, finds the word more likely than others."""
    aligner, wanted = Aligner(), pronounce("computer")
    better = 0
    splicer.begin()
    for number in range(10):
        rng = np.random.default_rng(number)
        audio = splicer.say(wanted, splicer.choose(wanted, rng), rng)
        samples = to_int16(np.pad(0.5 * audio / np.abs(audio).max(), SAMPLE_RATE_HZ // 2))
        scores = {text: likely(aligner, samples, text) for text in ("computer", "together", "marmalade", "sixteen")}
        better += max(scores, key=scores.__getitem__) == "computer"
    assert better >= 8


def likely(aligner, samples, text):
    """Mean score of the frames of a text laid over int16 [n]; the least if it cannot be."""
    times = aligner.sounds(samples, text)
    said = [one for one in times or () if one.name]
    return sum(one.score * one.frames for one in said) / sum(one.frames for one in said) if said else -np.inf


def test_the_same_numbers_say_the_same_and_what_was_used_is_avoided(splicer):
    wanted = pronounce("computer")

    def say():
        splicer.begin()
        rng = np.random.default_rng(5)
        chosen = [splicer.choose(wanted, rng) for _ in range(6)]
        return chosen, [splicer.say(wanted, one, rng) for one in chosen]

    (chosen, audio), (again, same) = say(), say()
    assert chosen == again and all(np.array_equal(a, b) for a, b in zip(audio, same, strict=True))
    assert len({tuple(one) for one in chosen}) == 6
    voices = {splicer.sounds.recording[place] // (len(TEXTS) - 1) for one in chosen for place in one}
    assert len(voices) > 1
    for one in audio:
        length_s = len(one) / SAMPLE_RATE_HZ - 2 * EDGE_S
        assert 0.5 * SOUND_S[0] * len(wanted) < length_s < 1.5 * SOUND_S[1] * len(wanted)
        assert one.dtype == np.float32 and np.abs(one).max() <= 1


def test_of_a_word_that_is_said_in_the_talk_long_pieces_are_taken(material):
    said = Splicer([path for path, _ in material], find_sounds(material))
    wanted = pronounce("computer")
    chosen = said.choose(wanted, np.random.default_rng(1))
    assert len(said._pieces(chosen)) <= 4
    assert [said.sounds.name[place] for place in chosen] == np.repeat(wanted, 2).tolist()


def test_sounds_that_nobody_says_are_named(material):
    few = Splicer([material[0][0]], find_sounds(material[:1]))
    assert few.lacks(pronounce("church")) == ("CH", "ER") and few.lacks(pronounce("museum")) == ()


def test_pieces_join_without_a_click():
    """A tone cut in two: where the halves are joined its phase goes on."""
    time = np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    tone = to_int16(0.3 * np.sin(2 * np.pi * 220 * time))
    from kws.speech.splicing import spliced

    first = spliced(np.zeros(0), tone, 0, 3_017, 1.0)
    audio = spliced(first, tone, 7_111, 10_000, 1.0)
    jump = np.abs(np.diff(audio)).max()
    assert jump < 1.1 * np.abs(np.diff(tone.astype(float))).max()


def test_the_levels_of_recordings_are_made_equal(tmp_path, material):
    loud, text = material[0]
    samples = read_samples(loud)
    write_audio(tmp_path / "soft.wav", (samples / 10).astype(np.int16))
    both: Sounds = find_sounds([(loud, text), (tmp_path / "soft.wav", text)])
    gains = [both.gain[both.recording == place][0] for place in (0, 1)]
    assert gains[1] == pytest.approx(10 * gains[0], rel=0.1)
