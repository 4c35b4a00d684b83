"""A comparison as text."""

from collections.abc import Sequence
from dataclasses import astuple

from kws.requirements import number
from kws.validate.compare import Contender, Difference
from kws.validate.intervals import rate_interval
from kws.validate.report import align


def table(found: Sequence[Contender]) -> str:
    """One line each: accuracy, misses, false alarms, costs."""
    rows = [["", "accuracy", "missed", "false alarms per hour", "flash", "RAM", "instructions/s"]]
    for one in found:
        costs = astuple(one.costs) if one.costs else (None, None, None)
        rows.append([one.name, "-" if one.accuracy is None else f"{100 * one.accuracy:.1f} %", missed(one),
                     false_alarms(one), *("-" if cost is None else f"{cost:,.0f}" for cost in costs)])
    return align(rows, left=(0,))


def missed(one: Contender) -> str:
    """Of the words of the stream, with the 95 % interval."""
    if one.stream is None or one.stream.miss_rate is None:
        return "-"
    low, high = one.stream.miss_interval
    return f"{100 * one.stream.miss_rate:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def false_alarms(one: Contender) -> str:
    """Per hour of the negatives, with the 95 % interval."""
    if one.false_alarms is None or one.per_hour is None:
        return "-"
    low, high = rate_interval(one.false_alarms, one.hours)
    return f"{number(one.per_hour)} ({number(low)} to {number(high)})"


def difference_line(pair: Difference) -> str:
    """How much better or worse, and whether that is more than chance."""
    span = f" ({pair.interval[0]:+.1f} to {pair.interval[1]:+.1f})" if pair.interval else f" (p = {pair.p:.2g})"
    verdict = "more than chance" if pair.significant else "may be chance"
    return f"{pair.what} of {pair.other} against {pair.first}: {pair.points:+.1f} points{span}: {verdict}"
