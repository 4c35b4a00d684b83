"""Single recordings on a page: waveform, bands, the int8 rows that a network gets, and a run's scores over time."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ, fit, read_samples
from kws.data.clip_faults import clip_faults, measure_clip
from kws.engine.decoder import SCORE_STEPS
from kws.engine.network import Network
from kws.engine.plan import Plan
from kws.errors import DataError
from kws.explore.attribution import HIDDEN, MASKS, explain
from kws.explore.figures import COLOURS, MARKS, SCALE, Figure, chart, tiles
from kws.explore.page import Page
from kws.explore.sounds import playable
from kws.features.frontend import Frontend, log_mel, measure_normalisation
from kws.features.tables import FrontendTables, build_tables
from kws.files import write_atomic
from kws.spec import FrontendSpec
from kws.workspace import read_artefact

MOST_SAMPLES = 60 * SAMPLE_RATE_HZ
POINTS = 4_000  # of a waveform
EXPLANATION_SEED = 1
QUIET = SAMPLE_RATE_HZ // 2  # samples of silence before and after a recording, so that windows fill


def write_clip_page(paths: Sequence[Path], target: Path, *, frontend: FrontendSpec, run: Path | None,
                    label: str | None = None) -> int:
    """Write the page on these recordings; returns its size in bytes.

    label : whose score is explained; by default the keyword that scores most in the recording
    Raises DataError if a recording cannot be read, or the run does not know the label.
    """
    page = Page("A recording as the network hears it" if len(paths) == 1 else "Recordings as the network hears them")
    plan = Plan.from_bytes(read_artefact(run, "model.kws")) if run else None
    if label is not None and (plan is None or label not in plan.labels):
        known = f"the run knows {', '.join(plan.labels)}" if plan else "it takes a trained run; name one with --run"
        raise DataError(f"--label {label}: {known}")
    for number, path in enumerate(paths):
        spec = plan.spec.frontend if plan else frontend
        show(page, number, path, read_samples(path), spec=spec, plan=plan, label=label)
    text = page.to_html()
    write_atomic(target, text)
    return len(text.encode())


def show(page: Page, number: int, path: Path, audio: np.ndarray, *, spec: FrontendSpec, plan: Plan | None,
         label: str | None = None) -> None:
    """The part of the page on one recording."""
    measures = measure_clip(audio)
    faults = clip_faults(measures, samples=max(spec.clip_samples, len(audio)))
    page.section("/".join(path.parts[-3:]),
                 f"{len(audio) / SAMPLE_RATE_HZ:.2f} s, level {measures.level_db:.0f} dB of full scale, "
                 f"{measures.snr_db:.0f} dB above its noise; "
                 + ("; ".join(f"{fault.fault.value}: {fault.detail}" for fault in faults) or "nothing wrong with it"))
    page.sounds[number] = playable(audio)
    page.buttons([(number, str(path), "play")])
    audio = audio[:MOST_SAMPLES]
    padded = fit(audio, max(len(audio), spec.clip_samples))
    tables = plan.frontend if plan else own_tables(spec, padded)
    frontend = Frontend(tables)
    page.figure(waveform(audio), "Waveform.")
    page.figure(tiles([""], [log_mel(spec, padded).T], x="frame", y="band"),
                f"Log mel bands, natural logarithms; a frame every {spec.hop_ms} ms.")
    rows = frontend.extract(padded[None])[0]
    page.figure(tiles([""], [rows.T], x="frame", y="coefficient" if spec.coefficients else "band"),
                f"The int8 rows that the network is given{'' if plan else ', on a grid of this recording alone'}.")
    if plan is not None:
        page.figure(scores(plan, padded), "Scores of the run at the end of each window, from 0 to 1, before smoothing. "
                                          "Half a second of silence stands before and after the recording.")
        explanation(page, plan, padded, label)


def rows_between_quiet(plan: Plan, audio: np.ndarray) -> np.ndarray:
    """int16 [n] -> int8 [frames, features] with QUIET on both sides."""
    quiet = np.zeros(QUIET, np.int16)
    return Frontend(plan.frontend).extract(np.concatenate((quiet, audio, quiet))[None])[0]


def explanation(page: Page, plan: Plan, audio: np.ndarray, label: str | None) -> None:
    """What in the recording speaks for a label, patch by patch."""
    rows, network = rows_between_quiet(plan, audio), Network(plan.program)
    chosen = label or strongest_keyword(network, rows, plan)
    found = explain(network, rows, plan.labels.index(chosen), np.random.default_rng(EXPLANATION_SEED))
    hop_s = plan.frontend.hop_samples / SAMPLE_RATE_HZ
    start_s = found.first * hop_s - QUIET / SAMPLE_RATE_HZ
    page.figure(worth(found.worth, start_s=start_s, hop_s=hop_s,
                      y="coefficient" if plan.spec.frontend.coefficients else "band"),
                f"What speaks for {chosen!r} in the window where it scores most ({found.score:.2f}): by how much its "
                "score is higher, on average, when a patch is heard than when it is hidden; what speaks against it is "
                f"below 0. {MASKS:,} times {HIDDEN:.0%} of the patches are hidden from the int8 network, by what is "
                "heard there when little is.")


def strongest_keyword(network: Network, rows: np.ndarray, plan: Plan) -> str:
    """The keyword that scores most anywhere in the recording."""
    network.reset()
    best = network.stream(rows).max(axis=0).astype(int)
    return max(plan.spec.keywords, key=lambda word: best[plan.labels.index(word)])


def worth(values: np.ndarray, *, start_s: float, hop_s: float, y: str) -> Figure:
    """float [frames, features] as a picture, the darker the more it speaks against; 0 lies in the middle."""
    import plotly.graph_objects as go

    most = max(float(np.abs(values).max()), 0.01)
    times = start_s + (np.arange(len(values)) + 0.5) * hop_s
    return chart(go.Heatmap(z=values.T, x=times, colorscale=SCALE, zmin=-most, zmax=most,
                            colorbar={"title": "score"}), x="s", y=y, height=300)


def own_tables(spec: FrontendSpec, audio: np.ndarray) -> FrontendTables:
    """A front end whose grid fits this recording, for want of a run."""
    return build_tables(spec, measure_normalisation(spec, audio[None]))


def waveform(audio: np.ndarray) -> Figure:
    """Least and greatest value of each stretch, so that nothing loud is left out."""
    import plotly.graph_objects as go

    width = max(1, len(audio) // POINTS)
    parts = audio[: len(audio) // width * width].reshape(-1, width)
    time = np.repeat(np.arange(len(parts)) * width / SAMPLE_RATE_HZ, 2)
    values = np.stack((parts.min(axis=1), parts.max(axis=1)), axis=1).ravel()
    return chart(go.Scatter(x=time, y=values, mode="lines", line={"width": 1, "color": COLOURS[0]}), x="s", y="int16",
                 height=240)


def scores(plan: Plan, audio: np.ndarray) -> Figure:
    """The scores of each label over the time at which the network gives them."""
    import plotly.graph_objects as go

    rows = rows_between_quiet(plan, audio)
    given = (Network(plan.program).stream(rows).astype(np.float32) + 128) / SCORE_STEPS
    first = plan.program.frames - 1
    ends = (plan.frontend.window_samples + (first + np.arange(len(given)) * plan.program.decide_every)
            * plan.frontend.hop_samples - QUIET) / SAMPLE_RATE_HZ
    traces = [go.Scatter(x=ends, y=given[:, i], name=label, mode="lines+markers", line={
        "color": COLOURS[i % len(COLOURS)]}, marker={"symbol": MARKS[i % len(MARKS)], "size": 5})
        for i, label in enumerate(plan.labels)]
    return chart(*traces, x="s", y="score", height=340)
