"""A comparison as text."""

from collections.abc import Sequence

from kws.requirements import number
from kws.validate.compare import Contender, Difference
from kws.validate.report import align


def table(found: Sequence[Contender]) -> str:
    """One line each: accuracy, misses, false alarms, costs."""
    rows = [["", "accuracy", "missed", "false alarms per hour", "flash", "RAM", "instructions/s"]]
    for one in found:
        missed = one.stream.miss_rate if one.stream else None
        costs = one.costs or {}
        rows.append([one.name, "-" if one.accuracy is None else f"{100 * one.accuracy:.1f} %",
                     "-" if missed is None else f"{100 * missed:.1f} %",
                     "-" if one.per_hour is None else number(one.per_hour),
                     *(f"{costs[name]:,.0f}" if name in costs else "-"
                       for name in ("flash_bytes", "ram_bytes", "instructions_per_second"))])
    return align(rows, left=(0,))


def difference_line(pair: Difference) -> str:
    """How much better or worse, and whether that is more than chance."""
    span = f" ({pair.interval[0]:+.1f} to {pair.interval[1]:+.1f})" if pair.interval else f" (p = {pair.p:.2g})"
    verdict = "more than chance" if pair.significant else "may be chance"
    return f"{pair.what} of {pair.other} against {pair.first}: {pair.points:+.1f} points{span}: {verdict}"
