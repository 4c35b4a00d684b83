"""What a person should know about the recordings before hours are spent on them."""

from pathlib import Path

import numpy as np

from kws.data.admission import unfit
from kws.data.corpus import SYNTHESIZED
from kws.data.strays import stray_notes
from kws.model.dataset import Material
from kws.model.examples import FIRST_KEYWORD
from kws.words import as_arguments
from kws.workspace import Workspace

SYNTH_SOURCE = "synth"  # kws data synth files there unless told otherwise


def data_notes(workspace: Workspace, material: Material) -> list[str]:
    """Files that are passed over, clips of keywords that hold nothing, and what no person says, a line each."""
    return stray_notes(workspace.recordings) + unfit_notes(material) + synthetic_notes(workspace.recordings, material)


def unfit_notes(material: Material) -> list[str]:
    """How many clips of each keyword are empty or clipped: a network learns them as it learns the others."""
    notes, part = [], material.examples.training
    for number, word in enumerate(material.spec.keywords, FIRST_KEYWORD):
        rows = np.flatnonzero(part.labels == number)
        empty, clipped = unfit(material.clips["training"][rows]) if len(rows) else (0, 0)
        for count, kind in ((empty, "empty"), (clipped, "clipped")):
            if count:
                notes.append(f"{count} of {len(rows)} training clips of {word!r} are {kind}; see them with "
                             "`kws data check`, or remove them")
    return notes


def synthetic_notes(recordings: Path, material: Material) -> list[str]:
    """Which keywords only synthesizers say, in all splits: the figures are then about synthesizers."""
    examples = material.examples
    clips = [clip for part in (examples.training, examples.validation, examples.testing) for clip in part.clips]
    marked = {source for source in {clip.source for clip in clips} if (recordings / source / SYNTHESIZED).exists()}
    words = [word for word in material.spec.keywords
             if {clip.source for clip in clips if clip.word == word} <= marked | {SYNTH_SOURCE}]
    if not words:
        return []
    return [f"all voices of {', '.join(words)} are synthetic: what is measured holds for them, people are heard worse; "
            f"next: kws record {as_arguments(*words)} --speaker NAME"]
