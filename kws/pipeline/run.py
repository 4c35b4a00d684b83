"""The whole way of a workspace: recordings to a verified package for a device."""

import hashlib
import json
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

from kws import __version__
from kws.calibrate.run import calibrate, write_calibration
from kws.calibrate.thresholds import Target
from kws.data.check import check_table
from kws.data.clip_table import measure_clips
from kws.data.corpus import scan
from kws.detect.detector import PLAN_NAME, load_detector
from kws.device.profile import choose_audio
from kws.device.verify import VERIFY_SECONDS, verify
from kws.errors import KwsError
from kws.export.export import export_to
from kws.export.numbers import number_of
from kws.export.package import MARK
from kws.export.source import from_run
from kws.files import write_atomic
from kws.pipeline.field_baseline import calibrated_baseline
from kws.pipeline.stages import Result, Stage
from kws.pipeline.train import Run, train_run
from kws.pipeline.transfer import transfer_run
from kws.requirements import broken
from kws.spec import fingerprint
from kws.validate.record import findings, keep
from kws.validate.run import own_requirements, validate
from kws.workspace import Workspace, find_run, list_runs

STATE, LAST, BASE = "run.json", "run_trained.json", "run_base.json"


class Way:
    """The stages of one workspace. run : the run that the training made or that is there."""

    def __init__(self, workspace: Workspace, *, target: str, out: Path, note: Callable[[str], None],
                 base: str | None = None):
        """target, out : what is exported, and where to

        base : the run to learn from, by name or path; by default the one that was named last time, if any
        """
        self.workspace, self.target, self.out, self._note = workspace, target, out, note
        self.base = base or read_text(workspace, BASE)
        if base:
            find_run(base, workspace.models)
            write_text(workspace, BASE, base)
        self.run: Path | None = None
        self._fresh = False  # trained just now, and so calibrated

    @property
    def state(self) -> Path:
        """The file that remembers what was done."""
        return self.workspace.cache / STATE

    def stages(self) -> list[Stage]:
        return [Stage("check", self._checking, self._check),
                Stage("train", self._training, self._train, self._is_trained),
                Stage("calibrate", self._calibration, self._calibrate),
                Stage("validate", self._validation, self._validate),
                Stage("export", self._exporting, self._export, (self.out / MARK).is_file),
                Stage("verify", self._verification, self._verify)]

    # ---- what each depends on

    def _checking(self) -> str:
        self._recordings = recordings_fingerprint(self.workspace.recordings)
        return fingerprint(self._recordings, self.workspace.spec.frontend, __version__)

    def _training(self) -> str:
        spec = self.workspace.spec
        self._mark = fingerprint(list(spec.keywords), spec.frontend, spec.model, spec.training, spec.detector,
                                 self._recordings, __version__, *([self.base] if self.base else []))
        return self._mark

    def _calibration(self) -> str:
        return fingerprint(self._trained().name, self.workspace.spec.requirements.false_alarms_per_hour, __version__)

    def _validation(self) -> str:
        return fingerprint(self._run_mark(), self.workspace.spec.requirements, self._mark)

    def _exporting(self) -> str:
        return fingerprint(self._run_mark(), self.target, str(self.out.resolve()), __version__)

    def _verification(self) -> str:
        return fingerprint(self._run_mark(), __version__)

    def _run_mark(self) -> str:
        """Of the network and how it decides; a validation that is kept in the run does not change it."""
        return hashlib.sha256((self._trained() / PLAN_NAME).read_bytes()).hexdigest()

    # ---- what each does

    def _trained(self) -> Path:
        """The run that the last training made. Raises ModelError if it is gone."""
        if self.run is None:
            self.run = find_run(read_name(self.workspace), self.workspace.models)
        return self.run

    def _is_trained(self) -> bool:
        name = read_name(self.workspace)
        return any(run.name == name for run in list_runs(self.workspace.models))

    def _check(self) -> Result:
        """What is found is only told: setting clips aside is a person's."""
        place, frontend = self.workspace, self.workspace.spec.frontend
        table = measure_clips(scan(place.recordings).clips, cache=place.cache)
        try:
            report = check_table(table, samples=max(frontend.clip_samples, frontend.sample_rate_hz))
        except KwsError as error:
            return Result(f"the recordings were not checked: {error}")
        kinds = ", ".join(f"{kind} {count}" for kind, count in report.counts.items())
        told = f"{kinds}: see kws data check" if kinds else "nothing wrong found"
        return Result(f"{len(table.clips):,} clips, {told}")

    def _train(self) -> Result:
        made: Run | None
        if self.base:
            made = transfer_run(self.workspace, base=self.base, name=None, note=self._note)
        else:
            made = train_run(self.workspace, name=None, note=self._note)
        if made is None:
            raise KwsError("kws run trains in one process; to train with several: kws train --strategy")
        self.run, self._fresh = made.folder, True
        write_name(self.workspace, made.folder.name)
        int8 = made.metrics.splits["validation"].int8
        accuracy = f", {100 * int8.accuracy:.1f} % of validation clips" if int8 and int8.accuracy else ""
        return Result(f"{made.folder.name}{accuracy}")

    def _calibrate(self) -> Result:
        limit = self.workspace.spec.requirements.false_alarms_per_hour
        if self._fresh:
            alarms = "false alarm" if limit == 1 else "false alarms"
            return Result(f"at most {limit:g} {alarms} per hour, chosen by the training")
        found = calibrate(self._trained(), Target(limit, None), directory=self.workspace.root, note=self._note)
        baseline = calibrated_baseline(self._trained(), found, self.workspace.recordings)
        write_calibration(self._trained(), found, baseline=baseline.to_json())
        return Result(found.verdict.text, holds=not found.verdict.refuted)

    def _validate(self) -> Result:
        run, root = self._trained(), self.workspace.root
        outcome = validate(run, directory=root)
        detector = load_detector(run)
        keep(run, findings(detector, outcome, (), sounds=True, today=date.today()),
             own_requirements(run, detector.plan.spec, root))
        missed = [requirement for requirement in outcome.requirements if broken([requirement])]
        said = "; ".join(str(requirement) for requirement in missed) or "every requirement that was measured holds"
        return Result(said, holds=not missed)

    def _export(self) -> Result:
        source = from_run(self._trained())
        if source.plan is None:
            raise KwsError(f"{source.name}: holds no detector; train again with: kws train")
        number = number_of(self.workspace.models, source.plan.fingerprint, run=source.name)
        export_to(self.target, source, self.out, force=True)
        return Result(f"{self.out}: {self.target}, model {number} ({source.plan.fingerprint})")

    def _verify(self) -> Result:
        samples, heard = choose_audio([], self.workspace.recordings, seconds=VERIFY_SECONDS)
        found = verify(from_run(self._trained()), samples, note=self._note)
        if (first := found.first_difference) is not None:
            raise KwsError(f"{first.name} differ from {first.against}: {first.first}; see kws verify")
        compared = sum(one.compared for one in found.comparisons)
        missing = f"; not run: {', '.join(found.missing)}" if found.missing else ""
        return Result(f"{compared:,} numbers equal on {heard}{missing}")


def read_name(workspace: Workspace) -> str | None:
    """Of the run that `kws run` trained last."""
    return read_text(workspace, LAST)


def write_name(workspace: Workspace, name: str) -> None:
    write_text(workspace, LAST, name)


def read_text(workspace: Workspace, file: str) -> str | None:
    """What was written under a name last time; None if nothing was, or if it is damaged."""
    try:
        text = json.loads((workspace.cache / file).read_bytes())
    except (OSError, ValueError):
        return None
    return text if isinstance(text, str) else None


def write_text(workspace: Workspace, file: str, text: str) -> None:
    write_atomic(workspace.cache / file, json.dumps(text) + "\n")


def recordings_fingerprint(recordings: Path) -> str:
    """Of every recording's name, size and time of change, and so of what a training could hear."""
    corpus, digest = scan(recordings), hashlib.sha256()
    for path in (*(clip.path for clip in corpus.clips), *corpus.noise):
        state = os.stat(path)
        digest.update(f"{path.relative_to(recordings)}\0{state.st_size}\0{state.st_mtime_ns}\n".encode())
    return digest.hexdigest()
