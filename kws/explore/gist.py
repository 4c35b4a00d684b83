"""The page in some lines, for the terminal and for its first section."""

import numpy as np

from kws.data.corpus import Corpus
from kws.data.stats import measure_words
from kws.explore.statistics import after_transform, covariance, f_ratio, neighbours
from kws.explore.survey import Survey


def gist_lines(found: Survey) -> list[str]:
    """What a person should know first."""
    table = found.table
    level, noise = table.column("level_db")[found.usable], table.column("noise_db")[found.usable]
    information = f_ratio(found.own.count, found.own.total, found.own.square)
    frame, feature = np.unravel_index(int(information.argmax()), information.shape)
    what = "coefficient" if found.spec.frontend.coefficients else "band"
    grid = found.own.grid
    bands = covariance(found.mel)
    lines = [
        f"{len(table.clips):,} clips, {counted({clip.word for clip in table.clips}, 'word')}, "
        f"{counted({clip.speaker for clip in table.clips}, 'speaker')}, "
        f"{counted({clip.source for clip in table.clips}, 'source')}; {len(table.clips) - len(found.usable):,} cannot "
        "be used (unreadable or silent: kws data check)",
        f"level {np.median(level):.0f} dB of full scale (90 % within {np.quantile(level, 0.05):.0f} to "
        f"{np.quantile(level, 0.95):.0f}), word above noise {np.median(level - noise):.0f} dB; "
        f"{np.mean(level - noise < 10):.1%} below 10 dB",
        f"most information: {what} {feature} in frame {frame} (F = {information.max():.0f}); least: {what} "
        f"{int(information.mean(axis=0).argmin())}",
        f"{100 * (grid[:, 0].sum() + grid[:, -1].sum()) / grid.sum():.2f} % of the numbers lie at an end of the int8 "
        "grid",
        f"neighbouring bands correlate with {neighbours(bands):.2f}, after the cosine transform with "
        f"{neighbours(after_transform(bands)):.2f}"]
    if found.confused:
        listed = ", ".join(f"{one}/{other} {count}" for one, other, count in found.confused)
        lines.append(f"a small classifier recognises {found.recognised:.0%} of the words in unheard voices; confused "
                     f"most: {listed}")
    return lines


def counted(things: set[str], name: str) -> str:
    """3 words, 1 source."""
    return f"{len(things):,} {name}{'' if len(things) == 1 else 's'}"


def missing(found: Survey) -> list[str]:
    """The requirements on recordings that are not met."""
    return [f"{held.name}: {held.measured:g} there, {held.limit:g} required; "
            f"record {held.limit - (held.measured or 0):g} more"
            for held in measure_words(Corpus(found.table.clips, ()), found.spec) if not held.holds]
