"""The search for a setting: front end, network and width, under the requirements of kws.toml.

Optuna proposes candidates (TPE over accuracy and cost together) and stores them in SQLite, so that a search that was
stopped goes on. What cannot meet the device's requirements is refused before it is trained, by the untrained network;
what is left is trained for a few epochs and judged, int8, in the streaming engine, on the validation split.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kws import __version__
from kws.data.corpus import Corpus, scan
from kws.detect.detector import Detector
from kws.device.budget import device_budget, untrained_source
from kws.device.toolchain import require_device
from kws.errors import KwsError, ModelError
from kws.model.dataset import prepare
from kws.model.examples import Examples, choose_examples
from kws.pipeline.choices import Cost
from kws.pipeline.manifest import training_fingerprint
from kws.pipeline.train import counts_of, engine_plan, summary
from kws.processors import PROCESSORS
from kws.quantize.convert import convert
from kws.records import Fields, from_json, to_json
from kws.run_metrics import Budget, CountedBudget, MeasuredBudget, WordCounts
from kws.spec import Requirements, Spec, fingerprint
from kws.train.loop import train
from kws.validate.clips import ClipSet, classify
from kws.workspace import Workspace

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial, Trial

WIDTHS = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0)
FRONTEND = {"hop_ms": (10, 16, 20, 30), "bands": (20, 32, 40), "coefficients": (0, 10, 16),
            "high_hz": (4_000.0, 7_600.0)}
STARTUP = 8  # candidates at random, before those trained say where to look
MOST_MISSES = 60  # proposals in a row that are refused or known, before the search ends
FINISHED, REFUSED = "finished", "refused"


@dataclass(frozen=True)
class Search:
    """What to look for. epochs : of each candidate's training. cost : the other side of the trade."""

    networks: tuple[str, ...]
    epochs: int
    trials: int
    cost: Cost


@dataclass(frozen=True)
class Settings:
    """What the search changes: the network, its width, and FRONTEND."""

    name: str
    width: float
    hop_ms: int
    bands: int
    coefficients: int
    high_hz: float

    def __str__(self) -> str:
        features = f"{self.coefficients} of {self.bands} MFCC" if self.coefficients else f"{self.bands} log mel"
        return f"{self.name} x {self.width:g}, {features} to {self.high_hz:g} Hz, hop {self.hop_ms} ms"


@dataclass(frozen=True)
class Candidate:
    """One setting that was looked at.

    state : FINISHED or REFUSED. settings : what the search chose. budget : of the untrained network; None if its
    settings do not go together. refusal : why it was not trained. accuracy, interval : 0..1, of n validation clips.
    """

    number: int
    state: str
    settings: Settings
    budget: Budget | None
    refusal: str = ""
    accuracy: float = 0.0
    interval: tuple[float, float] = (0.0, 1.0)
    n: int = 0
    seconds: float = 0.0

    def cost(self, kind: Cost) -> float | None:
        """In its unit; None if it was not measured."""
        if self.budget is None:
            return None
        if kind is Cost.INSTRUCTIONS:
            return self.budget.instructions_per_second if isinstance(self.budget, MeasuredBudget) else None
        return self.budget.flash_bytes.total if kind is Cost.FLASH else self.budget.ram_bytes.total

    def __str__(self) -> str:
        return str(self.settings)


@dataclass(frozen=True)
class Tuned:
    """A search that has ended. front : the finished candidates that none beats in both accuracy and cost."""

    spec: Spec
    search: Search
    candidates: tuple[Candidate, ...]
    front: tuple[Candidate, ...]
    chosen: Candidate
    notes: tuple[str, ...]
    data: WordCounts | None = None

    @property
    def chosen_spec(self) -> Spec:
        """kws.toml with the chosen front end, network and width; everything else as it was."""
        return with_settings(self.spec, self.chosen.settings)


def tune(workspace: Workspace, search: Search, *, note: Callable[[str], None], pick: int | None = None) -> Tuned:
    """Look at candidates until `search.trials` of them are trained, going on where an earlier search stopped.

    note : is told in single lines what happens. pick : number of the candidate to choose, instead of `choose`.
    Raises KwsError if nothing fits, Optuna is missing, or another search is at work in this workspace.
    """
    spec = workspace.spec
    require_optuna()
    corpus = scan(workspace.recordings)
    examples = choose_examples(corpus, spec)
    if not len(examples.validation.all_labels):
        raise ModelError("no validation clips to compare candidates on; record more speakers: kws data stats")
    notes = device_note(search)
    for line in (*examples.notes, *notes):
        note(f"note: {line}")
    note(summary(examples))
    folder = workspace.cache / "tune" / study_fingerprint(spec, search, examples)
    with opened(folder) as study:
        misses = 0
        while sum(one.state == FINISHED for one in looked_at(study)) < search.trials and misses < MOST_MISSES:
            found = look(study, workspace, search, corpus, examples, note)
            misses = 0 if found is not None and found.state == FINISHED else misses + 1
        if misses == MOST_MISSES:
            note(f"note: {MOST_MISSES} proposals in a row were refused or already known: the search ends here")
        candidates = looked_at(study)
    front = pareto_front(candidates, search.cost)
    chosen = choose(front) if pick is None else picked(candidates, pick)
    return Tuned(spec, search, candidates, front, chosen, notes, counts_of(workspace.recordings, spec))


def device_note(search: Search) -> tuple[str, ...]:
    """What is not measured if the emulated device is not installed. Raises KwsError if it is the cost."""
    try:
        require_device()
    except KwsError as error:
        if search.cost is Cost.INSTRUCTIONS:
            raise KwsError(f"instructions are counted on the emulated device: {error}; "
                           "or compare by size: --cost flash") from error
        return (f"flash and RAM are counted from the tables, instructions and duty are not checked: {error}",)
    return ()


def study_fingerprint(spec: Spec, search: Search, examples: Examples) -> str:
    """Equal for searches over the same candidates, whichever of them stands in kws.toml."""
    first: Fields = {name: values[0] for name, values in FRONTEND.items()}
    fixed = with_settings(spec, replace(settings_of(spec), name="linear", width=1.0, **first))
    return fingerprint(list(spec.keywords), spec.requirements, fixed.frontend, fixed.model, spec.training,
                       examples.fingerprint, search_space(spec, search), search.epochs, search.cost, __version__)


def require_optuna() -> None:
    """Raise KwsError if it is not installed."""
    try:
        import optuna  # noqa: F401
    except ImportError as error:
        raise KwsError("kws tune needs optuna, which is not installed; next: pip install 'kws[tune]', "
                       "in a clone: pip install '.[tune]'") from error


@contextmanager
def opened(folder: Path) -> Iterator["Study"]:
    """Optuna's study in `folder`, for this process alone. Raises KwsError if another one has it."""
    import fcntl

    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise KwsError("another kws tune is at work on this search; wait for it, or stop it with Ctrl-C") from error
        storage = optuna.storages.RDBStorage(f"sqlite:///{folder / 'study.db'}")
        try:
            yield optuna.create_study(study_name="kws", storage=storage, load_if_exists=True,
                                      directions=["maximize", "minimize"])
        finally:
            storage.engine.dispose()


def look(study: "Study", workspace: Workspace, search: Search, corpus: Corpus, examples: Examples,
         note: Callable[[str], None]) -> Candidate | None:
    """Take the next candidate to its end; None if it is one that was looked at before."""
    import optuna

    trial, settings = propose(study, workspace.spec, search)
    known = next((other for other in finished(study) if other.user_attrs.get("settings") == to_json(settings)), None)
    if known is not None:
        study.tell(trial, known.values, state=known.state)
        return None
    candidate = judged(workspace, search, corpus, examples, trial.number, settings, note)
    for name, value in to_json(candidate).items():
        trial.set_user_attr(name, value)
    if candidate.state == REFUSED:
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
    else:
        study.tell(trial, [candidate.accuracy, candidate.cost(search.cost)])
    return candidate


def propose(study: "Study", spec: Spec, search: Search) -> tuple["Trial", Settings]:
    """The next candidate: one that was interrupted, the setting of kws.toml first of all, or what Optuna proposes.

    Its random numbers depend on the seed and the candidate's number alone, so that a search that was stopped goes on
    as if it had not been.
    """
    import optuna

    space = search_space(spec, search)
    if not study.trials:
        study.enqueue_trial({name: value for name, value in to_json(settings_of(spec)).items() if value in space[name]})
    seed = (spec.training.seed * 1_000_003 + len(finished(study))) % 2**32
    study.sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP)
    interrupted = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,))
    trial = optuna.trial.Trial(study, interrupted[0]._trial_id) if interrupted else study.ask()
    settings = Settings(**{name: trial.suggest_categorical(name, values) for name, values in space.items()})
    return trial, replace(settings, width=1.0) if settings.name == "linear" else settings  # it has no channels


def search_space(spec: Spec, search: Search) -> dict[str, Sequence[str | float]]:
    """The values of each setting: those named above, and that of kws.toml."""
    own = settings_of(spec)
    return {"name": search.networks, **{name: sorted({*choices, getattr(own, name)})
                                        for name, choices in {"width": WIDTHS, **FRONTEND}.items()}}


def settings_of(spec: Spec) -> Settings:
    """What the search changes, as it stands in `spec`."""
    return Settings(spec.model.name, spec.model.width, *(getattr(spec.frontend, name) for name in FRONTEND))


def with_settings(spec: Spec, settings: Settings) -> Spec:
    """`spec` with the settings of a candidate. Raises SpecError if they do not go together."""
    frontend = {name: getattr(settings, name) for name in FRONTEND}
    return replace(spec, frontend=replace(spec.frontend, **frontend),
                   model=replace(spec.model, name=settings.name, width=settings.width))


def judged(workspace: Workspace, search: Search, corpus: Corpus, examples: Examples, number: int,
           settings: Settings, note: Callable[[str], None]) -> Candidate:
    """One candidate: refused for what it would cost, or trained and measured."""
    budget: Budget | None = None
    try:
        spec = with_settings(workspace.spec, settings)
        spec = replace(spec, training=replace(spec.training, epochs=search.epochs))
        material = prepare(spec, examples, corpus.noise, cache=workspace.cache)
        clips, labels = material.audio("validation")
        budget = device_budget(untrained_source(spec), clips, spec.requirements)
        if search.cost is Cost.INSTRUCTIONS and isinstance(budget, CountedBudget):
            raise ModelError(budget.note)
        broken = [str(one) for one in budget.requirements if not one.holds]
        if broken:
            raise ModelError("; ".join(broken))
        note(f"candidate {number}: {settings}: fits; training")
        checkpoint = workspace.cache / "training" / f"{training_fingerprint(material)}.npz"
        model, history = train(material, checkpoint=checkpoint, note=note)
        plan = engine_plan(material, convert(model, material.representative()))
    except KwsError as error:
        note(f"candidate {number}: {settings}: refused: {error}")
        return Candidate(number, REFUSED, settings, budget, refusal=str(error))
    found = classify(Detector(plan), ClipSet(clips, labels), tflite=None, keras_model=None).confusion().figures()
    checkpoint.unlink(missing_ok=True)
    candidate = Candidate(number, FINISHED, settings, budget, "", found.accuracy or 0.0, found.interval, found.n,
                          sum(epoch.seconds for epoch in history))
    note(f"candidate {number}: {candidate}: {candidate.accuracy:.1%} at {candidate.cost(search.cost):,.0f} "
         f"{search.cost.unit}")
    return candidate


def looked_at(study: "Study") -> tuple[Candidate, ...]:
    """Every candidate as it was stored, in order; proposals that were known already are none."""
    return tuple(from_json(Candidate, trial.user_attrs) for trial in finished(study) if trial.user_attrs)


def finished(study: "Study") -> list["FrozenTrial"]:
    """Optuna's records of all proposals that were taken to their end."""
    return [trial for trial in study.get_trials(deepcopy=False) if trial.state.is_finished()]


def pareto_front(candidates: Sequence[Candidate], cost: Cost) -> tuple[Candidate, ...]:
    """The finished candidates that no other beats in both, the cheapest first."""
    front: list[Candidate] = []
    trained = [candidate for candidate in candidates if candidate.state == FINISHED]
    for candidate in sorted(trained, key=lambda one: (one.cost(cost), -one.accuracy, one.number)):
        if not front or candidate.accuracy > front[-1].accuracy:
            front.append(candidate)
    return tuple(front)


def choose(front: Sequence[Candidate]) -> Candidate:
    """The cheapest whose accuracy is within one standard error of the best: a smaller difference is likely luck.

    Raises KwsError if nothing was trained.
    """
    if not front:
        raise KwsError("no candidate meets [requirements] in kws.toml: each was refused before training, as the lines "
                       "above say; loosen flash_bytes, ram_bytes, duty_percent or clock_mhz")
    best = front[-1]
    error = math.sqrt(best.accuracy * (1 - best.accuracy) / best.n)
    return next(candidate for candidate in front if candidate.accuracy >= best.accuracy - error)


def picked(candidates: Sequence[Candidate], number: int) -> Candidate:
    """The finished candidate of that number. Raises KwsError if there is none."""
    trained = {candidate.number: candidate for candidate in candidates if candidate.state == FINISHED}
    if number not in trained:
        raise KwsError(f"candidate {number} was not trained; there are: {', '.join(map(str, trained))}")
    return trained[number]


def limit_of(requirements: Requirements, cost: Cost) -> float:
    """What [requirements] allows, in the unit of the cost; instructions follow from clock and duty."""
    if cost is Cost.INSTRUCTIONS:
        cycles = requirements.clock_mhz * 1e6 * requirements.duty_percent / 100
        return cycles / PROCESSORS[requirements.cpu].cycles_per_instruction
    return getattr(requirements, f"{cost}_bytes")
