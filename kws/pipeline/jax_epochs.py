"""kws train --backend jax: the epochs run in a process of their own, since a process has one Keras backend for good."""

import multiprocessing
import os
import signal
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

from kws.data.corpus import scan
from kws.data.talk import find_talk
from kws.engine.plan import Plan
from kws.errors import KwsError, ModelError
from kws.features.tables import normalisation_of
from kws.model.dataset import prepare
from kws.model.distill import load_teachers, make_teaching
from kws.model.examples import choose_examples
from kws.model.keras_loading import load_keras
from kws.pipeline.manifest import training_fingerprint
from kws.train import jax_backend
from kws.workspace import Workspace, read_artefact

INTERRUPTED = 130


def train_epochs(place: Workspace, teachers: Sequence[Path]) -> None:
    """Bring the checkpoint of a training to its last epoch before the int8 grid.

    teachers : runs, to learn from beside the labels
    Raises ModelError if JAX or the settings do not allow it, KeyboardInterrupt after Ctrl-C.
    """
    context = multiprocessing.get_context("spawn")
    heard, told = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(place, tuple(teachers), told))
    process.start()
    told.close()
    while process.is_alive():
        try:
            process.join()
        except KeyboardInterrupt:  # the terminal has told the other process too: it ends after its epoch
            continue
    if process.exitcode == INTERRUPTED:
        raise KeyboardInterrupt
    if process.exitcode:
        raise ModelError(heard.recv() if heard.poll() else f"the JAX process ended with status {process.exitcode}")


def _run(place: Workspace, teachers: tuple[Path, ...], told: Connection) -> None:
    """What the other process does."""
    try:
        _train(place, teachers)
    except KwsError as error:
        told.send(str(error))
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None


def _train(place: Workspace, teachers: tuple[Path, ...]) -> None:
    spec = place.spec
    if spec.training.talk_percent and find_talk(place.recordings):
        raise ModelError("JAX trains on single clips, and there is talk to train with: set [training] talk_percent = 0 "
                         "in kws.toml, or leave --backend out")
    if spec.training.augmented_versions:
        raise ModelError("with JAX every epoch is augmented anew: set [training] augmented_versions = 0 in kws.toml")
    corpus = scan(place.recordings)
    plans = [Plan.from_bytes(read_artefact(run, "model.kws")) for run in teachers]  # Keras comes after the processes
    ranges = {normalisation_of(plan.frontend) for plan in plans}
    if len(ranges) > 1 or any(plan.spec.frontend != spec.frontend for plan in plans):
        raise ModelError("with JAX one front end serves all: the teachers need the [frontend] of kws.toml and one "
                         "range of features; train the second with the first as --teacher and distillation_weight = 0")
    material = prepare(spec, choose_examples(corpus, spec), corpus.noise, cache=place.cache,
                       normalisation=ranges.pop() if plans else None)
    jax_backend.use(material)
    pool = ProcessPoolExecutor(mp_context=multiprocessing.get_context("fork"), initializer=signal.signal,
                               initargs=(signal.SIGINT, signal.SIG_IGN))
    try:
        pool.submit(os.getpid).result()  # all of them are forked now, before there are threads and a card
        load_keras("jax")
        teaching = make_teaching(load_teachers(teachers, spec), spec, material.frontend)
        material = replace(material, teaching=teaching)
        jax_backend.use(material)
        jax_backend.train(place.cache / "training" / f"{training_fingerprint(material)}.npz", pool)
    finally:
        pool.shutdown(cancel_futures=True)
