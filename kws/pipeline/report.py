"""A run's report.html: one page without links to anywhere, from its settings and metrics."""

from collections.abc import Mapping, Sequence
from html import escape
from math import isnan

from kws.run_metrics import Epoch, Metrics, OperatingPoint, SplitAccuracy
from kws.spec import Spec

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
h2 { margin-top: 2rem } table { border-collapse: collapse } caption { text-align: left; color: #555 }
th, td { padding: .15rem .6rem; text-align: right; border-bottom: 1px solid #ddd }
th:first-child { text-align: left } svg { max-width: 100% }
"""
WIDTH, HEIGHT, LEFT, BOTTOM = 640, 260, 50, 30  # of the chart, pixels


def training_report(spec: Spec, metrics: Metrics) -> str:
    """The page as HTML."""
    parts = [
        f"<h1>{escape(metrics.model)}: {escape(', '.join(spec.keywords))}</h1>",
        f"<p>{metrics.parameters:,} trained parameters, {metrics.bytes['model.tflite']:,} bytes as model.tflite, "
        f"{metrics.bytes['model.kws']:,} bytes as model.kws. Trained for {len(metrics.epochs)} epochs in "
        f"{metrics.training_seconds / 60:.1f} minutes; the weights after the last epoch are kept.</p>",
        "<h2>Accuracy</h2>", accuracy_table(metrics.splits),
        "<h2>Training</h2>", training_chart(metrics.epochs),
        "<h2>Thresholds</h2>", threshold_table(metrics.operating_point),
    ]
    for split in ("testing", "validation"):
        found = metrics.splits[split].int8
        if found:
            parts += [f"<h2>Confusion matrix: {split}</h2>", confusion_table(found.confusion)]
    title = escape(f"kws: {metrics.model}")
    return (f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>\n'
            + "\n".join(parts) + "\n</html>\n")


def accuracy_table(splits: Mapping[str, SplitAccuracy]) -> str:
    """A line for each split and kind of network, with Wilson's interval."""
    rows = []
    for split, both in splits.items():
        for name, found in (("float, as trained", both.as_trained), ("int8, in the C engine", both.int8)):
            if found is None or found.accuracy is None:
                rows.append([f"{split}: {name}", "no clips", "", ""])
            else:
                low, high = found.interval
                rows.append([f"{split}: {name}", percent(found.accuracy), f"{percent(low)} to {percent(high)}",
                             f"{found.n:,}"])
    return table(["", "accuracy", "95 % interval", "clips"], rows)


def threshold_table(point: OperatingPoint) -> str:
    """What triggers each keyword, and what that did on the clips that it was chosen on."""
    rows = []
    for keyword, threshold in point.thresholds.items():
        found = point.per_keyword[keyword]
        rows.append([keyword, f"{threshold:.2f}", str(found.hits), str(found.misses), str(found.false_alarms)])
    return (f"<p>Scores are averaged over {point.smoothing_ms:.0f} ms. The rule: {escape(point.rule)}. On that "
            f"audio, {60 * point.hours:.0f} minutes:</p>"
            + table(["keyword", "threshold", "hits", "misses", "false alarms"], rows))


def confusion_table(confusion: Mapping[str, Mapping[str, int]]) -> str:
    """Rows are the truth, columns the decision; the share of its row colours a cell."""
    labels = list(confusion)
    lines = []
    for truth, row in confusion.items():
        total = max(1, sum(row.values()))
        cells = "".join(f'<td style="background: rgb({"0 102 204" if label == truth else "204 51 0"} / '
                        f'{0.7 * row[label] / total:.2f})">{row[label] or ""}</td>' for label in labels)
        lines.append(f"<tr><th>{escape(truth)}</th>{cells}</tr>")
    head = "".join(f"<th>{escape(label)}</th>" for label in labels)
    return ("<table><caption>Rows: what was said. Columns: what the int8 network decided.</caption>"
            f"<tr><th></th>{head}</tr>{''.join(lines)}</table>")


def training_chart(epochs: Sequence[Epoch]) -> str:
    """Accuracy by epoch as SVG."""
    curves: tuple[tuple[list[float], str, str], ...] = (
        ([epoch.accuracy for epoch in epochs], "#999", "training, augmented clips"),
        ([epoch.validation_accuracy for epoch in epochs], "#06c", "validation"))
    low = min([0.9, *(value for values, _, _ in curves for value in values if not isnan(value))])

    def place(number: int, value: float) -> str:
        x = LEFT + (WIDTH - LEFT - 10) * number / max(1, len(epochs) - 1)
        return f"{x:.1f},{10 + (HEIGHT - BOTTOM - 10) * (1 - value) / (1 - low):.1f}"

    shapes = []
    for share in (low, (1 + low) / 2, 1.0):
        y = place(0, share).split(",")[1]
        shapes.append(f'<path d="M{LEFT} {y}H{WIDTH - 10}" stroke="#ddd"/>'
                      f'<text x="{LEFT - 6}" y="{y}" text-anchor="end" dominant-baseline="middle">{share:.0%}</text>')
    for row, (values, colour, title) in enumerate(curves):
        points = " ".join(place(i, value) for i, value in enumerate(values) if not isnan(value))
        shapes.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
                      f'<text x="{WIDTH - 14}" y="{HEIGHT - BOTTOM - 28 + 18 * row}" text-anchor="end" '
                      f'fill="{colour}">{title}</text>')
    shapes.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 6}" text-anchor="middle">epoch 1 to {len(epochs)}</text>')
    return (f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" font-size="13" role="img" '
            f'aria-label="accuracy by epoch">{"".join(shapes)}</svg>')


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Cells as HTML; the first of each row is its heading."""
    lines = ["<tr>" + "".join(f"<th>{escape(cell)}</th>" for cell in head) + "</tr>"]
    lines += [f"<tr><th>{escape(row[0])}</th>" + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:]) + "</tr>"
              for row in rows]
    return f"<table>{''.join(lines)}</table>"


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"
