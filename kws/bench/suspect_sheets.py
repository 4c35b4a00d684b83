"""Contact sheets of suspected clips: each beside the clips of its own and of the other word that are most like it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kws.data.clip_table import ClipTable
from kws.data.corpus import Clip
from kws.data.label_suspects import picture_vectors
from kws.data.spectra import to_db

ROWS, ALIKE = 10, 2
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
        figure = Figure(figsize=(15, 2.1 * len(some)))
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


def draw(axis: object, table: ClipTable, place: int, title: str) -> None:
    """One picture: a second, 100 Hz to 6 kHz, 50 dB from its loudest."""
    level = to_db(table.rows["picture"][place]).T
    top = float(np.quantile(level, 0.995))
    axis.imshow(level, origin="lower", aspect="auto", vmin=top - 50, vmax=top, cmap="magma")  # type: ignore[attr-defined]
    noise = table.column("noise_db")[place]
    axis.set_title(f"{title}  ({table.column('level_db')[place]:.0f}/{noise:.0f} dB)", fontsize=8)  # type: ignore[attr-defined]
    axis.set_xticks([])  # type: ignore[attr-defined]
    axis.set_yticks([])  # type: ignore[attr-defined]
