"""The page: complete by itself, and it plays what is clicked, in a real browser."""

import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from kws.audio.files import encode
from kws.cli import app

pytest.importorskip("plotly", reason="Plotly is not installed: pip install 'kws[explore]'")
RELEASED = Path(__file__).parents[2] / "models" / "small"
WORDS = ("low", "high", "both")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace for low and high with 12 clips of each of three words, and the page on them."""
    root = tmp_path_factory.mktemp("explore") / "ws"
    assert CliRunner().invoke(app, ["new", str(root), "--keywords", "low,high"]).exit_code == 0
    rng = np.random.default_rng(0)
    time = np.arange(16_000) / 16_000
    shape = np.exp(-(((time - 0.5) / 0.12) ** 2))
    for word, tones in zip(WORDS, ((400,), (2_000,), (400, 2_000)), strict=True):
        for n in range(12):
            sound = sum(np.sin(2 * np.pi * hz * rng.uniform(0.8, 1.2) * time) for hz in tones)
            path = root / f"recordings/own/{word}/s{n % 4}_nohash_{n}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode((4_000 * shape * sound + 20 * rng.standard_normal(16_000)).astype(np.int16)))
    result = CliRunner().invoke(app, ["explore", "-C", str(root)])
    assert result.exit_code == 0, result.output
    (root / "gist.txt").write_text(result.stdout)
    return root


def test_the_gist_counts_and_names_what_is_missing(place):
    gist = (place / "gist.txt").read_text()
    assert gist.startswith("36 clips, 3 words, 4 speakers, 1 source;")
    assert "missing: clips_per_word low: 12 there, 50 required; record 38 more" in gist


def test_the_page_fetches_nothing_and_holds_every_part(place):
    text = (place / "explore.html").read_text()
    without_library = re.sub(r"<script>/\*\*.*?</script>", "", text, flags=re.S)
    assert len(text) - len(without_library) > 1_000_000
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", without_library)
    for part in ("What the requirements still miss", "How much there is", "Length, level and noise",
                 "Where the information is", "Before and after normalisation", "A map of the clips",
                 "What the cosine transform does"):
        assert f">{part}</h2>" in text
    assert text.count("data:audio/mpeg;base64,") == 36
    assert len(text) < 8_000_000


def test_single_clips_are_shown_and_one_that_cannot_be_read_is_named(place):
    clip = place / "recordings/own/low/s0_nohash_0.wav"
    result = CliRunner().invoke(app, ["explore", "-C", str(place), str(clip), "--out", str(place / "clip.html")])
    assert result.exit_code == 0 and "clip.html: 1 recording" in result.stdout
    assert "nothing wrong with it" in (place / "clip.html").read_text()
    broken = place / "broken.wav"
    broken.write_bytes(b"RIFF")
    result = CliRunner().invoke(app, ["explore", "-C", str(place), str(broken), "--out", str(place / "no.html")])
    assert result.exit_code == 1 and "broken.wav: cannot be read" in result.stderr and not (place / "no.html").exists()


def test_single_clips_take_a_run_and_no_workspace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    clip = tmp_path / "knock.wav"
    clip.write_bytes(encode(np.rint(3_000 * np.sin(np.arange(24_000) / 9)).astype(np.int16)))
    alone = CliRunner().invoke(app, ["explore", "knock.wav"])
    assert alone.exit_code == 0 and "explore.html: 1 recording" in alone.stdout, alone.output
    with_run = CliRunner().invoke(app, ["explore", "knock.wav", "--run", str(RELEASED), "--out", "scores.html"])
    assert with_run.exit_code == 0, with_run.output
    scores = ["Scores of the run" in (tmp_path / name).read_text() for name in ("explore.html", "scores.html")]
    assert scores == [False, True]
    unknown = CliRunner().invoke(app, ["explore", "knock.wav", "--run", "nothing"])
    assert unknown.exit_code == 1 and "no run 'nothing'" in unknown.stderr
    whole = CliRunner().invoke(app, ["explore"])
    assert whole.exit_code == 1 and "kws new" in whole.stderr


@pytest.mark.slow
def test_the_page_fits_a_phone(place, browser):
    """Nothing is wider than a screen of 390 pixels."""
    browser.get((place / "explore.html").as_uri())
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                            {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True})
    browser.get((place / "explore.html").as_uri())
    wide = browser.execute_script("return document.documentElement.scrollWidth")
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert wide == 390


@pytest.mark.slow
def test_a_click_plays_a_clip_by_button_and_on_the_map(place, browser):
    from selenium.webdriver.common.actions.action_builder import ActionBuilder
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    browser.get((place / "explore.html").as_uri())
    wait, line = WebDriverWait(browser, 60), browser.find_element(By.ID, "now-playing")
    wait.until(lambda b: len(b.find_elements(By.CSS_SELECTOR, ".js-plotly-plot .main-svg")) > 20)
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []

    button = browser.find_element(By.CSS_SELECTOR, "button.play")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
    button.click()
    wait.until(lambda b: line.text == f"played: {button.get_attribute('title')}")
    assert 0.9 < browser.execute_script("return player.duration") < 1.3

    point = browser.find_element(By.CSS_SELECTOR, ".scatterlayer .point")
    x, y = browser.execute_script("""
        arguments[0].scrollIntoView({block: 'center'});
        const box = arguments[0].getBoundingClientRect();
        return [box.x + box.width / 2, box.y + box.height / 2]""", point)
    hand = ActionBuilder(browser)
    hand.pointer_action.move_to_location(int(x) - 3, int(y)).pause(0.2).move_to_location(int(x), int(y)).pause(0.3)
    hand.pointer_action.click()
    hand.perform()
    wait.until(lambda b: re.fullmatch(r"play(?:ing|ed): own/\w+/s\d_nohash_\d+\.wav", line.text)
               and line.text != f"played: {button.get_attribute('title')}")
