"""kws calibrate: a run's operating point from a target, written into the run, and checked on other sound."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from kws.calibrate.material import Heard, halves, hear_split, stream_halves
from kws.calibrate.sound import NO_RULE, Outcome, Sound, TalkRule
from kws.calibrate.thresholds import (
    HYSTERESIS,
    REFRACTORY_MS,
    SMOOTHING_MS,
    TALK_LAG_MS,
    TALK_LIMITS,
    TALK_MS,
    UNKNOWN_WEIGHTS,
    Choice,
    Grid,
    Target,
    choose,
    tries,
)
from kws.data.truth import read_truth
from kws.detect.detector import PLAN_NAME, Detector, load_detector
from kws.engine.decoder import SCORE_STEPS, DecoderTables, to_hops
from kws.errors import DataError
from kws.files import fresh_folder, write_atomic
from kws.progress import progress
from kws.records import Fields, JsonObject, to_json
from kws.run_metrics import METRICS, KeywordCounts, OperatingPoint, PointCheck, TalkBefore, WantedRates
from kws.spec import Spec
from kws.validate.intervals import hours_to_prove, miss_interval, rate_bound, rate_interval
from kws.validate.negatives import NegativeSource, hear_negatives
from kws.validate.record import forget_decoded, renew
from kws.validate.streams import LabelledTrack, hear_stream
from kws.workspace import Workspace, nearby_workspace, read_json, read_manifest, write_manifest

MANIFEST_NAME = "manifest.json"
RULE = ("the most hits at the target's false alarms per hour, whose rate is extrapolated where few are left; "
        "smoothing, a threshold per keyword, the weight of unknown words, hysteresis and refractory time jointly")


@dataclass(frozen=True)
class Verdict:
    """The target on sound that nothing was chosen on.

    holds  : what was counted keeps it; proven : with 95 % confidence
    refuted : even the interval's lower end breaks it
    """

    holds: bool
    proven: bool
    refuted: bool
    text: str


@dataclass(frozen=True, eq=False)
class Calibration:
    """What was chosen on `sound` and how it does there and on `check`, which is None without other sound."""

    spec: Spec
    hop_ms: float
    target: Target
    sound: Sound
    choice: Choice
    told: tuple[str, ...]
    check: Sound | None
    checked: Outcome | None
    check_told: tuple[str, ...]

    @property
    def smoothing_ms(self) -> float:
        return self.choice.settings.smoothing_hops * self.hop_ms

    @property
    def refractory_ms(self) -> float:
        return self.choice.settings.refractory_hops * self.hop_ms

    @property
    def talk(self) -> TalkBefore | None:
        """The rule about talk before a word; None without one."""
        hops, lag_hops, limit = self.choice.settings.talk
        return TalkBefore(limit / SCORE_STEPS, hops * self.hop_ms, lag_hops * self.hop_ms) if hops else None

    @property
    def thresholds(self) -> dict[str, float]:
        """Keyword -> 0..1."""
        return {word: level / SCORE_STEPS for word, level in zip(self.sound.keywords, self.choice.settings.levels,
                                                                 strict=True)}

    @property
    def tables(self) -> DecoderTables:
        """The choice, as the C reads it."""
        return self.choice.settings.tables(self.sound.labels)

    @property
    def verdict(self) -> Verdict:
        return judge(self.target, self.check, self.checked)

    @property
    def point(self) -> OperatingPoint:
        """For metrics.json: the rule, the choice and its figures, and the check."""
        outcome, weight = self.choice.outcome, self.choice.settings.unknown_weight
        per_keyword = {word: KeywordCounts(int(outcome.hits[k]), int(outcome.said[k] - outcome.hits[k]),
                                           int(outcome.false_alarms[k]))
                       for k, word in enumerate(self.sound.keywords)}
        return OperatingPoint(
            rule=RULE, target=WantedRates(self.target.false_alarms_per_hour, self.target.miss_rate),
            smoothing_ms=self.smoothing_ms, thresholds=self.thresholds,
            hysteresis=self.choice.settings.hysteresis / SCORE_STEPS, refractory_ms=self.refractory_ms,
            talk_rule=self.talk, unknown_weight=weight if weight != 1 else None, told=self.told,
            hours=self.sound.hours, clips=int(outcome.said.sum()), hits=int(outcome.hits.sum()), misses=outcome.misses,
            false_alarms=outcome.total_false_alarms, expected_false_alarms_per_hour=self.choice.expected_per_hour,
            per_keyword=per_keyword, latency_p95_ms=outcome.late_ms, talk=bool(self.sound.negatives),
            check=self.point_check)

    @property
    def point_check(self) -> PointCheck | None:
        """The figures on other sound."""
        if self.check is None or self.checked is None:
            return None
        alarms, hours = self.checked.total_false_alarms, self.check.hours
        return PointCheck(
            told=self.check_told, hours=hours, false_alarms=alarms,
            false_alarms_per_hour=alarms / hours if hours else None,
            interval=rate_interval(alarms, hours) if hours else None,
            upper_bound=rate_bound(alarms, hours) if hours else None, events=int(self.checked.said.sum()),
            misses=self.checked.misses, miss_rate=self.checked.miss_rate, latency_p95_ms=self.checked.late_ms,
            talk=bool(self.check.negatives), holds=self.verdict.holds, proven=self.verdict.proven,
            refuted=self.verdict.refuted)


def judge(target: Target, check: Sound | None, checked: Outcome | None) -> Verdict:
    """The target against what was counted on other sound."""
    if check is None or checked is None:
        return Verdict(False, False, False, "not checked: there is no other sound to check it on")
    if target.miss_rate is not None:
        said = int(checked.said.sum())
        low, high = miss_interval([True] * checked.misses + [False] * (said - checked.misses), [""] * said)
        figure = f"{100 * checked.miss_rate:.1f} % of {said:,} words missed ({100 * low:.1f} to {100 * high:.1f})"
        holds, proven, wanted = checked.miss_rate <= target.miss_rate, high <= target.miss_rate, (
            f"at most {100 * target.miss_rate:g} %")
        refuted = low > target.miss_rate
        return Verdict(holds, proven, refuted, verdict_text(figure, wanted, holds, proven, refuted))
    wanted_rate = target.false_alarms_per_hour or 0.0
    alarms, hours = checked.total_false_alarms, check.hours
    low, high = rate_interval(alarms, hours)
    bound = rate_bound(alarms, hours)
    figure = f"{alarms} false alarms in {hours:.2f} hours: {alarms / hours:.2f} per hour ({low:.2f} to {high:.2f})"
    holds, proven, refuted = alarms <= wanted_rate * hours, bound <= wanted_rate, low > wanted_rate
    text = verdict_text(figure, f"at most {wanted_rate:g} per hour", holds, proven, refuted)
    if holds and not proven:
        text += f"; {hours_to_prove(wanted_rate, false_alarms=alarms):.1f} hours with as few would"
    return Verdict(holds, proven, refuted, text)


def verdict_text(figure: str, wanted: str, holds: bool, proven: bool, refuted: bool) -> str:
    if proven:
        return f"{figure}; {wanted} is proven with 95 % confidence"
    if holds:
        return f"{figure}; {wanted} holds here, but so little sound cannot prove it"
    if not refuted:
        return f"{figure}; more than {wanted.removeprefix('at most ')}, but that lies within the interval"
    return f"{figure}; {wanted} does not hold: what it was chosen on differs from this sound"


def calibrate(run: Path, target: Target, *, negatives: Sequence[Path] = (), stream: Path | None = None,
              truth: Path | None = None, test_negatives: Sequence[Path] = (), test_stream: Path | None = None,
              directory: Path | None = None, after_pause: bool | None = None,
              note: Callable[[str], None] = lambda line: None) -> Calibration:
    """Choose for the target, check on other sound; nothing is written.

    What is not given is taken from the workspace: talk and clips of its validation split to choose on, of its testing
    split to check on. Without other sound to check on, the second half of what was given is kept back for it.
    after_pause : keywords need only be heard after a pause, so that talk before them may bar them; None: as it is in
                  the run, or as kws.toml said when it was trained
    """
    detector = load_detector(run)
    workspace = nearby_workspace(directory)
    chosen_on = gather(workspace, detector, "validation", negatives, stream, truth)
    check = gather(workspace, detector, "testing", test_negatives, test_stream, None)
    chosen_on, check = kept_back(chosen_on, check, note)
    if not chosen_on.streams and not chosen_on.negatives:
        raise DataError("nothing to choose on: give --negatives PATH and --stream WAV --truth CSV, or change to a "
                        "workspace with recordings")
    sound, other = sound_of(detector, chosen_on), sound_of(detector, check)
    if not chosen_on.streams and target.miss_rate is not None:
        raise DataError("misses cannot be counted without keywords: give --stream WAV --truth CSV")
    return choose_and_check(detector, target, sound, chosen_on.told, other, check.told, after_pause=after_pause)


def choose_and_check(detector: Detector, target: Target, sound: Sound, told: tuple[str, ...], other: Sound | None,
                     check_told: tuple[str, ...], *, fixed_timing: bool = False,
                     smoothing_ms: float = 0.0, after_pause: bool | None = None,
                     talk_limit: int = 0) -> Calibration:
    """The choice on one sound and its figures on another.

    fixed_timing : hysteresis and refractory time as kws.toml has them; smoothing_ms : fixed, if it is not 0
    after_pause  : as for `calibrate`; talk_limit : its limit in steps of 1/256, if it is not chosen, too
    """
    grid = grid_of(detector, fixed_timing=fixed_timing, smoothing_ms=smoothing_ms, after_pause=after_pause,
                   talk_limit=talk_limit)
    with progress("choosing", total=tries(grid)) as advance:
        choice = choose(sound, target, grid, advance=advance)
    usable = other if other is not None and (other.hours > 0 or other.events) else None
    return Calibration(detector.plan.spec, hop_ms_of(detector), target, sound, choice, told, usable,
                       usable.outcome(choice.settings) if usable else None, check_told)


def hop_ms_of(detector: Detector) -> float:
    """From one decision to the next."""
    return float(detector.plan.spec.frontend.hop_ms * detector.decide_every)


def grid_of(detector: Detector, *, fixed_timing: bool = False, smoothing_ms: float = 0.0,
            after_pause: bool | None = None, talk_limit: int = 0) -> Grid:
    """What may be chosen: what kws.toml fixed when the run was trained stays."""
    spec, hop_ms = detector.plan.spec, hop_ms_of(detector)
    fixed = spec.detector

    def hops(times_ms: Sequence[float]) -> tuple[int, ...]:
        return tuple(sorted({max(to_hops(time, hop_ms=hop_ms), 1) for time in times_ms}))

    smoothing = smoothing_ms or fixed.smoothing_ms
    if after_pause is None:
        after_pause = fixed.after_pause or detector.plan.decoder.talk_hops > 0
    rules = talk_rules(hop_ms, (talk_limit,)) if talk_limit else (NO_RULE, *talk_rules(hop_ms, TALK_LIMITS))
    return Grid(smoothing_hops=hops((smoothing,) if smoothing else SMOOTHING_MS),
                hysteresis=(round(fixed.hysteresis * SCORE_STEPS),) if fixed_timing else HYSTERESIS,
                refractory_hops=(to_hops(fixed.refractory_ms, hop_ms=hop_ms),) if fixed_timing else hops(REFRACTORY_MS),
                talk=rules if after_pause else (NO_RULE,), unknown_weight=(1,) if fixed_timing else UNKNOWN_WEIGHTS,
                level=min(max(round(fixed.threshold * SCORE_STEPS), 1), 255) if fixed.threshold else None,
                latency_ms=spec.requirements.latency_ms)


def talk_rules(hop_ms: float, limits: Sequence[int]) -> tuple[TalkRule, ...]:
    """What is tried where keywords need only be heard after a pause."""
    return tuple(TalkRule(to_hops(TALK_MS, hop_ms=hop_ms), to_hops(TALK_LAG_MS, hop_ms=hop_ms), limit)
                 for limit in limits)


def gather(workspace: Workspace | None, detector: Detector, split: str, negatives: Sequence[Path], stream: Path | None,
           truth: Path | None) -> Heard:
    """What is given, and from the workspace what is not."""
    streams: tuple[LabelledTrack, ...] = ()
    heard: tuple[NegativeSource, ...] = ()
    told: list[str] = []
    if negatives:
        heard = tuple(source for source in hear_negatives(detector, negatives) if source.hours > 0)
        told += [f"{source.hours:.2f} hours of {source.name}" for source in heard]
    if stream is not None:
        streams = (hear_stream(detector, stream, read_truth(truth or stream.with_suffix(".csv"))),)
        told.append(f"{len(streams[0].truth):,} keywords in {stream.name}, {streams[0].track.hours:.2f} hours")
    if workspace is not None and (not heard or not streams):
        found = hear_split(workspace, detector, split, streams=not streams, negatives=not heard)
        streams, heard, told = streams or found.streams, heard or found.negatives, [*told, *found.told]
    return Heard(streams, heard, tuple(told))


def kept_back(chosen_on: Heard, check: Heard, note: Callable[[str], None]) -> tuple[Heard, Heard]:
    """Halves, if there is sound to choose on but none of its kind to check on."""
    for kind, split in (("negatives", halves), ("streams", stream_halves)):
        given, other = getattr(chosen_on, kind), getattr(check, kind)
        if given and not other:
            parts = [split(one) for one in given]
            kept: Fields = {kind: tuple(first for first, _ in parts)}
            back: Fields = {kind: tuple(second for _, second in parts)}
            chosen_on = replace(chosen_on, **kept)
            check = replace(check, **back, told=(*check.told, f"the second half of the {kind}"))
            note(f"no other {kind} to check on: the second half of them is set aside for that "
                 f"(--test-{kind.removesuffix('s') if kind == 'streams' else kind} names others)")
    return chosen_on, check


def sound_of(detector: Detector, heard: Heard) -> Sound:
    return Sound(detector.plan.spec.keywords, detector.labels, heard.streams, heard.negatives)


def write_calibration(run: Path, calibration: Calibration, *, baseline: JsonObject,
                      now: datetime | None = None) -> None:
    """A new plan, the figures in metrics.json, and in the manifest what they come from: all of it or nothing.

    baseline : what the new plan counts on validation sound, for kws monitor
    """
    plan = load_detector(run).plan
    manifest = read_manifest(run)
    found = to_json(calibration.point)
    with fresh_folder(run, replace=True) as making:
        shutil.copytree(run, making, dirs_exist_ok=True)
        forget_decoded(making)
        write_atomic(making / PLAN_NAME, replace(plan, decoder=calibration.tables).to_bytes())
        if METRICS in manifest.files:
            document = {**read_json(run, METRICS), "operating_point": found,
                        "field_baseline": baseline}  # what else it holds stays as it is
            write_atomic(making / METRICS, json.dumps(document, indent=2) + "\n")
        (making / MANIFEST_NAME).unlink()
        kept = {key: value for key, value in manifest.content.items() if key not in ("files", "created_utc")}
        kept["calibration"] = {"date_utc": (now or datetime.now(UTC)).isoformat(timespec="seconds"),
                               **{key: found[key] for key in ("target", "from", "rule", "test")}}
        write_manifest(making, kept, now=datetime.fromisoformat(manifest.created_utc))
        renew(making, name=run.name)
