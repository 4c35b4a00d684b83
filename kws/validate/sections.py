"""The parts of a run's page, each from what its files hold; a part about which nothing is known is empty."""

from collections.abc import Sequence
from dataclasses import astuple
from html import escape

from kws.requirements import Requirement, broken, number
from kws.run_metrics import Accuracy
from kws.spec import Spec
from kws.validate import plots
from kws.validate.curves import CURVE_RATES
from kws.validate.failures import CLIP, Failure
from kws.validate.figures import CurvePart, Measured, NegativePart, RobustnessPart, StreamPart, WordFigures
from kws.validate.html import figure, percent, span, table
from kws.workspace import Manifest

WORST_SPEAKERS = 8


def verdict(requirements: Sequence[Requirement]) -> str:
    """One sentence, and every requirement."""
    measured = [one for one in requirements if one.holds is not None]
    missed = [one.name for one in measured if broken([one])]
    said = (f"{len(missed)} of {len(measured)} measured requirements not met: {', '.join(missed)}" if missed
            else f"All {len(measured)} requirements that were measured hold")
    missing = len(requirements) - len(measured)
    rows = []
    for one in requirements:
        mark = "open" if one.holds is None else "good" if one.holds else "bad"
        note = f"{one.verdict}: {one.note}" if one.note else one.verdict
        name = escape(one.name).replace("_", "_<wbr>")
        found = "-" if one.measured is None else number(one.measured)
        rows.append(f'<tr><td><span class="{mark}">{name}</span><br><small>{escape(note)}</small></td>'
                    f"<td>{found}</td><td>{escape(one.wanted)}</td></tr>")
    return (f'<p class="verdict">{escape(said)}{f"; {missing} not measured" if missing else ""}.</p>'
            f"<table><thead><tr><th>requirement</th><th>measured</th><th>wanted</th></tr></thead>"
            f"<tbody>{''.join(rows)}</tbody></table>")


def measured_on(part: Measured) -> str:
    """When, and on what."""
    return f'<p class="about">Measured {escape(part.date)} on {escape(part.told)}.</p>'


def curve_part(curve: CurvePart, stream: StreamPart | None) -> str:
    """Misses against false alarms: together, at round rates, and of each keyword."""
    points = curve.points
    parts = [measured_on(curve.measured),
             figure(plots.curve_plot(points), "All thresholds made stricter (left) or more lenient (right) together; "
                                              "each point is decoded anew by the device's C.")]
    rows = []
    for rate in CURVE_RATES:
        point = next((one for one in points if one.per_hour <= rate), None)
        if point is not None:
            rows.append([number(rate), percent(point.miss_rate), span(*point.miss_interval),
                         number(point.per_hour), " to ".join(map(number, point.interval))])
    parts.append(table(["at most, per hour", "missed", "95 %", "per hour", "95 %"], rows))
    per_keyword = stream.figures.per_keyword if stream else {}
    said = {word: found.events for word, found in per_keyword.items() if found.events}
    drawn = [plots.keyword_curve(word, points, n, curve.hours) for word, n in said.items()
             if any(word in point.per_keyword and point.per_keyword[word].false_alarms for point in points)]
    if any(drawn):
        parts.append("<h3>By keyword</h3>" + f'<figure><div class="small">{"".join(drawn)}</div><figcaption>Misses in '
                     "% over false alarms per hour of the keyword, with the 95 % band of the misses; the square is "
                     "this run (none where it has no false alarm).</figcaption></figure>")
    return "".join(parts)


def stream_part(part: StreamPart) -> str:
    """What became of the words of a recording."""
    found = part.figures
    whole = WordFigures(found.events, found.hits, found.misses, sum(one.count for one in found.confusions),
                        found.false_alarms, found.duplicates)
    rows = [[word, *(f"{count:,}" for count in astuple(one))]
            for word, one in (*found.per_keyword.items(), ("all", whole))]
    low, high = found.miss_interval
    told = [f"{100 * (found.miss_rate or 0):.1f} % missed ({100 * low:.1f} to {100 * high:.1f})"]
    late = found.latency_ms
    if late.median is not None:
        told.append(f"detected {late.median:.0f} ms after the end of the word (median), 95 % within "
                    f"{late.p95:.0f} ms")
    return (measured_on(part.measured) + f"<p>{'; '.join(told)}.</p>"
            + table(["keyword", "said", "hits", "misses", "confused", "false alarms", "twice"], rows, kind="dense"))


def negatives_part(part: NegativePart) -> str:
    """False alarms by source and by keyword."""
    rows = []
    for name, one in (*part.figures.per_source.items(), ("all", part.figures.total)):
        rate = "-" if one.per_hour is None else number(one.per_hour)
        rows.append([name, f"{one.hours:.2f}", f"{one.false_alarms:,}", rate,
                     " to ".join(map(number, one.interval)) if one.interval else "-"])
    words = ", ".join(f"{word} {n}" for word, n in part.figures.per_keyword.items())
    return (measured_on(part.measured) + table(["source", "hours", "false alarms", "per hour", "95 %"], rows)
            + (f"<p>By keyword: {escape(words)}.</p>" if words else ""))


def confusion_part(found: Accuracy, about: str) -> str:
    """Accuracy, and what was said against what was decided; the share of its row shades a cell."""
    lines = []
    for truth, row in found.confusion.items():
        whole = max(sum(row.values()), 1)
        cells = "".join(f'<td class="{"right" if label == truth else ""}" style="background:rgb(27 79 138 / '
                        f'{0.55 * n / whole:.2f})">{n or ""}</td>' for label, n in row.items())
        lines.append(f"<tr><th>{escape(truth)}</th>{cells}</tr>")
    head = "".join(f"<th>{escape(label)}</th>" for label in found.confusion)
    return (f"{about}<p>{percent(found.accuracy or 0.0)} of {found.n:,} clips ({span(*found.interval)}) are classified "
            "correctly. Rows: what was said; columns: what was decided.</p>"
            f'<div class="wide"><table class="matrix"><thead><tr><th></th>{head}</tr></thead>'
            f"<tbody>{''.join(lines)}</tbody></table></div>")


def robustness_part(part: RobustnessPart) -> str:
    rows = [[f"{one.group} {one.name}", percent(one.accuracy), span(*one.interval),
             f"{one.missed:,} of {one.keywords:,}"] for one in part.conditions]
    return (measured_on(part.measured)
            + figure(plots.robustness_plot(part.conditions), "Accuracy on clips that hold a word, with 95 % "
                                                             "intervals; dashed: as recorded.")
            + table(["condition", "accuracy", "95 %", "keywords missed"], rows))


def failures_part(failures: Sequence[Failure]) -> str:
    """The worst clips and false alarms, to play and to see."""
    parts = []
    for kind, title in ((CLIP, "Clips"), ("", "False alarms")):
        chosen = [one for one in failures if (one.kind == CLIP) == (kind == CLIP)]
        parts += [f"<h3>{title}</h3>"] if chosen else []
        for one in chosen:
            parts.append(f"<figure><figcaption>{escape(one.title)}</figcaption>"
                         f'<audio controls preload="none" src="{escape(one.sound)}"></audio>'
                         f"{one.picture}</figure>")
    return "".join(parts)


def speakers_part(known: Sequence[tuple[str, int, int]], about: str) -> str:
    """How evenly the clips are understood over speakers."""
    enough = [one for one in known if one[1] >= plots.FEWEST_CLIPS]
    if len(enough) < 2:
        return ""
    worst = sorted(enough, key=lambda one: (one[2] / one[1], one[0]))[:WORST_SPEAKERS]
    rows = [[name, f"{right} of {clips}"] for name, clips, right in worst]
    told = f"{len(enough)} speakers with {plots.FEWEST_CLIPS} or more clips."
    return about + figure(plots.speakers_plot(known), told) + (
        table(["least understood", "clips right"], rows))


def provenance(manifest: Manifest, spec: Spec) -> str:
    """What the run was made of."""
    seed = "-" if manifest.seed is None else str(manifest.seed)
    rows = [["command", manifest.command or "-"],
            ["clips", ", ".join(f"{split} {n:,}" for split, n in (manifest.clips or {}).items()) or "-"],
            ["fingerprint of the recordings", manifest.data_fingerprint or "-"],
            ["teachers", ", ".join(one.run for one in manifest.teachers or ()) or "none"],
            *([["teachers of talk", ", ".join(one.run for one in manifest.talk_teachers)]] if manifest.talk_teachers
              else []),
            ["operating point from", "; ".join(manifest.calibration.told if manifest.calibration else ())
             or "the training"],
            ["front end", f"{spec.frontend.window_ms} ms windows every {spec.frontend.hop_ms} ms, "
                          f"{spec.frontend.bands} mel bands, {spec.frontend.coefficients or 'no'} coefficients, int8"],
            ["network", f"{spec.model.name}, width {spec.model.width:g}"], ["seed", seed],
            ["versions", ", ".join(f"{name} {version}" for name, version in (manifest.versions or {}).items()) or "-"]]
    hashes = [[name, digest] for name, digest in sorted(manifest.files.items()) if name != "report.html"]
    return table(["", ""], rows, kind="text") + (
        table(["file", "SHA-256"], hashes, kind="text hash") if hashes else "")
