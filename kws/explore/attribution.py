"""What in a window speaks for a label, over time and frequency: by hiding patches of it from the int8 network.

Some hundred times a random part of the patches is hidden, that is, set to what is heard there when little is. How much
higher the label's score is on average when a patch is heard than when it is hidden is what the patch says for it.
Nothing is differentiated and nothing is float: it is the network of the device, in its own C.
(Petsiuk et al.: "RISE: Randomized Input Sampling for Explanation of Black-box Models", 2018.)
"""

from dataclasses import dataclass

import numpy as np

from kws.arguments import Features, check_array
from kws.engine.network import Network
from kws.errors import ArgumentError

PATCH_FRAMES, PATCH_FEATURES = 5, 5
MASKS = 2_000
HIDDEN = 0.5  # of the patches, each time
QUIET_PERCENTILE = 10  # of a band: what is heard there when little is
SCORE_STEPS, SCORE_ZERO = 256, 128


@dataclass(frozen=True, eq=False)
class Attribution:
    """label : its index; first : frame at which the window starts; score : of the whole window, 0..1

    worth : float [frames, features], points of the score, from -1 to 1, that each number's patch adds
    """

    label: int
    first: int
    score: float
    worth: np.ndarray


def explain(network: Network, rows: Features, label: int, rng: np.random.Generator, *,
            masks: int = MASKS) -> Attribution:
    """The window of a recording in which the label scores most. rows : int8 [n, features], a window or more of them."""
    frames = network.program.frames
    check_array("rows", rows, np.int8, "n", network.program.features)
    if len(rows) < frames:
        raise ArgumentError(f"rows has {len(rows)} entries: must have a window, {frames}, or more")
    network.reset()
    scores = network.stream(rows)[:, label]
    best = int(scores.argmax())
    first = best * network.program.decide_every
    window = rows[first:first + frames]
    quiet = np.rint(np.percentile(rows, QUIET_PERCENTILE, axis=0)).astype(np.int8)
    return Attribution(label, first, share(scores[best]), patches_worth(network, window, quiet, label, rng, masks))


def patches_worth(network: Network, window: np.ndarray, quiet: np.ndarray, label: int, rng: np.random.Generator,
                  masks: int) -> np.ndarray:
    """Of each number of a window. quiet : int8 [features], what stands where a patch is hidden."""
    frames, features = window.shape
    grid = -(-frames // PATCH_FRAMES), -(-features // PATCH_FEATURES)
    hidden = rng.random((masks, *grid)) < HIDDEN
    scores = np.array([share(network.window(np.where(spread(one, window.shape), quiet, window))[label])
                       for one in hidden])
    heard = ~hidden
    with np.errstate(invalid="ignore"):
        worth = (np.tensordot(scores, heard, 1) / heard.sum(axis=0)
                 - np.tensordot(scores, hidden, 1) / hidden.sum(axis=0))
    return spread(np.nan_to_num(worth), window.shape)


def spread(patches: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """One number for each patch to one for each place."""
    return patches.repeat(PATCH_FRAMES, axis=0).repeat(PATCH_FEATURES, axis=1)[:shape[0], :shape[1]]


def share(score: int | np.int8) -> float:
    """An int8 score as 0..1."""
    return (int(score) + SCORE_ZERO) / SCORE_STEPS
