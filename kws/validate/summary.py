"""What a validation found on hours of sound, as text and as JSON."""

from collections import Counter
from collections.abc import Sequence

from kws.files import printable
from kws.requirements import Requirement, number
from kws.validate.curves import CURVE_RATES, CurvePoint, at_rate
from kws.validate.intervals import rate_interval
from kws.validate.negatives import FalseAlarm, NegativeResult, SourceCount
from kws.validate.report import align
from kws.validate.robustness import Condition
from kws.validate.streams import StreamResult


def negatives_report(result: NegativeResult) -> str:
    """False alarms per source and per keyword, and the worst moments."""
    rows = [["source", "hours", "false alarms", "per hour", "95 % interval", "left out"]]
    rows += [source_row(name, count) for name, count in result.per_source.items()]
    if len(result.per_source) > 1:
        rows.append(source_row("all", result.total))
    parts = [align(rows, left=(0,))]
    if result.per_keyword:
        parts.append("false alarms by keyword: " + ", ".join(f"{word} {n}" for word, n in result.per_keyword.items()))
        parts.append("worst moments:\n" + "\n".join(map(alarm_line, result.worst)))
    return "\n".join(parts)


def source_row(name: str, count: SourceCount) -> list[str]:
    low, high = rate_interval(count.false_alarms, count.hours)
    rate = number(count.false_alarms / count.hours) if count.hours else "-"
    return [name, f"{count.hours:.2f}", f"{count.false_alarms:,}", rate, f"{number(low)} to {number(high)}",
            f"{count.left_out:,}"]


def alarm_line(alarm: FalseAlarm) -> str:
    return f"  {alarm.keyword} {alarm.score:.2f} at {alarm.time_s:.1f} s of {printable(alarm.path)}"


def stream_report(result: StreamResult) -> str:
    """What became of the spoken keywords, per keyword and together."""
    rows = [["keyword", "said", "hits", "misses", "confused", "false alarms", "twice"]]
    for name in (*result.keywords, ""):
        found = result.of(name) if name else result.total
        rows.append([name or "all", *(f"{n:,}" for n in (found.events, found.hits, found.misses, found.confusions,
                                                         found.false_alarms, found.duplicates))])
    parts = [align(rows, left=(0,))]
    if result.others:
        words = ", ".join(f"{word} {count}" for word, count in Counter(result.others).most_common(8))
        parts.append(f"not judged: words of the truth that are no keywords of this run: {words}")
    if result.miss_rate is None:
        parts.append("missed: not known, the truth holds no keyword")
    else:
        low, high = result.miss_interval
        parts.append(f"missed: {100 * result.miss_rate:.1f} % ({100 * low:.1f} to {100 * high:.1f})")
    low, high = result.per_hour_interval
    parts.append(f"false alarms per hour: {number(result.per_hour)} ({number(low)} to {number(high)}) "
                 f"in {result.hours:.2f} h")
    if (median := result.latency_ms(0.5)) is not None:
        parts.append(f"from the end of a word to its detection: median {median:.0f} ms, "
                     f"95th percentile {result.latency_ms(0.95):.0f} ms")
    if result.confusions:
        parts.append("taken for another keyword: " + ", ".join(f"{said} for {heard} {n}" for (said, heard), n
                                                       in result.confusions.most_common(8)))
    return "\n".join(parts)


def curve_report(points: Sequence[CurvePoint]) -> str:
    """Misses at round rates of false alarms, all thresholds moved together."""
    rows = [["at most, per hour", "missed", "95 % interval", "false alarms per hour", "95 % interval"]]
    for rate in CURVE_RATES:
        if (found := at_rate(points, rate)) is not None:
            low, high = found.miss_interval
            rows.append([number(rate), f"{100 * found.miss_rate:.1f} %", f"{100 * low:.1f} to {100 * high:.1f}",
                         number(found.per_hour), f"{number(found.interval[0])} to {number(found.interval[1])}"])
    return "misses against false alarms, all thresholds moved together:\n" + align(rows, left=())


def robustness_report(conditions: Sequence[Condition]) -> str:
    """One line for each condition."""
    rows = [["condition", "", "accuracy", "95 % interval", "keywords missed"]]
    for one in conditions:
        low, high = one.interval
        rows.append([one.group, one.name, f"{100 * one.accuracy:.1f} %", f"{100 * low:.1f} to {100 * high:.1f}",
                     f"{one.missed:,} of {one.keywords:,}"])
    return "the same words under other conditions:\n" + align(rows, left=(0, 1))


def requirements_table(requirements: Sequence[Requirement]) -> str:
    """Every requirement: what is wanted, what was measured, whether it holds."""
    rows = [["requirement", "wanted", "measured", "verdict"]]
    for one in requirements:
        measured = "-" if one.measured is None else number(one.measured)
        verdict = f"{one.verdict}: {one.note}" if one.note else one.verdict
        rows.append([one.name, one.wanted, measured, verdict])
    return align(rows, left=(0, 1, 3))
