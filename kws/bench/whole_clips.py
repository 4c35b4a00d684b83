"""What quiet before and behind is worth: clips that are nothing but their word, as files and as streams.

    scripts/bench whole_clips [--run RUN] [--per-word N] [--seed N] CLIPS

CLIPS is a folder of words. Prints how many clips of the run's keywords, by speakers of the validation split, are
detected with the quiet that `kws detect` puts around a file, and without; and what an import would refuse.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kws.bench.common import ROOT, header, parser


def main(arguments: Sequence[str]) -> int:
    from kws.audio.files import is_audio, read_samples
    from kws.data.admission import admit
    from kws.data.corpus import speaker_of, split_of
    from kws.detect.detector import load_detector

    options = parser(__doc__)
    options.add_argument("clips", type=Path)
    options.add_argument("--run", type=Path, default=ROOT / "models" / "commands")
    options.add_argument("--per-word", type=int, default=36)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args(arguments)
    header(f"{chosen.per_word} clips of each word, seed {chosen.seed}")
    detector, rng = load_detector(chosen.run), np.random.default_rng(chosen.seed)
    clips = quiet = stream = refused = 0
    for word in detector.plan.spec.keywords:
        paths = sorted(path for path in (chosen.clips / word).glob("*")
                       if is_audio(path.name) and split_of(speaker_of(path.stem)) == "validation")
        for place in rng.permutation(len(paths))[:chosen.per_word]:
            audio = read_samples(paths[place])
            quiet += any(hit.keyword == word for hit in detector.hear_blocks([audio]))
            detector.reset()
            stream += any(hit.keyword == word for hit in detector.push(audio))
            refused += admit(audio).refused is not None
            clips += 1
    print(f"{clips} clips: {quiet} detected as files, {stream} without the quiet around them; an import would refuse "
          f"{refused}")
    return 0
