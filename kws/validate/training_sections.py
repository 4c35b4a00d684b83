"""The parts of a run's page that its training knows: costs, what quantization did, the training, the thresholds."""

from collections.abc import Sequence
from html import escape

from kws.run_metrics import LayerQuantization, MeasuredBudget, Metrics, OperatingPoint
from kws.validate import plots
from kws.validate.html import figure, percent, span, table

STAGES = {"frontend": "front end"}


def costs_part(metrics: Metrics) -> str:
    """Size, and what the device takes."""
    device, rows = metrics.device, [["trained parameters", f"{metrics.parameters:,}"]]
    flash, ram = device.flash_bytes, device.ram_bytes
    rows += [[f"flash, bytes (code {flash.code:,}, model {flash.model:,})", f"{flash.total:,}"],
             [f"RAM, bytes (state {ram.state:,}, stack {ram.stack:,})", f"{ram.total:,}"]]
    if isinstance(device, MeasuredBudget):
        rows += [[f"instructions per hop, {STAGES.get(stage, stage)}", f"{counts.median:,}"]
                 for stage, counts in device.stages.items()]
        duty = device.duty
        rows += [["instructions per second", f"{device.instructions_per_second:,}"],
                 [f"duty at {duty.clock_mhz:g} MHz, {duty.cycles_per_instruction:g} cycles per instruction",
                  f"{duty.percent:.1f} %"]]
    how = "emulated" if isinstance(device, MeasuredBudget) else "counted"
    return f'<p class="about">{escape(device.cpu)}, {how}.</p>' + table(["", ""], rows)


EXPLAINED = """<p>TensorFlow's converter ran the float network over a representative set of windows and gave each
layer's output one scale and one zero point, so that 256 steps cover what it saw: a number is (step − zero point) ×
scale. The weights have a scale for each output channel. Two things can go wrong. A range that is wider than what comes
up wastes steps, and the noise of rounding grows: 6 dB for each doubling. A range that is too narrow cuts off peaks:
that is saturation. Noise adds up from layer to layer; at 20 dB it is a tenth of the signal.</p>"""


def quantization_part(layers: Sequence[LayerQuantization]) -> str:
    """The converter explained, with this network's figures."""
    rows = []
    for k, one in enumerate(layers, 1):
        rows.append([f"{k} {one.op.lower().replace('_', ' ')}", f"{one.low:.3g} to {one.high:.3g}",
                     f"{one.used_low:.3g} to {one.used_high:.3g}", f"{one.scale:.3g}",
                     *("-" if value is None else f"{value:.1f}" for value in (one.sqnr_db, one.grid_db,
                                                                              one.weights_db)),
                     f"{100 * one.saturated:.2g} %"])
    return EXPLAINED + figure(plots.noise_plot(layers), "The upper line is what the layer's own grid allows, the lower "
                              "one what is left with the noise of all layers before it and of the weights.") + table(
        ["layer", "range", "used", "scale", "SQNR, dB", "own grid", "weights", "cut off"], rows, kind="denser")


def history_part(metrics: Metrics) -> str:
    """The training, and what it measured itself."""
    rows = []
    for split, both in metrics.splits.items():
        for name, found in (("float, as trained", both.as_trained), ("int8, in the C engine", both.int8)):
            if found is not None and found.accuracy is not None:
                rows.append([f"{split}: {name}", percent(found.accuracy), span(*found.interval), f"{found.n:,}"])
    return (f"<p>{len(metrics.epochs)} epochs in {metrics.training_seconds / 60:.1f} minutes.</p>"
            + figure(plots.history_plot(metrics.epochs), ("Accuracy" if plots.has_accuracy(metrics.epochs) else "Loss")
                     + " by epoch; the last weights are kept.")
            + table(["", "accuracy", "95 %", "clips"], rows))


def thresholds_part(point: OperatingPoint) -> str:
    """What triggers each keyword, and what that did on the sound that it was chosen on."""
    rows = []
    for keyword, threshold in point.thresholds.items():
        found = point.per_keyword[keyword]
        rows.append([keyword, f"{threshold:.3f}", f"{found.hits:,}", f"{found.misses:,}", f"{found.false_alarms:,}"])
    timing = "" if point.refractory_ms is None else f", refractory time {point.refractory_ms:.0f} ms"
    return (f"<p>Scores are averaged over {point.smoothing_ms:.0f} ms{timing}. The rule: {escape(point.rule)}. "
            f"On the {60 * point.hours:.0f} minutes of sound that this was chosen on:</p>"
            + table(["keyword", "threshold", "hits", "misses", "false alarms"], rows))
