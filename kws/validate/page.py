"""The result of a validation as one HTML page that needs nothing else: the verdict first, then what it rests on."""

import base64
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from kws.audio.files import encode
from kws.requirements import Requirement, broken, number
from kws.validate.curves import CurvePoint
from kws.validate.metrics import Confusion
from kws.validate.negatives import NegativeResult, moment
from kws.validate.robustness import Condition
from kws.validate.run import Outcome
from kws.validate.streams import StreamResult
from kws.validate.summary import source_row
from kws.workspace import read_manifest

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 1.5rem auto; padding: 0 1rem; color: #222 }
h1 { line-height: 1.2 } h2 { margin-top: 2.2rem } .verdict { font-size: 1.2rem; font-weight: 600 }
.wide { overflow-x: auto } table { border-collapse: collapse } td, th { padding: .2rem .7rem .2rem 0; text-align: right;
border-bottom: 1px solid #ddd; white-space: nowrap } td:first-child, th:first-child, td.text { text-align: left }
td.text { white-space: normal; min-width: 9rem }
.bad { font-weight: 700 } .bad::before { content: "\\2717 " } .good::before { content: "\\2713 " }
svg { max-width: 100%; height: auto } audio { height: 2rem }
@media print { h2 { break-after: avoid }
table, svg { break-inside: avoid } audio { display: none } }
"""
INK, GREY = "#1b4f8a", "#777777"


def page(run: Path, outcome: Outcome, conditions: Sequence[Condition]) -> str:
    """The page as HTML."""
    manifest = read_manifest(run)
    parts = [f"<h1>{escape(run.name)}: {escape(', '.join(manifest.get('spec', {}).get('keywords', [])))}</h1>",
             f"<p>Trained {escape(str(manifest['created_utc'])[:10])}.</p>", verdict(outcome.requirements)]
    if outcome.curve:
        parts += ["<h2>Misses against false alarms</h2>", curve_plot(outcome.curve)]
    if outcome.stream:
        parts += ["<h2>A recording with its truth</h2>", stream_part(outcome.stream)]
    if outcome.negatives:
        parts += ["<h2>Hours without keywords</h2>", negatives_part(outcome.negatives)]
    if outcome.clips:
        parts += [f"<h2>Clips: {escape(outcome.clips.source)}</h2>", clips_part(outcome.clips.result.confusion())]
    if conditions:
        parts += ["<h2>The same words otherwise</h2>", robustness_plot(conditions), robustness_table(conditions)]
    parts += ["<h2>Where it comes from</h2>", provenance(manifest)]
    return ('<!doctype html>\n<html lang="en"><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width">'
            f"<title>{escape(run.name)}: validation</title><style>{STYLE}</style>\n" + "\n".join(parts) + "\n</html>\n")


def verdict(requirements: Sequence[Requirement]) -> str:
    """One sentence, and every requirement."""
    measured = [one for one in requirements if one.holds is not None]
    missed = [one.name for one in measured if broken([one])]
    said = (f"{len(missed)} of {len(measured)} measured requirements not met: {', '.join(missed)}" if missed
            else f"All {len(measured)} requirements that were measured hold")
    missing = len(requirements) - len(measured)
    rows = [[one.name, one.verdict, "-" if one.measured is None else number(one.measured), one.wanted, one.note]
            for one in requirements]
    marks = ["" if one.holds is None else "good" if one.holds else "bad" for one in requirements]
    return (f'<p class="verdict">{escape(said)}{f"; {missing} not measured" if missing else ""}.</p>'
            + table(["requirement", "", "measured", "wanted", ""], rows, marks=marks))


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, marks: Sequence[str] = ()) -> str:
    """Cells as HTML; marks : a class for the second cell of each row."""
    lines = ["<tr>" + "".join(f"<th>{escape(cell)}</th>" for cell in head) + "</tr>"]
    for i, row in enumerate(rows):
        cells = [f'<td class="{marks[i]}">{escape(cell)}</td>' if marks and k == 1 else
                 f'<td class="text">{escape(cell)}</td>' if marks and k == 4 else f"<td>{escape(cell)}</td>"
                 for k, cell in enumerate(row)]
        lines.append("<tr>" + "".join(cells) + "</tr>")
    return f'<div class="wide"><table>{"".join(lines)}</table></div>'


def svg(figure: Any) -> str:
    """A figure of matplotlib as inline SVG; the same figure gives the same text."""
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    return text[text.index("<svg"):]


def figure_of(width: float, height: float) -> tuple[Any, Any]:
    """An empty plot in the page's manner; text stays text."""
    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "kws", "font.size": 11,
                                "font.family": "sans-serif"})
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.grid(color="#dddddd")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes


def curve_plot(points: Sequence[CurvePoint]) -> str:
    """Misses over false alarms per hour, with the bands of both."""
    from matplotlib.ticker import FuncFormatter

    figure, axes = figure_of(7.5, 4.2)
    shown = [point for point in points if point.false_alarms]
    rates = [point.per_hour for point in shown]
    axes.fill_between(rates, [100 * point.miss_interval[0] for point in shown],
                      [100 * point.miss_interval[1] for point in shown], color=INK, alpha=0.18, linewidth=0)
    axes.plot(rates, [100 * point.miss_rate for point in shown], color=INK, marker="o", markersize=3)
    own = next((point for point in shown if point.shift == 0), None)
    if own:
        low, high = own.interval
        axes.errorbar([own.per_hour], [100 * own.miss_rate], xerr=[[own.per_hour - low], [high - own.per_hour]],
                      color="black", marker="s", capsize=4, label="this run")
        axes.legend(frameon=False)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_ylim(0, max([20.0, *(100 * point.miss_rate + 5 for point in shown)]))
    axes.set_xlabel("false alarms per hour")
    axes.set_ylabel("words missed, %")
    return svg(figure)


def stream_part(result: StreamResult) -> str:
    """Per keyword and together."""
    rows = []
    for name in (*result.keywords, ""):
        found = result.of(name) if name else result.total
        rows.append([name or "all", *(f"{n:,}" for n in (found.events, found.hits, found.misses, found.confusions,
                                                         found.false_alarms, found.duplicates))])
    low, high = result.miss_interval
    told = [f"{100 * (result.miss_rate or 0):.1f} % missed ({100 * low:.1f} to {100 * high:.1f})"]
    if (median := result.latency_ms(0.5)) is not None:
        told.append(f"detected {median:.0f} ms after the end of the word, 95 % within {result.latency_ms(0.95):.0f} ms")
    return f"<p>{'; '.join(told)}.</p>" + table(["keyword", "said", "hits", "misses", "confused", "false alarms",
                                                 "twice"], rows)


def negatives_part(result: NegativeResult) -> str:
    """By source, by keyword, and the worst moments to play."""
    rows = [source_row(name, count) for name, count in (*result.per_source.items(), ("all", result.total))]
    parts = [table(["source", "hours", "false alarms", "per hour", "95 % interval", "left out"], rows)]
    if result.worst:
        parts.append("<p>By keyword: " + escape(", ".join(f"{word} {n}" for word, n in result.per_keyword.items()))
                     + ".</p><h3>The worst moments</h3>")
    for alarm in result.worst:
        sound = base64.b64encode(encode(moment(alarm), "FLAC")).decode()
        parts.append(f"<p>{escape(alarm.keyword)} {alarm.score:.2f} at {alarm.time_s:.1f} s of "
                     f"{escape(alarm.path.name)}<br><audio controls preload=none "
                     f'src="data:audio/flac;base64,{sound}"></audio></p>')
    return "".join(parts)


def clips_part(confusion: Confusion) -> str:
    """Accuracy, and what was said against what was decided."""
    found = confusion.figures()
    low, high = found.interval
    rows = [[label, *(str(n) if n else "" for n in counts)]
            for label, counts in zip(confusion.labels, confusion.counts.tolist(), strict=True)]
    return (f"<p>{100 * (found.accuracy or 0.0):.1f} % of {found.n:,} clips ({100 * low:.1f} to {100 * high:.1f}). "
            "Rows: what was said; columns: what was decided.</p>" + table(["", *confusion.labels], rows))


def robustness_plot(conditions: Sequence[Condition]) -> str:
    """Accuracy of every condition with its interval, and that of the clips as they are."""
    figure, axes = figure_of(7.5, 0.6 + 0.27 * len(conditions))
    places = range(len(conditions) - 1, -1, -1)
    shares = [100 * one.accuracy for one in conditions]
    spans = [[100 * (one.accuracy - one.interval[0]) for one in conditions],
             [100 * (one.interval[1] - one.accuracy) for one in conditions]]
    axes.errorbar(shares, list(places), xerr=spans, fmt="o", color=INK, markersize=4, capsize=2)
    axes.axvline(shares[0], color=GREY, linewidth=1, linestyle="--")
    axes.set_yticks(list(places), [f"{one.group} {one.name}".strip() for one in conditions])
    axes.set_xlim(0, 100)
    axes.set_xlabel("accuracy, %")
    return svg(figure)


def robustness_table(conditions: Sequence[Condition]) -> str:
    rows = [[f"{one.group} {one.name}", f"{100 * one.accuracy:.1f} %",
             f"{100 * one.interval[0]:.1f} to {100 * one.interval[1]:.1f}", f"{one.missed:,} of {one.keywords:,}"]
            for one in conditions]
    return table(["condition", "accuracy", "95 % interval", "keywords missed"], rows)


def provenance(manifest: dict[str, Any]) -> str:
    """What the run was made of."""
    rows = [["command", str(manifest.get("command", "-"))], ["trained", str(manifest["created_utc"])],
            ["recordings", str(manifest.get("data_fingerprint", "-"))], ["seed", str(manifest.get("seed", "-"))],
            ["operating point from", "; ".join((manifest.get("calibration") or {}).get("from", [])) or "the training"]]
    rows += [[name, digest] for name, digest in sorted(manifest["files"].items())]
    return table(["", ""], rows)
