"""The picture of kws listen: what stands where, in terminals of every size, with and without colours."""

import io
import re

import numpy as np
import pytest
from rich.console import Console

import kws
from kws.bench import tones
from kws.detect.detector import Detection
from kws.features.frontend import Frontend, measure_normalisation
from kws.features.tables import build_tables
from kws.listen.display import Display, MelView, bar_cells, heat, usual_range
from kws.listen.session import Status
from kws.spec import FrontendSpec

STATUS = Status(elapsed_s=83, peak_db=-12, rms_db=-30, hint=None, latency_s=0.14, load=0.034, overflows=1, lost=False)


@pytest.fixture(scope="module")
def detector(tone_run):
    return kws.load(tone_run)


@pytest.fixture(scope="module")
def hops(detector):
    """6 s with a low tone at 4.5 s: the last column is what was heard last."""
    detector.reset()
    return detector.watch(tones.spoken({4.5: "low"}, seconds=6, rng=np.random.default_rng(2)))


def draw(detector, *, width=100, height=30, colours="truecolor", steps=()):
    """The lines of a picture without control sequences, and the raw text."""
    console = Console(file=io.StringIO(), force_terminal=True, color_system=colours, width=width, height=height)
    now = [10.0]
    display = Display(detector, title="tones", console=console, clock=lambda: now[0])
    for step in steps:
        step(display)
    raw = "\n".join(display.frame(width, height))
    return re.sub(r"\x1b\[[\d;]*m", "", raw).split("\n"), raw


def found(keyword, score=0.87):
    return lambda display: display.hit(Detection(keyword, 1.0, score))


def test_the_whole_picture(detector, hops):
    lines, _ = draw(detector, steps=[lambda d: d.hops(hops), found("low"), lambda d: d.status(STATUS)])
    assert lines[0].startswith(" kws listen   tones") and lines[0].rstrip().endswith("1:23")
    assert lines[1].startswith(" level  ██") and lines[1].rstrip().endswith("-30 dB, peak  -12 dB")
    assert sum(line.count("▀") for line in lines) == 91 * sum("▀" in line for line in lines) > 91 * 10
    assert any(line.rstrip().endswith("low▴") for line in lines)
    assert re.search(r"low +[█▏▎▍▌▋▊▉·│]+ 0\.\d\d +\d\d:\d\d:\d\d  low +0\.87", "\n".join(lines))
    assert "latency 140 ms   load  3.4 % of a core   1 overflow " in lines[-1] and len(lines) == 30


@pytest.mark.parametrize(("width", "height"), [(20, 5), (40, 10), (60, 16), (79, 24), (200, 60), (300, 12)])
@pytest.mark.parametrize("colours", ["truecolor", "standard", None])
def test_every_size_fits(detector, hops, width, height, colours):
    steps = [lambda d: d.hops(hops), found("high"), lambda d: d.status(STATUS)]
    lines, _ = draw(detector, width=width, height=height, colours=colours, steps=steps)
    assert len(lines) <= height and max(map(len, lines)) <= width


def test_a_tone_is_bright_where_it_was(detector, hops):
    """The spectrogram without colours: five shades, the low tone at the bottom, a quarter from the right end."""
    lines, _ = draw(detector, colours=None, steps=[lambda d: d.hops(hops)])
    dark = np.array([[" ░▒▓█".index(c) for c in line[8:].ljust(91)] for line in lines if set(line[8:]) & set("░▒▓█")
                     and "·" not in line])
    brightest = np.unravel_index(dark.argmax(), dark.shape)
    assert dark.max() == 4 and brightest[0] > len(dark) * 0.6
    assert 0.70 < brightest[1] / 91 < 0.85


def test_colours_are_those_that_the_terminal_has(detector, hops):
    def spectrogram(colours):
        raw = draw(detector, colours=colours, steps=[lambda d: d.hops(hops)])[1]
        return "".join(line for line in raw.split("\n") if "▀" in line)

    assert "48;2;" in spectrogram("truecolor")
    assert "48;5;" in spectrogram("256") and "48;2;" not in spectrogram("256")
    assert "[3" in spectrogram("standard") and "48;" not in spectrogram("standard")
    assert spectrogram(None) == ""


def test_what_needs_attention_has_a_line(detector):
    quiet = Status(**{**STATUS.__dict__, "hint": "too quiet for the model"})
    assert "too quiet for the model" in draw(detector, steps=[lambda d: d.status(quiet)])[0][-2]
    noted = draw(detector, steps=[lambda d: d.status(quiet), lambda d: d.note("device lost")])[0][-2]
    assert noted.startswith(" ! device lost")
    assert "waiting for sound" in draw(detector)[0][-1]


def test_newest_detections_first_and_as_many_as_fit(detector):
    lines, _ = draw(detector, steps=[found("low", score) for score in (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)])
    scores = re.findall(r"\d\d:\d\d:\d\d  low +(\d\.\d\d)", "\n".join(lines))
    assert scores == ["0.95", "0.90", "0.80", "0.70", "0.60"]
    lines, _ = draw(detector, height=50, steps=[found("low")] * 30)  # what the spectrogram leaves
    assert len(re.findall(r"\d\d:\d\d:\d\d  low", "\n".join(lines))) == 50 - 9 - 20


def test_bars():
    assert bar_cells(0.5, 4) == "██  " and bar_cells(0, 3) == "   " and bar_cells(2, 3) == "███"
    assert bar_cells(1 / 8, 1) == "▏" and bar_cells(0.3, 5) == "█▌   "


def test_the_scale_of_the_spectrogram():
    assert heat(0) == "#080810" and heat(1) == "#fae68c"
    low, high = usual_range(np.concatenate([np.full((90, 4), 0.4), np.full((10, 4), 0.9)]))
    assert 0.3 < low < 0.4 and 0.85 < high < 0.95
    low, high = usual_range(np.full((5, 4), 0.7))  # steady noise is dark however loud
    assert (0.7 - low) / (high - low) < 0.2


def test_cepstral_coefficients_are_shown_as_mel_bands():
    rng = np.random.default_rng(1)
    clips = np.stack([tones.spoken({0.1: "high"}, seconds=0.4, rng=rng) for _ in range(20)])
    shown = []
    for coefficients in (0, 20):
        spec = FrontendSpec(clip_ms=400, coefficients=coefficients)
        tables = build_tables(spec, measure_normalisation(spec, clips))
        row = Frontend(tables).extract(clips[:1])[0][9]
        shown.append(MelView(tables).levels(row))
    assert [len(levels) for levels in shown] == [40, 40] and abs(int(shown[1].argmax()) - 24) <= 4
