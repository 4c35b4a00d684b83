"""Validation of a trained run: which clips, which engines, which requirements."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws.data.corpus import SPLITS, scan
from kws.detect.detector import load_detector
from kws.errors import DataError, KwsError
from kws.requirements import Requirement, at_least
from kws.spec import Requirements, Spec
from kws.validate.clips import ClipResult, ClipSet, classify, read_clip_folder
from kws.workspace import Workspace, open_workspace, read_artefact, read_manifest

TFLITE_NAME, KERAS_NAME = "model.tflite", "model.keras"


@dataclass(frozen=True)
class Outcome:
    """source : where the clips came from, in words; notes : what a person should know about them."""

    result: ClipResult
    requirements: tuple[Requirement, ...]
    source: str
    notes: tuple[str, ...]

    def to_json(self) -> dict:
        """{"clips": {...}, "requirements": [{"name", "limit", "measured", "holds"}]}"""
        return {"clips": self.result.to_json(), "requirements": [one.to_json() for one in self.requirements]}


def validate_clips(run: Path, *, clips: Path | None, directory: Path | None) -> Outcome:
    """Classify `clips` (a folder by label), or the run's own test split, with every engine that is installed.

    directory : the workspace whose recordings and requirements count; the one around the current folder by default.
    Raises DataError where there are no clips, KwsError where the test split is asked for outside a workspace.
    """
    detector = load_detector(run)
    spec = detector.plan.spec
    if clips is not None:
        chosen = read_clip_folder(clips, labels=spec.labels, samples=spec.frontend.clip_samples)
        requirements, source = own_requirements(run, spec, directory), str(clips)
    else:
        workspace = open_workspace(directory)
        chosen = test_split(spec, workspace, read_manifest(run).get("data_fingerprint"))
        requirements, source = workspace.spec.requirements, f"the test split of {workspace.recordings}"
    keras_model = run / KERAS_NAME
    result = classify(detector, chosen, tflite=read_artefact(run, TFLITE_NAME),
                      keras_model=keras_model if keras_model.is_file() else None)
    accuracy = at_least("accuracy_percent", limit=requirements.accuracy_percent,
                        measured=100 * (result.confusion().accuracy or 0.0))
    return Outcome(result, (accuracy,), source, chosen.notes)


def own_requirements(run: Path, spec: Spec, directory: Path | None) -> Requirements:
    """Those of the kws.toml that the run lies beside, as it is now; else those that the run was trained with."""
    try:
        workspace = open_workspace(directory)
    except KwsError:
        return spec.requirements
    inside = run.resolve().parent == workspace.models.resolve()
    return workspace.spec.requirements if inside else spec.requirements


def test_split(spec: Spec, workspace: Workspace, trained_on: str | None) -> ClipSet:
    """The test clips of the 12-label protocol by the speaker split, silence cut from the noise's test part.

    trained_on : fingerprint of the recordings that the run was trained on
    """
    from kws.data.augment import read_noise, silence
    from kws.data.corpus import load_clips
    from kws.model.dataset import SILENCE
    from kws.model.examples import choose_examples

    corpus = scan(workspace.recordings)
    examples = choose_examples(corpus, spec)
    part, samples = examples.testing, spec.frontend.clip_samples
    if not len(part.clips):
        raise DataError(f"{workspace.recordings}: no recordings fall into the test split; record more speakers, "
                        "or name test clips with --clips")
    rng = np.random.default_rng([spec.training.seed, SILENCE, SPLITS.index("testing")])
    silent = silence(read_noise(corpus.noise, split="testing", samples=samples), part.silence, samples, rng)
    speech = load_clips(part.clips, samples=samples, cache=workspace.cache)
    notes = ()
    if trained_on not in (None, examples.fingerprint):
        notes = ("the recordings have changed since the training: clips of this test split may have been trained on",)
    return ClipSet(np.concatenate([speech, silent]), part.all_labels, notes)
