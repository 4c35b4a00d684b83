"""The drawings of a run's page, from what its files hold. In grey they are told apart by their marks and lines."""

from collections.abc import Callable, Sequence
from functools import wraps
from importlib.util import find_spec
from math import isnan
from typing import TYPE_CHECKING, ParamSpec

import numpy as np

from kws.run_metrics import Epoch, LayerQuantization
from kws.validate.figures import ConditionFigures, PointFigures
from kws.validate.html import GREY, INK, PALE, empty_figure, svg
from kws.validate.metrics import wilson_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 4.9  # inches
FEWEST_CLIPS = 3  # of a speaker, to be drawn
Arguments = ParamSpec("Arguments")


def if_installed(draw: Callable[Arguments, str]) -> Callable[Arguments, str]:
    """Nothing is drawn without matplotlib: the page then has its words and tables."""
    @wraps(draw)
    def drawn(*arguments: Arguments.args, **options: Arguments.kwargs) -> str:
        return draw(*arguments, **options) if drawable() else ""
    return drawn


def drawable() -> bool:
    return find_spec("matplotlib") is not None


def plain(axes: "Axes") -> None:
    """A logarithmic axis of rates with plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(10, numticks=6))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


@if_installed
def curve_plot(points: Sequence[PointFigures]) -> str:
    """Misses over false alarms per hour, with the bands of both."""
    drawn, (axes,) = empty_figure(WIDTH, 3.4)
    shown = [point for point in points if point.false_alarms]
    rates = [point.per_hour for point in shown]
    axes.fill_between(rates, [100 * point.miss_interval[0] for point in shown],
                      [100 * point.miss_interval[1] for point in shown], color=PALE, alpha=0.5, linewidth=0,
                      label="95 % of the misses")
    axes.plot(rates, [100 * point.miss_rate for point in shown], color=INK, marker="o", markersize=3)
    own = next((point for point in shown if point.shift == 0), None)
    if own:
        low, high = own.interval
        axes.errorbar([own.per_hour], [100 * own.miss_rate],
                      xerr=[[own.per_hour - low], [high - own.per_hour]], color="black", marker="s", capsize=4,
                      label="this run")
    axes.legend(frameon=False)
    plain(axes)
    axes.set_ylim(0, max([20.0, *(100 * point.miss_rate + 5 for point in shown)]))
    axes.set_xlabel("false alarms per hour")
    axes.set_ylabel("words missed, %")
    return svg(drawn)


@if_installed
def keyword_curve(word: str, points: Sequence[PointFigures], said: int, hours: float) -> str:
    """The same of one keyword, small; said : how often it was."""
    drawn, (axes,) = empty_figure(2.2, 1.8, size=9)
    own = [(point.per_keyword[word].misses, point.per_keyword[word].false_alarms) for point in points]
    shown = [(misses, alarms) for misses, alarms in own if alarms]
    rates = [alarms / hours for _, alarms in shown]
    bands = [wilson_interval(misses, said) for misses, _ in shown]
    axes.fill_between(rates, [100 * low for low, _ in bands], [100 * high for _, high in bands], color=PALE, alpha=0.5,
                      linewidth=0)
    axes.plot(rates, [100 * misses / said for misses, _ in shown], color=INK, linewidth=1.2)
    here = next((pair for pair, point in zip(own, points, strict=True) if point.shift == 0), None)
    if here and here[1]:
        axes.plot([here[1] / hours], [100 * here[0] / said], "s", color="black", markersize=4)
    plain(axes)
    axes.set_xlim(0.8 / hours, max(200.0, *(1.2 * rate for rate in (0, *rates))))
    axes.set_ylim(0, 60)
    axes.set_title(word, fontsize=10)
    return svg(drawn)


@if_installed
def robustness_plot(conditions: Sequence[ConditionFigures]) -> str:
    """Accuracy of every condition with its interval, and that of the clips as they are."""
    drawn, (axes,) = empty_figure(WIDTH, 0.6 + 0.24 * len(conditions))
    places = list(range(len(conditions) - 1, -1, -1))
    shares = [100 * one.accuracy for one in conditions]
    spans = [[100 * (one.accuracy - one.interval[0]) for one in conditions],
             [100 * (one.interval[1] - one.accuracy) for one in conditions]]
    axes.errorbar(shares, places, xerr=spans, fmt="o", color=INK, markersize=4, capsize=2)
    axes.axvline(shares[0], color=GREY, linewidth=1, linestyle="--")
    axes.set_yticks(places, [f"{one.group} {one.name}".strip() for one in conditions])
    axes.set_ylim(-0.7, len(conditions) - 0.3)
    axes.set_xlim(0, 100)
    axes.set_xlabel("accuracy, %")
    return svg(drawn)


@if_installed
def speakers_plot(speakers: Sequence[tuple[str, int, int]]) -> str:
    """Share of the right clips of every speaker with enough of them, the worst first. (name, clips, right)"""
    shares = sorted(100 * right / clips for _, clips, right in speakers if clips >= FEWEST_CLIPS)
    drawn, (axes,) = empty_figure(WIDTH, 2.4)
    axes.step(np.linspace(0, 100, len(shares) + 1), [shares[0], *shares], where="pre", color=INK)
    axes.set_ylim(0, 105)
    axes.set_xlim(0, 100)
    axes.set_xlabel("speakers, the least understood first, %")
    axes.set_ylabel("clips right, %")
    return svg(drawn)


@if_installed
def history_plot(epochs: Sequence[Epoch]) -> str:
    """Accuracy by epoch, or the loss where nobody measured it; the epochs on the int8 grid are shaded."""
    from matplotlib.ticker import MaxNLocator

    drawn, (axes,) = empty_figure(WIDTH, 2.6)
    numbers = np.arange(1, len(epochs) + 1)
    marker = "o" if len(epochs) < 3 else ""
    if measured := has_accuracy(epochs):
        for name, colour, line, title in (("accuracy", GREY, "--", "training, augmented clips"),
                                          ("validation_accuracy", INK, "-", "validation")):
            values = [100 * getattr(epoch, name) for epoch in epochs]
            if not all(isnan(value) for value in values):
                axes.plot(numbers, values, line, color=colour, label=title, marker=marker)
    else:
        axes.plot(numbers, [epoch.loss for epoch in epochs], "-", color=INK, label="training", marker=marker)
    on_grid = [number for number, epoch in zip(numbers, epochs, strict=True) if epoch.on_int8_grid]
    if on_grid:
        axes.axvspan(min(on_grid) - 0.5, max(on_grid) + 0.5, color=PALE, alpha=0.4, label="on the int8 grid")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epoch")
    axes.set_ylabel("accuracy, %" if measured else "loss")
    axes.legend(frameon=False, loc="lower right" if measured else "upper right")
    return svg(drawn)


def has_accuracy(epochs: Sequence[Epoch]) -> bool:
    """Whether an accuracy was measured in any of them: transfer beside talk knows its loss alone."""
    return any(not isnan(value) for epoch in epochs for value in (epoch.accuracy, epoch.validation_accuracy))


@if_installed
def noise_plot(layers: Sequence[LayerQuantization]) -> str:
    """Signal to noise of each layer: against the float network, and what its own grid would leave alone."""
    from matplotlib.ticker import MaxNLocator

    drawn, (axes,) = empty_figure(WIDTH, 2.6)
    for name, colour, mark, title in (("grid_db", GREY, "^--", "rounding to its own grid alone"),
                                      ("sqnr_db", INK, "o-", "against the float network")):
        each = [(number, getattr(one, name)) for number, one in enumerate(layers, 1)]
        known = [(number, value) for number, value in each if value is not None]
        axes.plot([number for number, _ in known], [value for _, value in known], mark, color=colour, markersize=4,
                  label=title)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylim(bottom=0)
    axes.set_xlabel("layer")
    axes.set_ylabel("signal to noise, dB")
    axes.legend(frameon=False, loc="lower right")
    return svg(drawn)


@if_installed
def moment_plot(bands: np.ndarray, hop_ms: float, times_s: np.ndarray, scores: np.ndarray,
                labels: Sequence[str]) -> str:
    """One recording: its mel bands over time, and below it the scores.

    bands : float [frames, bands], logarithms; scores : float [decisions, lines], 0..1, at times_s
    """
    drawn, (above, below) = empty_figure(WIDTH, 2.9, rows=(1.6, 1.0))
    seconds = len(bands) * hop_ms / 1000
    above.imshow(bands.T, origin="lower", aspect="auto", cmap="gray_r", extent=(0, seconds, 0, bands.shape[1]),
                 interpolation="nearest", vmin=float(bands.max()) - 9)
    above.grid(visible=False)
    above.set_ylabel("mel band")
    for k, (label, line) in enumerate(zip(labels, ("-", "--", ":", "-."), strict=False)):
        below.plot(times_s, scores[:, k], line, color=(INK, "black", GREY, PALE)[k],
                   label=label.strip("_"))
    below.set_ylim(-0.02, 1.02)
    below.set_xlim(0, seconds)
    below.set_xlabel("s")
    below.set_ylabel("score")
    below.legend(frameon=False, fontsize=8, ncols=4, loc="lower center", bbox_to_anchor=(0.5, 0.98))
    return svg(drawn)
