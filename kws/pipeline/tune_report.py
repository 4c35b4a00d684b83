"""What a search found: a table, a plot of accuracy against cost, and a page that holds both."""

import base64
import io
from collections.abc import Sequence
from html import escape
from math import nan
from typing import TYPE_CHECKING

from kws import records
from kws.pipeline.choices import Cost
from kws.pipeline.tune import FINISHED, REFUSED, Candidate, Tuned, limit_of
from kws.records import Json
from kws.requirements import Requirement
from kws.spec import NETWORKS
from kws.validate.gate import against, from_counts, from_device, gate
from kws.validate.html import document, percent
from kws.validate.html import table as html_table
from kws.validate.summary import requirements_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#777777", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
MARKERS = "soD^vPX*"
COLUMNS = ("number", "candidate", "accuracy", "95 % interval", "instructions/s", "flash", "RAM", "status")
TO_THE_LEFT = ("candidate", "status")


def rows(tuned: Tuned) -> list[list[str]]:
    """A line for each trained candidate, the cheapest first: COLUMNS. Status: chosen, on the front, or nothing."""
    found = []
    trained = [candidate for candidate in tuned.candidates if candidate.state == FINISHED]
    for candidate in sorted(trained, key=lambda one: one.cost(tuned.search.cost) or 0.0):
        status = "chosen" if candidate == tuned.chosen else "front" if candidate in tuned.front else ""
        low, high = candidate.interval
        costs = [candidate.cost(kind) for kind in Cost]
        found.append([str(candidate.number), str(candidate), percent(candidate.accuracy),
                      f"{100 * low:.1f} to {100 * high:.1f}",
                      *("-" if cost is None else f"{cost:,.0f}" for cost in costs), status])
    return found


def text(tuned: Tuned) -> str:
    """The table for a terminal, and what was refused."""
    lines = [list(COLUMNS), *rows(tuned)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(COLUMNS))]
    printed = ["  ".join(cell.ljust(width) if title in TO_THE_LEFT else cell.rjust(width)
                         for title, cell, width in zip(COLUMNS, line, widths, strict=True)).rstrip()
               for line in lines]
    return "\n".join([*printed, "", requirements_table(requirements_of(tuned)), "", outcome(tuned)])


def outcome(tuned: Tuned) -> str:
    """What was looked at, which candidate is chosen, and which requirements it misses, in a few sentences."""
    states = [candidate.state for candidate in tuned.candidates]
    said = (f"{states.count(FINISHED)} candidates trained for {epochs_of(tuned)}, {states.count(REFUSED)} "
            f"refused before training. Chosen: candidate {tuned.chosen.number}, {tuned.chosen}: "
            f"{percent(tuned.chosen.accuracy)} of {tuned.chosen.n:,} validation clips, int8 in the C engine.")
    missed = [str(requirement) for requirement in missed_by(tuned)]
    return " ".join([said, *(f"The choice misses a requirement of kws.toml: {line}." for line in missed)])


def epochs_of(tuned: Tuned) -> str:
    return "1 epoch" if tuned.search.epochs == 1 else f"{tuned.search.epochs} epochs"


def requirements_of(tuned: Tuned) -> tuple[Requirement, ...]:
    """Every requirement of kws.toml against the chosen candidate, after its short training."""
    limits = tuned.spec.requirements
    note = f"on validation clips, after {epochs_of(tuned)}; kws train takes {tuned.spec.training.epochs}"
    accuracy = against(limits, "accuracy_percent", 100 * tuned.chosen.accuracy, note=note)
    device = from_device(tuned.chosen.budget, limits) if tuned.chosen.budget else []
    return gate(limits, [*device, *from_counts(tuned.data, limits), accuracy])


def missed_by(tuned: Tuned) -> list[Requirement]:
    """The requirements that the chosen candidate does not meet, or may not meet, after its short training."""
    return [requirement for requirement in requirements_of(tuned) if requirement.holds is False]


def to_json(tuned: Tuned) -> dict[str, Json]:
    """Everything, for machines."""
    return {"cost": tuned.search.cost, "limit": limit_of(tuned.spec.requirements, tuned.search.cost),
            "epochs": tuned.search.epochs, "notes": list(tuned.notes),
            "candidates": [candidate_json(candidate) for candidate in tuned.candidates],
            "front": [candidate.number for candidate in tuned.front], "chosen": tuned.chosen.number,
            "missed": [requirement.to_json() for requirement in missed_by(tuned)],
            "requirements": [requirement.to_json() for requirement in requirements_of(tuned)]}


def candidate_json(candidate: Candidate) -> dict[str, Json]:
    costs = {"instructions_per_second": candidate.cost(Cost.INSTRUCTIONS), "flash_bytes": candidate.cost(Cost.FLASH),
             "ram_bytes": candidate.cost(Cost.RAM)}
    return {"number": candidate.number, "state": candidate.state, "settings": records.to_json(candidate.settings),
            **costs, "refusal": candidate.refusal, "accuracy": candidate.accuracy, "interval": list(candidate.interval),
            "n": candidate.n, "seconds": candidate.seconds}


def plot(tuned: Tuned) -> bytes:
    """Accuracy against cost as PNG: every trained candidate by network, the front, the limits, the chosen one."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6.4), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    draw_candidates(axes, tuned)
    draw_front(axes, tuned)
    draw_limits(axes, tuned)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, place: short(value))
    axes.xaxis.set_minor_formatter(lambda value, place: short(value) if str(value)[0] in "25" else "")
    axes.set_xlabel(f"{tuned.search.cost.unit} (logarithmic)")
    axes.set_ylabel("accuracy on the validation split, int8 in the C engine (%)")
    axes.set_title(f"{', '.join(tuned.spec.keywords)[:70]}: {tuned.search.epochs} epochs each, bars: 95 % intervals",
                   fontsize=10)
    axes.grid(alpha=0.25)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=9)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()


def costs_of(candidates: Sequence[Candidate], cost: Cost) -> list[float]:
    """nan if it was not measured: not drawn."""
    found = [one.cost(cost) for one in candidates]
    return [nan if value is None else value for value in found]


def draw_candidates(axes: "Axes", tuned: Tuned) -> None:
    """A mark with its interval for each trained candidate, a short stroke at the bottom for each refused one."""
    cost = tuned.search.cost
    for place, network in enumerate(NETWORKS):
        points = [one for one in tuned.candidates if one.state == FINISHED and one.settings.name == network]
        if points:
            below, above = zip(*((one.accuracy - one.interval[0], one.interval[1] - one.accuracy) for one in points),
                               strict=True)
            axes.errorbar(costs_of(points, cost), [100 * one.accuracy for one in points],
                          yerr=[[100 * value for value in below], [100 * value for value in above]],
                          fmt=MARKERS[place % len(MARKERS)], color=COLOURS[place % len(COLOURS)], markersize=6,
                          elinewidth=0.8, alpha=0.85, label=network)
    refused = costs_of([one for one in tuned.candidates if one.state == REFUSED and one.cost(cost)], cost)
    if refused:
        axes.plot(refused, [0.02] * len(refused), "|", color="#999999", markersize=9, clip_on=False,
                  transform=axes.get_xaxis_transform(), label=f"refused before training ({len(refused)})")


def draw_front(axes: "Axes", tuned: Tuned) -> None:
    """The front as a line, its members by their numbers, a ring around the chosen one."""
    cost, front = tuned.search.cost, tuned.front
    axes.step(costs_of(front, cost), [100 * one.accuracy for one in front], where="post", color="#444444",
              linewidth=1.2, label="Pareto front", zorder=1)
    chosen = tuned.chosen
    for one in front:
        away = 8 if one.number == chosen.number else 3  # points: outside of the ring around the chosen one
        axes.annotate(str(one.number), (one.cost(cost), 100 * one.accuracy), (away, away), textcoords="offset points",
                      fontsize=9)
    axes.plot(costs_of([chosen], cost), [100 * chosen.accuracy], "o", markersize=17, markerfacecolor="none",
              markeredgecolor="#c00000", markeredgewidth=2, label=f"chosen: {chosen.number}, {chosen}", zorder=4)


def draw_limits(axes: "Axes", tuned: Tuned) -> None:
    """The requirements of kws.toml."""
    limits, cost = tuned.spec.requirements, tuned.search.cost
    limit = limit_of(limits, cost)
    named = f"{limits.duty_percent:g} % of {limits.clock_mhz:g} MHz" if cost is Cost.INSTRUCTIONS else f"{cost}_bytes"
    axes.axvline(limit, color="#c00000", linestyle="--", linewidth=1.2,
                 label=f"required: at most {short(limit)} ({named})")
    axes.axhline(limits.accuracy_percent, color="#c00000", linestyle=":", linewidth=1.2,
                 label=f"required: accuracy of {limits.accuracy_percent:g} %")


def short(value: float) -> str:
    """1500000 as 1.5 M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g} {letter}"
    return f"{value:g}"


def page(tuned: Tuned, png: bytes) -> str:
    """The plot, the table and what was refused as one HTML page without links to anywhere."""
    picture = base64.b64encode(png).decode()
    refused = [[str(one.number), str(one), one.refusal] for one in tuned.candidates if one.state == REFUSED]
    parts = [f"<h1>kws tune: {escape(', '.join(tuned.spec.keywords))}</h1>", f"<p>{escape(outcome(tuned))}</p>",
             *(f"<p>{escape(line)}</p>" for line in tuned.notes),
             f'<img alt="accuracy against cost" style="max-width: 100%" src="data:image/png;base64,{picture}">',
             "<h2>Trained candidates, the cheapest first</h2>", html_table(COLUMNS, rows(tuned))]
    if refused:
        parts += ["<h2>Refused before training</h2>", html_table(["", "candidate", "why"], refused)]
    return document("kws tune", parts)
