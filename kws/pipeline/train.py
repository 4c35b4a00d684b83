"""Recordings to a run that detects: trains, quantizes, lowers to the engine, chooses thresholds, measures."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kws.calibrate.run import Calibration
from kws.data.corpus import scan
from kws.data.stats import word_stats
from kws.data.talk import Talk, find_rooms, find_talk
from kws.detect.detector import Detector
from kws.device.budget import device_budget, fit_warnings
from kws.engine.decoder import build_decoder_tables
from kws.engine.graph import read_graph
from kws.engine.plan import Plan
from kws.engine.streaming import lower
from kws.errors import ModelError
from kws.export.source import Source
from kws.files import fresh_folder, write_atomic
from kws.model.dataset import Material, prepare
from kws.model.distill import Teacher, Teaching, load_teachers
from kws.model.examples import Examples, choose_examples
from kws.model.keras_types import KerasNetwork
from kws.model.warm_start import WarmStart, load_warm_start
from kws.pipeline.calibration import calibrated
from kws.pipeline.data_notes import data_notes
from kws.pipeline.field_baseline import field_baseline
from kws.pipeline.manifest import manifest_of, seal, training_fingerprint
from kws.pipeline.run_names import new_run
from kws.quantize.convert import convert
from kws.quantize.inspect import WINDOWS, inspect_layers
from kws.records import to_json
from kws.requirements import Requirement
from kws.run_metrics import METRICS, Epoch, LayerQuantization, Metrics, SplitAccuracy, WordCounts
from kws.spec import Spec
from kws.train.choices import Backend, Strategy
from kws.train.loop import train
from kws.validate.clips import FLOAT, STREAMING, ClipSet, classify
from kws.validate.gate import gate_of
from kws.workspace import Workspace, find_run

if TYPE_CHECKING:
    from kws.train.workers import Workers

ANY_THRESHOLD = 0.5  # of the plan that is only asked for its scores
Chooser = Callable[[Material, Detector, Path], Calibration]


@dataclass(frozen=True)
class Run:
    """A finished run: its folder and the content of its metrics.json."""

    folder: Path
    metrics: Metrics

    @property
    def requirements(self) -> tuple[Requirement, ...]:
        """Every requirement of kws.toml."""
        return self.metrics.requirements


def train_run(workspace: Workspace, *, name: str | None, teachers: Sequence[str] = (),
              talk_teachers: Sequence[str] = (), note: Callable[[str], None],
              strategy: Strategy | None = None, start: str | None = None,
              backend: Backend = Backend.TENSORFLOW, scheduler: str | None = None) -> Run | None:
    """Train the network of the workspace's settings and write everything about it to models/<name>/.

    name     : of the run; by default the network's name and the first free number
    teachers : runs, by name or path, that the network learns from beside the labels
    talk_teachers : runs that have heard talk, for every hop of it
    note     : is told in single lines what a person should know on the way
    start    : a run, by name or path, with the same keywords, front end and network: the training begins with its
               weights
    strategy : of tf.distribute, as kws.train.workers names them; only the chief of several workers makes a run, the
               others get None
    backend  : JAX runs the epochs on a graphics card first, and TensorFlow makes the run of them
    scheduler : address of a Dask scheduler whose workers read the clips and make the features; the run is the same
    A training that was stopped goes on after its last whole epoch. Raises DataError if the recordings cannot train a
    network, KwsError if the run exists already.
    """
    with new_run(workspace, name, shared=strategy is not None) as folder:
        return train_into(folder, workspace, teachers=teachers, talk_teachers=talk_teachers, note=note,
                          strategy=strategy, start=start, backend=backend, scheduler=scheduler)


def train_into(folder: Path, workspace: Workspace, *, teachers: Sequence[str], talk_teachers: Sequence[str],
               note: Callable[[str], None], strategy: Strategy | None, start: str | None, backend: Backend,
               scheduler: str | None) -> Run | None:
    """train_run, with the folder that the run will be."""
    spec = workspace.spec
    talk = find_talk(workspace.recordings) if spec.training.talk_percent else ()
    if strategy and any(one.split == "training" for one in talk):
        raise ModelError("several workers cannot train with talk yet; set [training] talk_percent = 0 in kws.toml, or "
                         "leave --strategy out")
    begun = load_warm_start(find_run(start, workspace.models), spec) if start else None
    teaching_runs, talk_runs = ([find_run(run, workspace.models) for run in runs] for runs in (teachers, talk_teachers))
    if backend is Backend.JAX:
        from kws.pipeline.jax_epochs import train_epochs

        train_epochs(workspace, teaching_runs)
    workers = opened(strategy, note)
    material = gathered(workspace, talk, load_teachers(teaching_runs, spec), load_teachers(talk_runs, spec), begun,
                        note=note, scheduler=scheduler)
    trained = training_fingerprint(material, begun)
    if workers:
        workers.agree(trained, spec.training.batch)
    replicas = f"-{workers.replicas}" if workers else ""
    checkpoint = workspace.cache / "training" / f"{trained}{replicas}.npz"
    if not workers:
        material.versions.make(range(min(spec.training.augmented_versions, spec.training.epochs)))
    model, history = train(material, checkpoint=checkpoint, note=note, workers=workers,
                           start=begun.weights if begun else None)
    if workers and not workers.chief:
        note(f"{workers}: trained; the chief writes the run")
        return None
    with fresh_folder(folder) as making:
        note("quantizing, choosing thresholds, measuring")
        metrics = finish(making, material, model, history, recordings=workspace.recordings)
        seal(making, manifest_of(folder.name, material, metrics, making, strategy, begun))
    checkpoint.unlink(missing_ok=True)
    return Run(folder, metrics)


def gathered(workspace: Workspace, talk: Sequence[Talk], teachers: Sequence[Teacher], talk_teachers: Sequence[Teacher],
             begun: WarmStart | None, *, note: Callable[[str], None], scheduler: str | None) -> Material:
    """All that there is to learn from, and what a person should know about it."""
    spec, corpus = workspace.spec, scan(workspace.recordings)
    examples = choose_examples(corpus, spec)
    tell(examples, spec, note)
    material = prepare(spec, examples, corpus.noise, cache=workspace.cache, teachers=teachers,
                       talk_teachers=talk_teachers, talk=talk, rooms=find_rooms(workspace.recordings),
                       normalisation=begun.normalisation if begun else None, scheduler=scheduler)
    if material.stretches:
        note(f"talk: {len(material.stretches.talk) * spec.frontend.hop_ms / 3.6e6:.1f} hours to train with")
    for line in data_notes(workspace, material):
        note(f"note: {line}")
    for teacher in talk_teachers:
        note(f"teacher {teacher.name}: {teacher.model.count_params():,} parameters, for every hop of talk")
    for line in teaching_notes(material.teaching, balance=spec.training.keyword_balance):
        note(line)
    return material


def opened(strategy: Strategy | None, note: Callable[[str], None]) -> "Workers | None":
    """The workers of a strategy, or None if the training stays in this process."""
    if strategy is None:
        return None
    from kws.train.workers import open_workers

    return open_workers(strategy, note=note)


def teaching_notes(teaching: Teaching | None, *, balance: float) -> list[str]:
    """Each teacher in one line: its size, and whether one front end serves it and the network that learns.

    And a warning where rare keywords would be raised twice: in what a teacher says, and after the training.
    """
    if teaching is None:
        return []
    told = [f"teacher {teacher.name}: {teacher.model.count_params():,} parameters, " +
            ("shares its front end with the network" if own is None else "hears every clip through its own front end")
            for teacher, own in zip(teaching.teachers, teaching.frontends, strict=True)]
    balanced = [teacher.name for teacher in teaching.teachers if teacher.plan.spec.training.keyword_balance]
    if balanced and balance:
        told.append(f"note: {', '.join(balanced)} raised rare keywords already, and this training will again; "
                    "set [training] keyword_balance = 0 in kws.toml, or take teachers that were trained with it")
    return told


def tell(examples: Examples, spec: Spec, note: Callable[[str], None]) -> None:
    """What a person should know of the examples, how many there are, and whether the network fits the device."""
    for line in examples.notes:
        note(f"note: {line}")
    note(summary(examples))
    for line in fit_warnings(spec):
        note(line)


def summary(examples: Examples) -> str:
    """How much there is to learn from, in one line."""
    counts = [f"{len(part.clips):,} clips for {split}"
              for split, part in (("training", examples.training), ("validation", examples.validation),
                                  ("testing", examples.testing))]
    return ", ".join(counts)


def finish(folder: Path, material: Material, model: KerasNetwork, history: tuple[Epoch, ...], *,
           recordings: Path, choose: Chooser = calibrated, representative: np.ndarray | None = None) -> Metrics:
    """Everything after the training, written into `folder`; what metrics.json says there.

    recordings     : of the workspace, where talk may lie
    choose         : the operating point of a detector; by default on validation clips in noise and on talk
    representative : int8 [n, frames, features] for the quantization to look at; by default from the training clips
    """
    model.save(folder / "model.keras")
    tflite = convert(model, material.representative() if representative is None else representative)
    write_atomic(folder / "model.tflite", tflite)
    plan = engine_plan(material, tflite)
    point = choose(material, Detector(plan), recordings)
    plan = replace(plan, decoder=point.tables)
    write_atomic(folder / "model.kws", plan.to_bytes())
    limits = material.spec.requirements
    metrics = Metrics(
        model=material.spec.model.name,
        parameters=sum(int(np.prod(weight.shape)) for weight in model.trainable_weights),
        splits={split: measure(material, plan, split, keras_model=folder / "model.keras")
                for split in ("validation", "testing")},
        operating_point=point.point,
        device=device_budget(Source(material.spec.model.name, plan.program, read_graph(tflite), tflite, plan),
                             material.audio("validation")[0], limits),
        quantization=layers_of(material, tflite, model),
        field_baseline=field_baseline(plan, recordings).to_json(),
        training_seconds=sum(epoch.seconds for epoch in history),
        data=counts_of(recordings, material.spec),
        epochs=history,
        bytes={path.name: path.stat().st_size for path in sorted(folder.glob("model.*"))})
    metrics = replace(metrics, requirements=gate_of(limits, metrics))
    write_atomic(folder / METRICS, json.dumps(to_json(metrics), indent=2) + "\n")
    return metrics


def layers_of(material: Material, tflite: bytes, model: KerasNetwork) -> tuple[LayerQuantization, ...]:
    """What quantization did to each layer, on some validation clips; on training clips if there are none."""
    clips, _ = material.audio("validation")
    some = clips if len(clips) else material.audio("training")[0]
    windows = material.frontend.extract(np.asarray(some[::max(1, len(some) // WINDOWS)]))
    return inspect_layers(tflite, model, windows)


def counts_of(recordings: Path, spec: Spec) -> WordCounts:
    """How many clips and speakers each keyword has."""
    corpus = scan(recordings)
    words = {word: word_stats(corpus, word) for word in spec.keywords}
    return WordCounts({word: found.clips for word, found in words.items()},
                      {word: found.speakers for word, found in words.items()})


def engine_plan(material: Material, tflite: bytes) -> Plan:
    """The network as the engine runs it, before thresholds are chosen: good for its scores."""
    spec = material.spec
    decoder = build_decoder_tables(spec, thresholds=dict.fromkeys(spec.keywords, ANY_THRESHOLD), smoothing_ms=0)
    return Plan(spec, material.frontend.tables, lower(read_graph(tflite)), decoder)


def measure(material: Material, plan: Plan, split: str, *, keras_model: Path) -> SplitAccuracy:
    """Of the float network, and of the int8 one in the engine."""
    clips, labels = material.audio(split)
    if not len(labels):
        return SplitAccuracy(None, None)
    result = classify(Detector(plan), ClipSet(clips, labels), tflite=None, keras_model=keras_model)
    return SplitAccuracy(result.confusion(FLOAT).figures(), result.confusion(STREAMING).figures())
