"""The plots of the page: Plotly figures from a survey. Colours differ in lightness too, kinds in pattern or mark."""

from collections import Counter
from typing import Any, TypeAlias

import numpy as np

from kws.data.corpus import SPLITS
from kws.explore.statistics import (
    BINS,
    HIGHEST,
    LOWEST,
    FeatureSums,
    after_transform,
    correlation,
    covariance,
    f_ratio,
    pair_information,
)
from kws.explore.survey import Survey, counts_by_split

# Okabe and Ito's palette, from dark to light, and signs that tell the same without colour.
COLOURS = ("#0072B2", "#E69F00", "#56B4E9", "#009E73", "#D55E00", "#CC79A7", "#F0E442", "#000000")
PATTERNS, MARKS = ("", "/", "x", ".", "\\", "-", "+", "|"), (
    "circle", "square", "diamond", "cross", "x", "triangle-up", "triangle-down", "star", "hexagon", "pentagon",
    "bowtie", "hourglass", "asterisk")
Figure: TypeAlias = Any  # of Plotly, which has no types
Trace: TypeAlias = Any
SCALE = "Cividis"
PER_ROW = 4


def chart(*traces: Trace, x: str, y: str, height: int = 380, **layout: object) -> Figure:
    """A figure with named axes."""
    import plotly.graph_objects as go

    figure = go.Figure(list(traces))
    figure.update_layout(template="simple_white", height=height, margin={"l": 60, "r": 20, "t": 30, "b": 50},
                         xaxis_title=x, yaxis_title=y, **layout)
    return figure


def bars(names: list[str], parts: dict[str, list[int]], *, x: str) -> Figure:
    """Stacked bars: for each part one number per name."""
    import plotly.graph_objects as go

    traces = [go.Bar(name=part, x=names, y=values, marker={
        "color": COLOURS[i % len(COLOURS)], "pattern": {"shape": PATTERNS[i % len(PATTERNS)], "fgcolor": "#111"}})
        for i, (part, values) in enumerate(parts.items())]
    return chart(*traces, x=x, y="clips", barmode="stack")


def word_counts(found: Survey) -> Figure:
    return bars(list(found.words), counts_by_split(found.table, found.words), x="word")


def source_counts(found: Survey) -> Figure:
    sources = sorted({clip.source for clip in found.table.clips})
    counts = Counter((clip.source, clip.split) for clip in found.table.clips)
    return bars(sources, {split: [counts[source, split] for source in sources] for split in SPLITS}, x="source")


def clips_per_speaker(found: Survey) -> Figure:
    import plotly.graph_objects as go

    each = list(Counter(clip.speaker for clip in found.table.clips).values())
    values, numbers = np.unique(each, return_counts=True)
    return chart(go.Bar(x=values, y=numbers, marker_color=COLOURS[0]), x="clips by one speaker", y="speakers")


def distribution(found: Survey, column: np.ndarray, *, x: str, bins: int = 60) -> Figure:
    """The histogram of one number of each usable clip."""
    import plotly.graph_objects as go

    counts, edges = np.histogram(column[found.usable], bins)
    return chart(go.Bar(x=(edges[:-1] + edges[1:]) / 2, y=counts, marker_color=COLOURS[0]), x=x, y="clips", bargap=0,
                 height=300)


def by_word(found: Survey, column: np.ndarray, *, y: str) -> Figure:
    """A box for each word: the middle half and the extremes but 2 %."""
    import plotly.graph_objects as go

    values = column[found.usable]
    quantiles = np.array([np.quantile(values[found.group == place], (0.02, 0.25, 0.5, 0.75, 0.98))
                          for place in range(len(found.words))]).T
    low, first, middle, third, high = quantiles
    return chart(go.Box(x=list(found.words), lowerfence=low, q1=first, median=middle, q3=third, upperfence=high,
                        marker_color=COLOURS[0]), x="word", y=y, height=320)


def tiles(names: list[str], images: list[np.ndarray], *, x: str, y: str, reverse: bool = False) -> Figure:
    """Small heat maps with one scale; each image is [rows, columns]."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    columns = min(PER_ROW, len(names))
    rows = -(-len(names) // columns)
    figure = make_subplots(rows, columns, subplot_titles=names, shared_xaxes=True, shared_yaxes=True,
                           horizontal_spacing=0.03, vertical_spacing=0.25 / max(rows, 2))
    for place, image in enumerate(images):
        figure.add_trace(go.Heatmap(z=image.astype(np.float32), coloraxis="coloraxis"), 1 + place // columns,
                         1 + place % columns)
    figure.update_layout(template="simple_white", height=90 + 190 * rows, margin={"l": 60, "r": 20, "t": 60, "b": 50},
                         coloraxis={"colorscale": SCALE, "reversescale": reverse})
    figure.update_xaxes(title_text=x, row=rows)
    figure.update_yaxes(title_text=y, col=1)
    return figure


def mean_pictures(sums: FeatureSums, words: tuple[str, ...], *, y: str, centred: bool) -> Figure:
    """The mean of each word over time and features; centred: as difference to the mean of all
    words, in standard deviations of the feature."""
    means = sums.means
    if centred:
        means = (means - means[sums.count > 0].mean(axis=0)) / np.sqrt(np.maximum(np.diag(covariance(sums)), 1e-9))
    return tiles(list(words), [mean.T for mean in means], x="frame", y=y)


def information(sums: FeatureSums, *, y: str) -> Figure:
    """F of every number that the network sees."""
    return tiles(["all words"], [f_ratio(sums.count, sums.total, sums.square).T], x="frame", y=y)


def information_by_feature(sums: FeatureSums, *, x: str) -> Figure:
    import plotly.graph_objects as go

    mean = f_ratio(sums.count, sums.total, sums.square).mean(axis=0)
    return chart(go.Bar(x=np.arange(len(mean)), y=mean, marker_color=COLOURS[0]), x=x, y="F, mean over frames",
                 height=300)


def pairs(found: Survey, *, y: str) -> Figure | None:
    """Where the information lies that tells confused words apart; None without such pairs among the words."""
    known = [(one, other) for one, other, _ in found.confused if one in found.words and other in found.words]
    if not known:
        return None
    images = [pair_information(found.own, found.words.index(one), found.words.index(other)).T for one, other in known]
    return tiles([f"{one} / {other}" for one, other in known], images, x="frame", y=y)


def before_normalisation(sums: FeatureSums, features: list[int], *, name: str) -> Figure:
    return lines(LOWEST + (HIGHEST - LOWEST) * (np.arange(BINS) + 0.5) / BINS, sums.raw, features, name=name,
                 x="natural logarithm")


def after_normalisation(sums: FeatureSums, features: list[int], *, name: str) -> Figure:
    return lines(np.arange(-128, 128), sums.grid, features, name=name, x="number on the int8 grid")


def lines(places: np.ndarray, counts: np.ndarray, features: list[int], *, name: str, x: str) -> Figure:
    """The distribution of some features as lines that differ in colour and dash."""
    import plotly.graph_objects as go

    dashes = ("solid", "dash", "dot", "dashdot", "longdash")
    traces = [go.Scatter(x=places, y=counts[feature] / counts[feature].sum(), name=f"{name} {feature}", mode="lines",
                         line={"color": COLOURS[i % len(COLOURS)], "dash": dashes[i % len(dashes)]})
              for i, feature in enumerate(features)]
    return chart(*traces, x=x, y="share", height=320)


def normality(distance: np.ndarray, *, x: str) -> Figure:
    import plotly.graph_objects as go

    return chart(go.Bar(x=np.arange(len(distance)), y=distance, marker_color=COLOURS[0]), x=x,
                 y="distance to a normal distribution", height=300)


def saturation(sums: FeatureSums, *, x: str) -> Figure:
    import plotly.graph_objects as go

    share = (sums.grid[:, [0, -1]] / sums.numbers * 100).T
    traces = [go.Bar(name=name, x=np.arange(share.shape[1]), y=values, marker={
        "color": COLOURS[i], "pattern": {"shape": PATTERNS[i], "fgcolor": "#111"}})
        for i, (name, values) in enumerate(zip(("at -128", "at 127"), share, strict=True))]
    return chart(*traces, x=x, y="% of the numbers", barmode="stack", height=300)


def band_correlation(mel: FeatureSums) -> Figure:
    """Correlations of log mel bands, and of the coefficients that the cosine transform makes of them."""
    bands = covariance(mel)
    return tiles(["log mel bands", "after the cosine transform"],
                 [np.abs(correlation(bands)), np.abs(correlation(after_transform(bands)))], x="feature", y="feature")


def clip_map(found: Survey, sounds: dict[int, str]) -> Figure:
    """Clips as points; those with a sound carry it as customdata."""
    import plotly.graph_objects as go

    group = dict(zip(found.usable.tolist(), found.group.tolist(), strict=True))
    traces = []
    for place, word in enumerate(found.words):
        points = [point for point in found.map_points if group[point.place] == place]
        names = ["/".join(found.table.clips[point.place].path.parts[-3:]) for point in points]
        traces.append(go.Scatter(
            x=[point.x for point in points], y=[point.y for point in points], name=word, mode="markers", text=names,
            hoverinfo="text", customdata=[[str(point.place), name] if point.place in sounds else []
                                          for point, name in zip(points, names, strict=True)],
            marker={"size": 8, "opacity": 0.8, "color": COLOURS[place % len(COLOURS)],
                    "symbol": MARKS[place % len(MARKS)], "line": {"width": 0.5, "color": "#111"}}))
    return chart(*traces, x="", y="", height=640)
