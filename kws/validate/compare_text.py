"""A comparison as text."""

from collections.abc import Sequence
from dataclasses import astuple

from kws.requirements import number
from kws.spec import Requirements
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
    """Per hour of the negatives, or else of the stream, with the 95 % interval."""
    if one.alarms is None:
        return "-"
    count, hours = one.alarms
    low, high = rate_interval(count, hours)
    return f"{number(count / hours)} ({number(low)} to {number(high)})"


def broken_lines(found: Sequence[Contender], limits: Requirements) -> list[str]:
    """Who does not meet what."""
    def told(one: Contender) -> str:
        return ", ".join(f"{each.name} ({number(each.measured or 0)}, {each.wanted})" for each in one.broken(limits))

    return [f"{one.name} does not meet {told(one)}" for one in found if one.broken(limits)]


def difference_line(pair: Difference) -> str:
    """How much better or worse, and whether that is more than chance."""
    span = f" ({pair.interval[0]:+.1f} to {pair.interval[1]:+.1f})" if pair.interval else f" (p = {pair.p:.2g})"
    verdict = "more than chance" if pair.significant else "may be chance"
    return f"{pair.what} of {pair.other} against {pair.first}: {pair.points:+.1f} points{span}: {verdict}"
