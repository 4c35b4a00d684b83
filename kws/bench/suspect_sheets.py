"""Contact sheets of suspected clips: each beside the clips of its own and of the other word that are most like it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ, read_samples
from kws.data.clip_table import ClipTable
from kws.data.corpus import Clip
from kws.data.label_suspects import picture_vectors

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROWS, ALIKE = 10, 2
WINDOW, HOP, HIGH_HZ = 192, 48, 7_000  # 12 ms and 3 ms: formants and bursts, not single harmonics
POOL = 400  # clips of a word that are compared


def draw_sheets(pairs: Sequence[tuple[Clip, str]], suspects: set[Clip], table: ClipTable, folder: Path) -> None:
    """Write folder/sheet-1.png and so on, ROWS clips each.

    pairs : a clip, and the word that it sounds like; suspects : clips that nothing is compared with
    """
    from matplotlib.figure import Figure

    places = {clip: place for place, clip in enumerate(table.clips)}
    of_word: dict[str, list[int]] = {}
    for place in np.random.default_rng(1).permutation(len(table.clips)).tolist():
        clip = table.clips[place]
        if clip not in suspects and len(of_word.setdefault(clip.word, [])) < POOL:
            of_word[clip.word].append(place)
    for first in range(0, len(pairs), ROWS):
        some = pairs[first : first + ROWS]
        figure = Figure(figsize=(17, 2.3 * len(some)))
        axes = figure.subplots(len(some), 1 + 2 * ALIKE, squeeze=False)
        for number, (row, (clip, other)) in enumerate(zip(axes, some, strict=True), first + 1):
            place = places[clip]
            title = f"{number}: {clip.word}/{clip.path.stem[:8]}…{clip.path.stem[-2:]} → {other}?"
            draw(row[0], table, place, title)
            for offset, word in ((1, clip.word), (1 + ALIKE, other)):
                for axis, like in zip(row[offset:], nearest(table, place, of_word[word]), strict=False):
                    draw(axis, table, like, word)
        figure.tight_layout()
        figure.savefig(folder / f"sheet-{first // ROWS + 1}.png", dpi=75)


def nearest(table: ClipTable, place: int, among: Sequence[int]) -> list[int]:
    """The ALIKE clips whose pictures are most like a clip's."""
    vectors = picture_vectors(table.rows["picture"][[place, *among]])
    apart = np.square(vectors[1:] - vectors[0]).sum(axis=1)
    return [among[index] for index in apart.argsort()[:ALIKE].tolist()]


def draw(axis: "Axes", table: ClipTable, place: int, title: str) -> None:
    """One spectrogram: a second, up to 7 kHz, 55 dB from its loudest."""
    level = spectrogram(read_samples(table.clips[place].path, samples=SAMPLE_RATE_HZ))
    top = float(np.quantile(level, 0.998))
    axis.imshow(level, origin="lower", aspect="auto", vmin=top - 55, vmax=top, cmap="magma",
                extent=(0, 1, 0, HIGH_HZ / 1_000))
    axis.set_title(f"{title}  ({table.column('level_db')[place]:.0f}/{table.column('noise_db')[place]:.0f} dB)",
                   fontsize=9)
    axis.tick_params(labelsize=6)


def spectrogram(samples: np.ndarray) -> np.ndarray:
    """int16 [n] -> float [bins, frames] in dB, from below upwards; treble raised by 6 dB for each octave."""
    raised = np.diff(samples.astype(np.float32), prepend=np.float32(0))
    windows = np.lib.stride_tricks.sliding_window_view(raised, WINDOW)[::HOP]
    power = np.square(np.abs(np.fft.rfft(windows * np.hanning(WINDOW), 2 * WINDOW, axis=1)))
    return np.asarray(10 * np.log10(power[:, : round(HIGH_HZ / SAMPLE_RATE_HZ * 2 * WINDOW)].T + 1))
