"""What a person should know about the recordings before hours are spent on them."""

import numpy as np

from kws.data.admission import unfit
from kws.data.strays import stray_notes
from kws.model.dataset import Material
from kws.model.examples import FIRST_KEYWORD
from kws.workspace import Workspace


def data_notes(workspace: Workspace, material: Material) -> list[str]:
    """Files that are passed over, and clips of keywords that hold nothing, a line each."""
    return stray_notes(workspace.recordings) + unfit_notes(material)


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
