"""The result of a validation as text: compact, without colour, readable in a pipe."""

from collections.abc import Sequence

import numpy as np

from kws.validate.clips import FLOAT, STREAMING, TFLM, ClipResult
from kws.validate.metrics import Confusion, wilson_interval

ENGINE_NAMES = {STREAMING: "int8, streaming engine", TFLM: "int8, TFLM, whole window",
                FLOAT: "float, before quantization"}
MATRIX_LABELS = 16  # more columns than this do not fit a line


def clip_report(result: ClipResult) -> str:
    """Accuracy of each engine, figures per label, confusion matrix."""
    confusion = result.confusion()
    parts = [engines_table(result), labels_table(confusion)]
    if len(confusion.labels) <= MATRIX_LABELS:
        parts.append(confusion_table(confusion))
    return "\n\n".join(parts)


def engines_table(result: ClipResult) -> str:
    """One line per engine: accuracy, its interval, and how far it is from the streaming engine."""
    rows = [["engine", "accuracy", "95 % interval", "decided otherwise than the streaming engine"]]
    for engine in result.scores:
        confusion = result.confusion(engine)
        low, high = wilson_interval(confusion.correct, confusion.n)
        difference = ""
        if engine != STREAMING:
            difference = f"{result.different_clips(engine)} of {confusion.n} clips"
        if engine == TFLM:
            difference += f", {result.different_scores(engine)} scores differ"
        rows.append([ENGINE_NAMES[engine], percent(confusion.accuracy), interval(low, high), difference])
    rows += [[ENGINE_NAMES[engine], "not run", "", why] for engine, why in result.missing.items()]
    return align(rows, left=(0, 3))


def labels_table(confusion: Confusion) -> str:
    """One line per label: clips, recall with its interval, precision, what it is most often taken for."""
    rows = [["label", "clips", "recall", "95 % interval", "precision", "most often taken for"]]
    for i, label in enumerate(confusion.labels):
        n, right = int(confusion.counts[i].sum()), int(confusion.counts[i, i])
        span = interval(*wilson_interval(right, n)) if n else "-"
        rows.append([label, str(n), percent(confusion.recall(label)), span, percent(confusion.precision(label)),
                     mistakes(confusion, i)])
    return align(rows, left=(0, 5))


def mistakes(confusion: Confusion, row: int) -> str:
    """The two labels that the label of `row` is most often taken for, with their number of clips."""
    wrong = confusion.counts[row].copy()
    wrong[row] = 0
    worst = [j for j in np.argsort(-wrong, kind="stable")[:2] if wrong[j]]
    return ", ".join(f"{confusion.labels[j]} {wrong[j]}" for j in worst)


def confusion_table(confusion: Confusion) -> str:
    """Clips by truth (rows) and decision (columns); no clips are dots."""
    short = [label[:7] for label in confusion.labels]
    rows = [["truth", *short]]
    for label, counts in zip(confusion.labels, confusion.counts, strict=True):
        rows.append([label, *(str(count) if count else "." for count in counts)])
    return "confusion matrix: rows are the truth, columns the decision\n" + align(rows, left=(0,))


def percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def interval(low: float, high: float) -> str:
    return f"{100 * low:.1f} to {100 * high:.1f} %"


def align(rows: Sequence[Sequence[str]], *, left: Sequence[int]) -> str:
    """Columns two spaces apart, to the right but for those in `left`."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) if k in left else cell.rjust(width)
                       for k, (cell, width) in enumerate(zip(row, widths, strict=True))) for row in rows]
    return "\n".join(line.rstrip() for line in lines)
