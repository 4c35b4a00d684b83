"""Between two runs: `kws average RUN OTHER`, a network whose weights lie on the line from one to the other.

A run that was trained further from another one (`kws train --start`) lies in the same valley of the loss, so the
networks between them work, and trade what the one learnt for what the other can: after talk, fewer false alarms for
more clips that are classified correctly. (Wortsman et al.: "Robust fine-tuning of zero-shot models", 2022.) No
training: it quantizes, chooses the operating point and measures, as the end of a training does.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from kws.arguments import check_number
from kws.data.corpus import scan
from kws.errors import ModelError
from kws.files import fresh_folder
from kws.model.dataset import prepare
from kws.model.examples import choose_examples
from kws.model.keras_loading import load_keras
from kws.model.warm_start import WarmStart, load_warm_start
from kws.pipeline.manifest import manifest_of, seal
from kws.pipeline.run_names import new_run
from kws.pipeline.train import Run, finish
from kws.records import Json
from kws.run_metrics import read_metrics
from kws.train.loop import balance_keywords, balance_none
from kws.workspace import Workspace, find_run, spec_of_run


def average_runs(workspace: Workspace, run: str, other: str, *, share: float, name: str | None,
                 note: Callable[[str], None]) -> Run:
    """Write the run whose weights are `share` of those of `run` and the rest of those of `other`.

    run, other : names or paths, with the keywords, front end and network of the workspace's settings and the same range
    of features. Rare keywords are raised as far as in the run that raised them more (`keyword_balance`); the balance
    between keywords and none is taken anew on validation clips, as after talk.
    """
    check_number("share", share, low=0, high=1, whole=False)
    with new_run(workspace, name) as folder:
        return average_into(folder, workspace, run, other, share=share, note=note)


def average_into(folder: Path, workspace: Workspace, run: str, other: str, *, share: float,
                 note: Callable[[str], None]) -> Run:
    """average_runs, with the folder that the run will be."""
    load_keras()
    from kws.model.zoo import build

    spec, places = workspace.spec, [find_run(one, workspace.models) for one in (run, other)]
    first, second = (load_warm_start(place, spec) for place in places)
    if first.normalisation != second.normalisation:
        raise ModelError(f"{first.name} and {second.name} have different ranges of features; average a run with the "
                         "one that it was started from: kws train --start")
    corpus = scan(workspace.recordings)
    material = prepare(spec, choose_examples(corpus, spec), corpus.noise, cache=workspace.cache,
                       normalisation=first.normalisation)
    network = build(spec, seed=spec.training.seed)
    network.set_weights([share * a + (1 - share) * b for a, b in zip(first.weights, second.weights, strict=True)])
    balance_keywords(network, material.examples.training.labels, missing_balance(places, share))
    clips, labels = material.audio("validation")
    if len(labels):
        note(balance_none(network, material.frontend.extract(clips), labels))
    known = read_metrics(places[0])
    history = known.epochs if known else ()
    with fresh_folder(folder) as making:
        note("quantizing, choosing thresholds, measuring")
        metrics = finish(making, material, network, history, recordings=workspace.recordings)
        manifest = manifest_of(folder.name, material, metrics, making, None)
        seal(making, {**manifest, **origin(first, second, share, folder.name)})
    return Run(folder, metrics)


def missing_balance(places: Sequence[Path], share: float) -> float:
    """What the average of two runs lacks of the greater `keyword_balance`."""
    first, second = (spec_of_run(place).training.keyword_balance for place in places)
    return max(first, second) - (share * first + (1 - share) * second)


def origin(first: WarmStart, second: WarmStart, share: float, name: str) -> dict[str, Json]:
    """What the manifest says about the two runs, and the command that averages them again."""
    return {"command": f"kws average {first.name} {second.name} --share {share:g} --run {name}",
            "average": [{**first.to_json(), "share": share}, {**second.to_json(), "share": 1 - share}]}
