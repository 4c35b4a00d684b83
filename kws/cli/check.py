"""kws data check: what is wrong with the recordings, and setting it aside."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kws.cli.common import (
    DirectoryOption,
    JsonOption,
    NoRunOption,
    SchedulerOption,
    helping_run,
    note,
    print_json,
    workspace,
)
from kws.data.choices import Fault
from kws.errors import DataError
from kws.workspace import Workspace

if TYPE_CHECKING:
    from kws.data.check import CheckReport, Finding

LOOKED_AT = (Fault.DROPPED, Fault.NOISY, Fault.CUT_OFF, Fault.SAME_VOICE, Fault.LABEL)


def check(
    fix: Annotated[bool, typer.Option("--fix", help="Set aside or repair what the report says; nothing is deleted.",
                                      )] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Undo the last --fix or --review.")] = False,
    review: Annotated[bool, typer.Option(
        "--review", help="Go through what --fix leaves: p play, k keep, a set aside, r relabel, q quit.")] = False,
    kind: Annotated[list[Fault] | None, typer.Option(
        "--kind", metavar="KIND", show_default=False,
        help=f"Only findings of this kind, one of {', '.join(Fault)} (repeat for several); --fix then sets all of them "
             "aside.")] = None,
    run: Annotated[str | None, typer.Option(
        "--run", metavar="RUN", show_default=False,
        help="The trained run that judges labels. Default: the newest run, if there is one; without one, a small "
             "classifier on spectra.")] = None,
    no_run: NoRunOption = False,
    scheduler: SchedulerOption = None,
    as_json: JsonOption = False,
    directory: DirectoryOption = None,
) -> None:
    """Find recordings that are unreadable, silent, clipped, cut off, noisy, duplicates or under the wrong word.

    With a run it also says whom that run understands worse: accuracy by source, level, noise, voice and speaker.

    What is found is only reported; with --fix it moves to recordings/.quarantine/ with the reason, and --undo moves it
    back.

    Example: kws data check --fix

    Example: kws data check --review --kind label
    """
    from kws.validate.bias import bias_lines, bias_of

    if fix + undo + review > 1:
        raise typer.BadParameter("--fix, --undo and --review exclude each other")
    place = workspace(directory)
    if undo:
        from kws.data.quarantine import undo as take_back

        count, folder = take_back(place.recordings)
        print(f"{count} files are back where they were; {folder} was removed")
        return
    judge = helping_run(run, without=no_run, models=place.models)
    report = checked(place, judge, kinds=kind, scheduler=scheduler)
    groups = bias_of(judge, report.table, scheduler=scheduler) if judge and not kind else []
    if as_json:
        print_json({**report.to_json(), "bias": [group.to_json() for group in groups]})
    else:
        from kws.data.check_text import to_text

        heard_by = f"what {judge.name} hears" if judge else "a small classifier on spectra"
        print("\n".join([to_text(report, judge=heard_by), *bias_lines(groups, judge=judge.name if judge else "")]))
    if fix:
        set_aside(place, report.findings, everything=bool(kind), as_json=as_json)
    elif review:
        look_through(place, report, kinds=tuple(kind or LOOKED_AT))


def checked(place: Workspace, judge: Path | None, *, kinds: list[Fault] | None,
            scheduler: str | None) -> "CheckReport":
    """The report, without what a person has looked at and kept. judge : the run that judges the labels, if any."""
    from dataclasses import replace

    from kws.data.check import check_table
    from kws.data.clip_table import measure_clips
    from kws.data.corpus import scan
    from kws.data.quarantine import kept
    from kws.data.voices import MISSING, is_installed, voice_embedding
    from kws.explore.embedding import embedding_of

    embed = embedding_of(judge, scheduler=scheduler) if judge else None
    table = measure_clips(scan(place.recordings).clips, cache=place.cache, scheduler=scheduler)
    voices = voice_embedding(cache=place.cache, scheduler=scheduler) if is_installed() else None
    if voices is None:
        note(MISSING)
    report = check_table(table, samples=place.spec.frontend.imported_samples, embed=embed, voices=voices,
                         scheduler=scheduler)
    looked_at = kept(place.recordings)
    findings = tuple(finding for finding in report.findings if (finding.name, finding.kind) not in looked_at
                     and (not kinds or finding.kind in kinds))
    return replace(report, findings=findings)


def set_aside(place: Workspace, findings: Sequence["Finding"], *, everything: bool, as_json: bool) -> None:
    """Do what the findings say, or set all of them aside; one line about it."""
    from dataclasses import replace

    from kws.data.check import Action
    from kws.data.quarantine import fix

    if everything:
        findings = [replace(finding, action=Action.ASIDE) if finding.action == Action.REPORT else finding
                    for finding in findings]
    done = fix(place.recordings, findings)
    say: Callable[[str], None] = note if as_json else print
    if done.folder is None:
        say("nothing to set aside or repair")
    else:
        say(f"{done.aside} set aside, {done.repaired} repaired; the originals are in {done.folder}; "
            "to take it back: kws data check --undo")


def look_through(place: Workspace, report: "CheckReport", *, kinds: tuple[Fault, ...]) -> None:
    """A person decides, one clip after the other."""
    from kws.audio.files import read_samples
    from kws.cli.terminal import is_interactive, open_screen, player
    from kws.data.curation import review
    from kws.data.quarantine import fix, keep

    if not is_interactive(plain=False):
        raise DataError("--review needs a terminal with keys; without one: kws data check --kind label --fix")
    findings = [finding for finding in report.findings if finding.kind in kinds]
    with open_screen(plain=False) as screen:
        play = player(screen)
        decided = review(findings, screen, play=lambda path: play(read_samples(Path(path))))
    keep(place.recordings, decided.kept)
    done = fix(place.recordings, decided.aside, relabel=decided.relabelled)
    print(f"{len(decided.kept)} kept, {done.aside} set aside, {done.repaired} repaired, {done.relabelled} filed under "
          "another word" + ("; to take it back: kws data check --undo" if done.folder else ""))
