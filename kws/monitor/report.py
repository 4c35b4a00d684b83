"""The monitor's report: one HTML page without links to anywhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from html import escape

from kws.monitor.baseline import Baseline
from kws.monitor.charts import bars, steps
from kws.monitor.field_data import DAY_MS, Activations, Hours, Reference, activations, beside, of_baseline, reported
from kws.monitor.judge import WINDOW_DAYS, Finding, current, judge, references_of
from kws.monitor.store import HOUR_MS, Store
from kws.spec import Requirements
from kws.validate.metrics import poisson_interval

SHOWN_DAYS = 60
LONG_AGO_MS = 86_400_000 * 365  # a time before is one without a clock
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
h2 { margin-top: 2.4rem } h3 { margin: 1.6rem 0 .3rem } table { border-collapse: collapse; margin: .4rem 0 }
th, td { padding: .15rem .7rem; text-align: right; border-bottom: 1px solid #ddd; vertical-align: top }
td { white-space: nowrap } td.left, td:nth-child(10) { white-space: normal }
td:nth-child(10) { min-width: 9rem } .wide { overflow-x: auto }
th:first-child, td:first-child, .left { text-align: left } .bad { color: #b3261e; font-weight: 600 }
.good { color: #2e7d32 } .quiet { color: #666 } svg { max-width: 100%; height: auto }
.charts { display: flex; flex-wrap: wrap; gap: 1rem } figure { margin: 0; width: 300px }
figcaption { color: #555; font-size: .9em } tr, figure { break-inside: avoid } h2, h3 { break-after: avoid }
@media (max-width: 40rem) { th, td { padding: .15rem .4rem } td.left { min-width: 8rem } }
@media print { @page { size: A4 landscape; margin: 1cm } body { font-size: 11px; margin: 0; max-width: none }
  th, td { padding: .1rem .4rem } td:nth-child(10) { min-width: 5rem } .wide { overflow: visible } }
"""


@dataclass(frozen=True)
class Names:
    """What people call a model. by_fingerprint : such as {"0123abcd": "model 3, commands"}."""

    by_fingerprint: Mapping[str, str]

    def __call__(self, model: str) -> str:
        known = self.by_fingerprint.get(model)
        return f"{known} ({model})" if known else model


def monitor_report(store: Store, requirements: Requirements, *, now_ms: int, baselines: Mapping[str, Baseline],
                   names: Mapping[str, str], days: int = WINDOW_DAYS) -> str:
    """The page as HTML. names : of models, by their fingerprints."""
    everything, heard, name = reported(store), activations(store), Names(names)
    findings = judge(store, requirements, now_ms=now_ms, baselines=baselines, days=days)
    parts = [f"<h1>What the detectors heard</h1><p class=quiet>{date_of(now_ms)} UTC; judged are the last {days} days "
             "of each device</p>", "<h2>Findings</h2>", findings_table(findings, name),
             "<h2>Devices</h2>", device_table(everything, heard, name, store)]
    latest = current(everything)
    for (device, model), hours in latest.items():
        window = hours.between(int(hours.time_ms[-1]) - days * DAY_MS, int(hours.time_ms[-1]))
        known = references_of(hours, baselines.get(model), days=days)
        reference = known[0] if known else shown_only(baselines.get(model))
        parts += [f"<h3>{escape(device)}, {escape(name(model))}</h3>",
                  device_charts(window, reference, heard.get((device, model)))]
    parts += [f"<h3>{escape(device)}, {escape(name(model))}</h3><div class=charts>{activity(found)}</div>"
              for (device, model), found in heard.items() if (device, model) not in latest]
    parts += ["<h2>Before and after</h2>", model_table(everything, name),
              "<h2>What is stored</h2>", stored_table(store)]
    return ('<!doctype html>\n<html lang="en"><meta charset="utf-8"><meta name="viewport" '
            f'content="width=device-width, initial-scale=1"><title>kws monitor</title><style>{STYLE}</style>\n'
            + "\n".join(parts) + "\n</html>\n")


def shown_only(baseline: Baseline | None) -> Reference | None:
    """Clips one after the other: worth a look, but nothing to judge by."""
    return replace(of_baseline(baseline), source=f"{baseline.source} (not judged by)") if baseline is not None else None


def findings_table(findings: Sequence[Finding], name: Names) -> str:
    """What is wrong first; what is well in a sentence."""
    wrong = [finding for finding in findings if not finding.holds]
    if not findings:
        return "<p>No device has reported yet, so there is nothing to judge.</p>"
    well = f"<p class=good>{len(findings) - len(wrong)} of {len(findings)} checks passed.</p>"
    if not wrong:
        return well
    rows = [f"<tr><td>{escape(one.device)}</td><td class=left>{escape(name(one.model))}</td>"
            f"<td class='left bad'>{escape(one.text)}</td><td class=left>{escape(one.cure)}</td></tr>" for one in wrong]
    return (f"{well}<div class=wide><table><tr><th>device</th><th class=left>model</th>"
            f"<th class=left>what is wrong</th><th class=left>what to do</th></tr>{''.join(rows)}</table></div>")


def device_table(everything: Mapping[tuple[str, str], Hours], heard: Mapping[tuple[str, str], Activations], name: Names,
                 store: Store) -> str:
    """A line for each device and model."""
    jumps = clock_jumps(store)
    rows = []
    for key in sorted({*everything, *heard}):
        device, model = key
        hours, single = everything.get(key), heard.get(key)
        cells = [device, name(model)]
        if hours is not None:
            count, near = int(hours.detections.sum()), int(hours.near_misses.sum())
            low, high = poisson_interval(count)
            span = max(hours.total_hours, 1e-9)
            share = f"{100 * near / (near + count):.0f} %" if near + count else "none"
            cells += [f"{hours.total_hours:,.1f}", f"{count:,}",
                      f"{count / span:.2f} ({low / span:.2f} to {high / span:.2f})", share,
                      *(f"{100 * float(part.sum()) / (span * 57.6e6):.2f} %" for part in (hours.clipped, hours.lost)),
                      date_of(int(hours.time_ms[-1]))]
        elif single is not None:
            cells += ["no reports", f"{sum(single.counts):,}", "", "", "", "", date_of(single.time_ms[-1])]
        words = ", ".join(f"{word} {count:,}" for word, count in sorted(single.words.items())) if single else ""
        cells += [words, str(jumps.get(device, 0))]
        rows.append(cells)
    head = ["device", "model", "hours", "detections", "per hour", "near misses", "clipped", "lost", "last report",
            "words", "clock jumps"]
    return (table(head, rows) + "<p class=quiet>Intervals of 95 %, as if detections were independent. Near misses: of "
            "all rises that were nearly or wholly a detection. Within a start a device's own counter is believed, "
            "whatever its clock says.</p>")


def clock_jumps(store: Store) -> dict[str, int]:
    devices = dict(store.db.execute("SELECT sessions.id, name FROM sessions JOIN devices ON device_id = devices.id"))
    found: dict[str, int] = {}
    for session, jumps in store.jumps().items():
        found[devices[session]] = found.get(devices[session], 0) + len(jumps)
    return found


def device_charts(window: Hours, reference: Reference | None, single: Activations | None) -> str:
    """Detections in time, and the three histograms beside the reference."""
    source, known = (reference.source, beside(window, reference)) if reference and len(window) else (None, {})
    figures = [activity(single)] if single else []
    for field, label in (("levels", "level, steps of 6 dB up to full scale"), ("scores", "best score, above rest"),
                         ("features", "features, steps over int8")):
        rows = getattr(window, field).sum(axis=0)[int(field == "scores"):]
        there = known[field][int(field == "scores"):] if known else None
        figures.append(figure(steps(rows, there), f"{label}; blue: now" + (f", grey: {source}" if source else "")))
    missing = "" if reference else ("<p class=quiet>Nothing to compare with yet: a device is held against its first "
                                    "week with a model, or against <code>kws monitor baseline AUDIO</code>.</p>")
    return f"<div class=charts>{''.join(figures)}</div>{missing}"


def activity(single: Activations) -> str:
    """Detections by day and by hour of the day."""
    last_day = single.time_ms[-1] // DAY_MS
    first_day = max(single.time_ms[0] // DAY_MS, last_day - SHOWN_DAYS + 1)
    by_day, by_hour = [0] * (last_day - first_day + 1), [0] * 24
    for time_ms, count in zip(single.time_ms, single.counts, strict=True):
        by_hour[time_ms // HOUR_MS % 24] += count
        if time_ms // DAY_MS >= first_day:
            by_day[time_ms // DAY_MS - first_day] += count
    start = date_of(first_day * DAY_MS)[:10] if first_day * DAY_MS > LONG_AGO_MS else "the start"
    return (figure(bars(by_day), f"detections a day, from {start}")
            + figure(bars(by_hour), "detections by hour of the day, UTC"))


def model_table(everything: Mapping[tuple[str, str], Hours], name: Names) -> str:
    """Each device that had more than one model: rates with their intervals, and how often the new one detects."""
    rows = []
    devices = sorted({device for device, _ in everything})
    for device in devices:
        found = sorted(((model, hours) for (owner, model), hours in everything.items() if owner == device),
                       key=lambda item: int(item[1].time_ms[0]))
        for i, (model, hours) in enumerate(found if len(found) > 1 else ()):
            count, span = int(hours.detections.sum()), max(hours.total_hours, 1e-9)
            low, high = poisson_interval(count)
            before = found[i - 1][1] if i else None
            rows.append([device, name(model), f"{span:,.1f}",
                         f"{count / span:.2f} ({low / span:.2f} to {high / span:.2f})", ratio_of(count, span, before)])
    if not rows:
        return "<p class=quiet>No device has had two models yet.</p>"
    return table(["device", "model", "hours", "detections per hour", "of those before"], rows)


def ratio_of(count: int, span: float, before: Hours | None) -> str:
    """count per span over the rate before, with Wilson's interval of the share, which is exact given the sum."""
    from kws.validate.metrics import wilson_interval

    if before is None:
        return ""
    old, old_span = int(before.detections.sum()), max(before.total_hours, 1e-9)
    if not old or not count + old:
        return "none before"
    low, high = (share / max(1 - share, 1e-9) * old_span / span for share in wilson_interval(count, count + old))
    return f"{100 * count / span / (old / old_span):.0f} % ({100 * low:.0f} to {100 * high:.0f})"


def stored_table(store: Store) -> str:
    """What the file holds, for whoever it was heard from."""
    count = {name: store.db.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
             for name in ("devices", "sessions", "events", "reports", "clips", "quarantine")}
    labelled = store.db.execute("SELECT count(*) FROM clips WHERE label IS NOT NULL").fetchone()[0]
    oldest = min(store.offsets().values(), default=None)
    rows = [["devices", f"{count['devices']:,}", "their names"],
            ["starts", f"{count['sessions']:,}", "when, and with which model"],
            ["detections and near misses", f"{count['events']:,}", "word, time, score: no sound"],
            ["reports", f"{count['reports']:,}", "counts of an hour: no sound, no words"],
            ["clips of sound", f"{count['clips']:,}",
             f"two seconds each, kept only where --save asked for it; {labelled:,} with a label"],
            ["malformed lines", f"{count['quarantine']:,}", "their first 200 letters"]]
    since = f" The oldest start is of {date_of(oldest)}." if oldest else ""
    return (table(["what", "how many", "what it says"], rows) + f"<p>All of it lies in {escape(str(store.path))} and "
            f"where clips were saved; nothing is sent anywhere.{since} <code>kws monitor forget --keep-days 30</code> "
            "deletes what is older, <code>kws monitor forget --device NAME</code> all of a device, its clips too.</p>")


def figure(svg: str, caption: str) -> str:
    return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows]
    return ("<div class=wide><table><tr>" + "".join(f"<th>{escape(cell)}</th>" for cell in head) + "</tr>"
            + "".join(f"<tr>{line}</tr>" for line in lines) + "</table></div>")


def date_of(time_ms: int) -> str:
    """A time without a clock counts from the device's start."""
    if time_ms < LONG_AGO_MS:
        return f"{time_ms / HOUR_MS:.1f} h after its start"
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
