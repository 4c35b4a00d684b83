"""Seconds of audio per second and core through the whole streaming path: front end, network, decoder.

Peer, in the same run and on the same network: librosa's features (float) and TensorFlow Lite Micro's interpreter, which
has its reference kernels on a PC, on the whole window once per hop: how a windowed detector decides as often.

    scripts/bench stream [RUN]      a run's name or path; default: the newest
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from kws.bench.common import header, parser
from kws.detect.detector import load_detector
from kws.features.frontend import INPUT_SCALE
from kws.workspace import locate_run, read_artefact

STREAM_S, PEER_S, REPEATS = 120, 4, 5


def make_audio(seconds: float) -> np.ndarray:
    """int16 [n]: noise whose level changes as speech does, so that no stage finds shortcuts."""
    rng = np.random.default_rng(1)
    level = np.exp(rng.uniform(np.log(10), np.log(6_000), round(seconds * 10))).repeat(1_600)
    return np.clip(rng.standard_normal(len(level)) * level, -32768, 32767).astype(np.int16)


def rate(work: Callable[[], object], seconds: float) -> float:
    """Seconds of audio per second of one core, the best of several runs: the time of all threads is added up."""
    spans = []
    for _ in range(REPEATS):
        start = time.process_time()
        work()
        spans.append(time.process_time() - start)
    return seconds / min(spans)


def ours(run: Path) -> float:
    """The detector, fed with 100 ms at a time."""
    detector, audio = load_detector(run), make_audio(STREAM_S)

    def work() -> None:
        detector.reset()
        for start in range(0, len(audio), 1_600):
            detector.push(audio[start:start + 1_600])

    return rate(work, STREAM_S)


def peer(run: Path) -> float:
    """librosa's log mel (and DCT), then TFLM on each window."""
    import librosa
    from tflite_micro import runtime

    spec = load_detector(run).plan.spec.frontend
    interpreter = runtime.Interpreter.from_bytes(read_artefact(run, "model.tflite"))
    shape = interpreter.get_input_details(0)["shape"]
    audio = make_audio(PEER_S).astype(np.float32) / 32768

    def work() -> None:
        bands = librosa.feature.melspectrogram(
            y=audio, sr=spec.sample_rate_hz, n_fft=spec.fft_points, win_length=spec.window_samples,
            hop_length=spec.hop_samples, n_mels=spec.bands, fmin=spec.low_hz, fmax=spec.high_hz, htk=True, norm=None,
            power=1.0, center=False)
        features = np.log(bands + 1e-6)
        if spec.coefficients:
            features = librosa.feature.mfcc(S=features, n_mfcc=spec.coefficients)
        rows = np.clip(np.rint(features.T / INPUT_SCALE), -128, 127).astype(np.int8)
        for end in range(spec.frames, len(rows) + 1):
            interpreter.set_input(np.ascontiguousarray(rows[end - spec.frames:end]).reshape(shape), 0)
            interpreter.invoke()
            interpreter.get_output(0)

    return rate(work, PEER_S)


def main(arguments: Sequence[str]) -> None:
    options = parser(__doc__)
    options.add_argument("run", nargs="?", metavar="RUN")
    run = locate_run(options.parse_args(arguments).run)
    spec = load_detector(run).plan.spec
    header(f"{run.name}: {spec.model.name}, {spec.frontend.hop_ms} ms hop")
    print("seconds of audio per second on one core")
    streaming = ours(run)
    print(f"kws, streaming                         {streaming:8.0f}")
    try:
        windowed = peer(run)
    except ModuleNotFoundError as error:
        print(f"librosa + TFLM, window once per hop    not run: {error.name} is not installed")
    else:
        print(f"librosa + TFLM, window once per hop    {windowed:8.1f}")
        print(f"ratio                                  {streaming / windowed:8.0f}")

