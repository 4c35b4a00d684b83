"""The integer front end's distance to librosa, in steps of the int8 grid.

    scripts/check distance FOLDER

FOLDER : recordings of a second each, in folders of its own. The grid is the one that training would choose for them.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from kws.bench.common import header, parser

QUIET_PEAK = 32768 * 10 ** (-50 / 20)


def main(arguments: Sequence[str]) -> None:
    from kws.audio.files import read_samples
    from kws.features.frontend import Frontend, measure_normalisation
    from kws.features.reference import reference_features
    from kws.features.tables import build_tables
    from kws.spec import FrontendSpec

    options = parser(__doc__)
    options.add_argument("folder", type=Path)
    files = sorted(options.parse_args(arguments).folder.rglob("*.wav"))
    clips = np.stack([read_samples(path, samples=16_000) for path in files])
    loud = np.abs(clips.astype(int)).max(axis=1) > QUIET_PEAK
    header(f"{loud.sum():,} clips with a peak above -50 dBFS, {(~loud).sum()} below")
    for name, spec in (("log mel", FrontendSpec()), ("MFCC", replace(FrontendSpec(), coefficients=10))):
        normalisation = measure_normalisation(spec, clips)
        ours = Frontend(build_tables(spec, normalisation)).extract(clips).astype(int)
        theirs = np.stack([reference_features(spec, normalisation, clip) for clip in clips]).astype(int)
        for which, part in (("above", loud), ("below", ~loud)):
            away = ours[part] - theirs[part]
            if away.size:
                print(f"{name}, {which}: {np.sqrt((away ** 2).mean()):.3f} steps RMS, {(away != 0).mean():.1%} differ, "
                      f"{np.abs(away).max()} at most")

