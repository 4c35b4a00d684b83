"""A new keyword from few recordings: `kws train --from RUN`, on what a base network has learnt to hear."""

from collections.abc import Callable
from pathlib import Path

from kws.data.corpus import scan
from kws.data.talk import find_rooms, find_talk
from kws.files import fresh_folder
from kws.model.dataset import REPRESENTATIVE_CLIPS, Material, prepare
from kws.model.few_shot_examples import choose_few, training_set
from kws.model.talk import read_rooms
from kws.pipeline.calibration import calibrated_few
from kws.pipeline.data_notes import data_notes
from kws.pipeline.manifest import manifest_of, seal, training_fingerprint
from kws.pipeline.run_names import new_run
from kws.pipeline.train import Run, finish, tell
from kws.records import Json
from kws.spec import fingerprint
from kws.train.transfer import Base, load_base, transfer
from kws.workspace import Workspace, find_run


def transfer_run(workspace: Workspace, *, base: str, name: str | None, note: Callable[[str], None],
                 scheduler: str | None = None) -> Run:
    """Teach the run `base`, a name or a path, the keywords of the workspace; everything goes to models/<name>/.

    name, note, scheduler : as in train_run
    A training that was stopped goes on after its last whole epoch. Raises ModelError if the base does not fit
    kws.toml, DataError if there are no recordings of a keyword, KwsError if the run exists already.
    """
    with new_run(workspace, name) as folder:
        return transfer_into(folder, workspace, base=base, note=note, scheduler=scheduler)


def transfer_into(folder: Path, workspace: Workspace, *, base: str, note: Callable[[str], None],
                  scheduler: str | None) -> Run:
    """transfer_run, with the folder that the run will be."""
    spec = workspace.spec
    start = load_base(find_run(base, workspace.models), spec)
    corpus = scan(workspace.recordings)
    examples = choose_few(corpus, spec)
    tell(examples, spec, note)
    talk = find_talk(workspace.recordings) if spec.training.talk_percent else ()
    rooms = find_rooms(workspace.recordings)
    material = prepare(spec, examples, corpus.noise, cache=workspace.cache, normalisation=start.normalisation,
                       talk=talk, rooms=rooms, scheduler=scheduler)
    note(heard_of(material))
    for line in data_notes(workspace, material):
        note(f"note: {line}")
    key = fingerprint(training_fingerprint(material), start.to_json())
    checkpoint = workspace.cache / "training" / f"{key}.npz"
    lesson = training_set(material, read_rooms(rooms))
    model, history = transfer(material, start, lesson, checkpoint=checkpoint, note=note)
    with fresh_folder(folder) as making:
        note("quantizing, choosing thresholds, measuring")
        metrics = finish(making, material, model, history, recordings=workspace.recordings, choose=calibrated_few,
                         representative=lesson.some(REPRESENTATIVE_CLIPS))
        manifest = manifest_of(folder.name, material, metrics, making, None)
        seal(making, {**manifest, **origin(start, folder.name)})
    checkpoint.unlink(missing_ok=True)
    return Run(folder, metrics)


def heard_of(material: Material) -> str:
    """How much talk there is to train with, or what to do about it."""
    if material.stretches:
        return f"talk: {len(material.stretches.talk) * material.spec.frontend.hop_ms / 3.6e6:.1f} hours to train with"
    return ("no talk to train with: the detector will often be deceived where people talk; put hours of speech without "
            "the keyword into recordings/talk/_talk_/ (docs/own-word.md)")


def origin(base: Base, name: str) -> dict[str, Json]:
    """What the manifest says about the base, and the command that builds the run again."""
    return {"command": f"kws train --from {base.name} --run {name}", "base": base.to_json()}
