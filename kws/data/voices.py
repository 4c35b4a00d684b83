"""One voice under two names: speakers compared by the mean voice of several clips each.

    if is_installed():
        vectors = voice_embedding(cache=workspace.cache)(clips)
        for pair in same_voices(vectors, [clip.speaker for clip in clips]): pair.first, pair.second, pair.similarity

The encoder's weights lie in the wheel of resemblyzer; NumPy alone reads and computes them, so that nothing else of that
package, nor PyTorch, is needed: pip install --no-deps resemblyzer.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from kws.audio.endpoint import FRAME, levels
from kws.audio.files import SAMPLE_RATE_HZ, read_samples
from kws.data.clip_table import keep, state_key, take_known
from kws.data.corpus import Clip
from kws.data.pool import map_blocks
from kws.errors import DataError

MISSING = ("one voice under two names is found only where they share a recording: the speaker encoder is not "
           "installed; next: pip install --no-deps resemblyzer")
CLIPS, MOST = 10, 20  # of each speaker: with fewer nothing is said, and no more are heard
ALIKE = 0.91  # cosine of two mean vectors
SIZE, LAYERS, BANDS, FRAMES, WINDOW = 256, 3, 40, 160, 400
ROW = np.dtype([("key", "V16"), ("voice", "<f4", (SIZE,))])
PER_BLOCK = 32


@dataclass(frozen=True)
class SameVoice:
    """Two speakers' names, first < second, and the cosine of their mean vectors."""

    first: str
    second: str
    similarity: float


def same_voices(vectors: np.ndarray, speakers: Sequence[str], *, alike: float = ALIKE) -> list[SameVoice]:
    """Each speaker and the most similar other one, if similar enough; most similar pairs first.

    vectors : float [clips, d], each of length 1, or zeros where nothing could be heard
    """
    heard = np.flatnonzero(np.any(vectors, axis=1))
    places: dict[str, list[int]] = defaultdict(list)
    for index in heard.tolist():
        places[speakers[index]].append(index)
    names = sorted(name for name, own in places.items() if len(own) >= CLIPS)
    if len(names) < 2:
        return []
    means = np.stack([vectors[places[name]].mean(axis=0) for name in names]).astype(np.float32)
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    found = {}
    for index, mean in enumerate(means):
        cosine = means @ mean
        cosine[index] = -1
        nearest = int(cosine.argmax())
        if cosine[nearest] >= alike:
            found[tuple(sorted((index, nearest)))] = float(cosine[nearest])
    return [SameVoice(names[first], names[second], similarity)
            for (first, second), similarity in sorted(found.items(), key=lambda item: -item[1])]


def is_installed() -> bool:
    return weights_file() is not None


def weights_file() -> Path | None:
    """Where the wheel has put its weights; the package itself is not imported."""
    spec = find_spec("resemblyzer")
    path = Path(spec.origin).parent / "pretrained.pt" if spec and spec.origin else None
    return path if path and path.is_file() else None


def voice_embedding(*, cache: Path | None, scheduler: str | None = None) -> Callable[[Sequence[Clip]], np.ndarray]:
    """What turns clips into vectors, float32 [clips, SIZE]; zeros beyond the first MOST clips of a speaker and where
    a speaker has fewer than CLIPS."""
    def embed(clips: Sequence[Clip]) -> np.ndarray:
        own: dict[str, list[int]] = defaultdict(list)
        for index, clip in enumerate(clips):
            own[clip.speaker].append(index)
        chosen = [places[i * len(places) // MOST] if len(places) > MOST else places[i]
                  for places in own.values() if len(places) >= CLIPS for i in range(min(MOST, len(places)))]
        rows = np.zeros(len(chosen), ROW)
        keys = np.array([state_key(clips[index].path) for index in chosen], "V16")
        store = cache / "voices-1.npy" if cache else None
        missing = take_known(store, keys, rows)
        blocks = [[clips[chosen[i]].path for i in missing[at : at + PER_BLOCK]]
                  for at in range(0, len(missing), PER_BLOCK)]
        done = map_blocks(embed_block, blocks, scheduler=scheduler, title="comparing voices",
                          sizes=list(map(len, blocks)))
        if done:
            rows["voice"][missing] = np.concatenate(done)
        rows["key"] = keys
        if store is not None and done:
            keep(store, rows)
        vectors = np.zeros((len(clips), SIZE), np.float32)
        vectors[chosen] = rows["voice"]
        return vectors
    return embed


def embed_block(paths: Sequence[Path]) -> np.ndarray:
    """float32 [paths, SIZE]: unit vectors; zeros for a file that cannot be read or has no sound."""
    sounds = []
    for path in paths:
        try:
            sounds.append(read_samples(path))
        except (DataError, OSError):
            sounds.append(np.zeros(0, np.int16))
    return embed_sounds(sounds)


def embed_sounds(sounds: Sequence[np.ndarray]) -> np.ndarray:
    """int16 [n] each -> float32 [sounds, SIZE]."""
    vectors = np.zeros((len(sounds), SIZE), np.float32)
    words = {index: word for index, sound in enumerate(sounds) if len(word := word_of(sound))}
    if words:
        vectors[list(words)] = encode_voices(np.stack([mel_power(word) for word in words.values()]))
    return vectors


def word_of(audio: np.ndarray) -> np.ndarray:
    """int16 [n] -> float32 [25600]: what is within 25 dB of the loudest, at -30 dB or louder, again and again."""
    level = levels(audio)
    smooth = np.convolve(level, np.ones(3) / 3, "same") if len(level) >= 3 else level
    loud = np.flatnonzero(smooth > smooth.max() - 25) if len(level) else level
    if not len(loud) or not audio.any():
        return np.zeros(0, np.float32)
    sound = audio.astype(np.float32) / 32768
    sound *= max(1.0, 10 ** (-30 / 20) / float(np.sqrt(np.mean(sound**2))))
    word = sound[max(0, loud[0] - 5) * FRAME : (loud[-1] + 6) * FRAME]
    return np.resize(word, FRAMES * FRAME)


def mel_power(audio: np.ndarray) -> np.ndarray:
    """float32 [FRAMES * 160] -> power in bands, [FRAMES, BANDS]: what the encoder was trained on."""
    padded = np.pad(audio, WINDOW // 2)
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[: FRAMES * FRAME : FRAME]
    spectrum = np.abs(np.fft.rfft(windows * np.hanning(WINDOW + 1)[:-1], axis=1)) ** 2
    return (spectrum @ mel_weights()).astype(np.float32)


@cache
def mel_weights() -> np.ndarray:
    """float [bins, BANDS]: triangles of area 1 on Slaney's mel scale, 0 to 8 kHz."""
    def mel(hz: ArrayLike) -> np.ndarray:
        hz = np.asarray(hz, float)
        return np.where(hz < 1000, hz * 3 / 200, 15 + 27 * np.log(np.maximum(hz, 1000) / 1000) / np.log(6.4))

    at = np.linspace(0, float(mel(SAMPLE_RATE_HZ / 2)), BANDS + 2)
    edges = np.where(at < 15, at * 200 / 3, 1000 * 6.4 ** ((at - 15) / 27))
    bins = np.fft.rfftfreq(WINDOW, 1 / SAMPLE_RATE_HZ)[:, None]
    rising, falling = (bins - edges[:-2]) / np.diff(edges)[:-1], (edges[2:] - bins) / np.diff(edges)[1:]
    return np.maximum(0, np.minimum(rising, falling)) * 2 / (edges[2:] - edges[:-2])


def encode_voices(pictures: np.ndarray) -> np.ndarray:
    """float32 [n, FRAMES, BANDS] -> unit vectors [n, SIZE]: an LSTM of three layers, and a dense one."""
    weights = encoder_weights()
    x = pictures.transpose(1, 0, 2)
    for layer in range(LAYERS):
        bias = weights[f"lstm.bias_ih_l{layer}"] + weights[f"lstm.bias_hh_l{layer}"]
        given = x @ weights[f"lstm.weight_ih_l{layer}"].T + bias
        again = np.ascontiguousarray(weights[f"lstm.weight_hh_l{layer}"].T)
        hidden = cell = np.zeros((x.shape[1], SIZE), np.float32)
        steps = []
        for now in given:
            gates = now + hidden @ again
            let_in, forget, new, out = np.split(gates, 4, axis=1)
            cell = sigmoid(forget) * cell + sigmoid(let_in) * np.tanh(new)
            hidden = sigmoid(out) * np.tanh(cell)
            steps.append(hidden)
        x = np.stack(steps)
    voice = np.maximum(0, x[-1] @ weights["linear.weight"].T + weights["linear.bias"])
    return voice / np.maximum(np.linalg.norm(voice, axis=1, keepdims=True), 1e-9)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return np.float32(0.5) * (np.tanh(np.float32(0.5) * x) + np.float32(1))


@cache
def encoder_weights() -> dict[str, np.ndarray]:
    """The arrays by name. Raises DataError if the file is not what we know."""
    path = weights_file()
    if path is None:
        raise DataError(MISSING)
    from kws.data.torch_file import read_torch

    return read_torch(path, "model_state")
