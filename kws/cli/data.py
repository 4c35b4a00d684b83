"""kws data: get recordings, and see what there is."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kws.cli import align, check, splice
from kws.cli.choices import EngineName, EngineNames, engine_names
from kws.cli.common import (
    REQUIREMENT_NOT_MET,
    Commands,
    DirectoryOption,
    JsonOption,
    RunOption,
    SchedulerOption,
    note,
    print_json,
    say,
    workspace,
)
from kws.data.choices import Layout, Split
from kws.errors import DataError
from kws.words import fault, normal

if TYPE_CHECKING:
    from kws.data.import_report import Imported

SHOWN = 20  # files that were left out, before the rest is only counted
app = typer.Typer(cls=Commands, rich_markup_mode=None, no_args_is_help=True,
                  help="Get recordings: download, import or synthesize them, and count what there is.")
SeedOption = Annotated[int, typer.Option("--seed", min=0, max=99_999, metavar="N",
                                         help="Seed of everything drawn at random.")]


@app.command()
def download(
    url: Annotated[str | None, typer.Option(
        "--url", metavar="URL", show_default=False,
        help="Another archive of words (.tar.gz, .tgz, .tar, .zip). Default: Speech Commands v0.02, 2.4 GB.")] = None,
    sha256: Annotated[str | None, typer.Option(
        "--sha256", metavar="HEX", show_default=False,
        help="Digest that the archive must have; known for Speech Commands.")] = None,
    source: Annotated[str, typer.Option("--source", metavar="NAME",
                                        help="Folder under recordings/.")] = "speech_commands",
    directory: DirectoryOption = None,
) -> None:
    """Get Speech Commands: 105,829 clips of 35 words (CC BY 4.0, Warden, P. "Speech Commands", 2018).

    If it is interrupted, run the same command again to continue. Needs 6 GB of disk space, 3.5 GB afterwards.

    Example: kws data download
    """
    from kws.data import speech_commands
    from kws.data.corpus import source_folder

    place = workspace(directory)
    folder = source_folder(place.recordings, source)
    done = speech_commands.download(folder, place.cache / "downloads", url=url or speech_commands.URL, sha256=sha256,
                                    samples=place.spec.frontend.imported_samples)
    if done.imported is None:
        print(f"{folder}: complete already")
        return
    if sha256 is None and url is not None:
        note(f"its SHA-256 was not checked; to check it next time: --sha256 {done.sha256}")
    report_import(done.imported, folder, place.spec.keywords)


@app.command("import")
def import_(
    paths: Annotated[list[Path], typer.Argument(
        metavar="PATH", help="Folders of words, archives of them (.tar.gz, .tgz, .tar, .zip), or audio files.",
        show_default=False)],
    word: Annotated[str | None, typer.Option(
        "--word", metavar="WORD", show_default=False,
        help="File everything under this word; _background_noise_ for noise. Default: the name of a folder, in lower "
             "case.")] = None,
    source: Annotated[str | None, typer.Option(
        "--source", metavar="NAME", show_default=False,
        help="Folder under recordings/. Default: the name of the folder or archive; 'own' for single files.")] = None,
    speaker: Annotated[str | None, typer.Option(
        "--speaker", metavar="NAME", show_default=False,
        help="Who speaks in all of these files. Default: the folder of a person, or the file name up to _nohash_.",
    )] = None,
    layout: Annotated[Layout | None, typer.Option(
        "--layout", show_default=False,
        help="Which folders are words and which are people. Default: worked out from the keywords of kws.toml.",
    )] = None,
    accept: Annotated[bool, typer.Option(
        "--accept", help="Also take clips without a word, and clips that are clipped nearly throughout.")] = False,
    directory: DirectoryOption = None,
) -> None:
    """Import recordings of any rate, channels and format as 16 kHz mono clips.

    Shorter clips are padded, longer ones cut to the second with the word; noise keeps its length. Clips without a word
    are set aside in _refused_/. Importing again changes nothing.

    Example: kws data import my-recordings

    Example: kws data import one.wav two.mp3 --word yes --speaker anna
    """
    from kws.data.corpus import source_folder
    from kws.data.importer import import_path, source_name

    place = workspace(directory)
    for path in paths:
        folder = source_folder(place.recordings, source or source_name(path))
        report = import_path(path, folder, word=normal(word) if word else None, speaker=speaker,
                             keywords=place.spec.keywords,
                             layout=layout, samples=place.spec.frontend.imported_samples, accept=accept)
        report_import(report, folder, place.spec.keywords)


def report_import(report: "Imported", folder: Path, keywords: tuple[str, ...]) -> None:
    """What was imported, and notes about what was left out."""
    from kws.data.admission import ASIDE

    say(f"{folder}: {report.written} written, {report.kept} there already; "
        f"{report.padded} padded, {report.cut} cut to the word")
    for line in report.table():
        say(line)
    for line in report.reasons(folder / ASIDE):
        note(line)
    tell(report.refused, "left out: ")
    tell(report.notes)
    if report.clips and not set(report.clips) & set(keywords):
        note(f"none of these words is a keyword of kws.toml ({', '.join(keywords)}); if they are people: "
             "--layout word/speaker")
    if report.passed_over:
        tell_passed_over(report)
    if report.test_labels:
        note(f"left out: {report.test_labels} files in _silence_ and _unknown_, which belong to a test; "
             "to measure a model with them: kws validate --clips DIR")
    if report.own_speaker:
        note(f"{report.own_speaker} file names hold no speaker (as speaker_nohash_1.wav does): each name counts "
             "as a speaker of its own, so one voice may both train and test; name it with --speaker")


def tell(lines: list[str], start: str = "") -> None:
    """Some notes, and how many more there are."""
    for line in lines[:SHOWN]:
        note(f"{start}{line}")
    if len(lines) > SHOWN:
        note(f"{start}{len(lines) - SHOWN} more")


def tell_passed_over(report: "Imported") -> None:
    """Files that are no sound, and those that ffmpeg or PyAV would read."""
    from kws.audio.foreign import INSTALL, is_foreign

    foreign = {suffix: number for suffix, number in report.passed_over.items() if is_foreign(f"a{suffix}")}
    if foreign:
        note("left out: " + ", ".join(f"{number} {suffix}" for suffix, number in foreign.items())
             + f": to read them, {INSTALL}")
    others = [f"{number} {suffix}" for suffix, number in report.passed_over.most_common() if suffix not in foreign]
    if others:
        note("not sound, skipped: " + ", ".join(others[:SHOWN]))


@app.command()
def synth(
    words: Annotated[list[str] | None, typer.Argument(
        metavar="WORD", help="Words to speak. Default: the keywords of kws.toml.", show_default=False)] = None,
    count: Annotated[int, typer.Option("--count", min=0, max=100_000, metavar="N", help="Clips of each word.")] = 100,
    near_misses: Annotated[int, typer.Option(
        "--near-misses", min=0, max=100_000, metavar="N",
        help="Clips of each of about 15 made-up words that sound nearly like WORD or are pieces of it.")] = 0,
    unknown: Annotated[int | None, typer.Option(
        "--unknown", min=0, max=100_000, metavar="N", show_default=False,
        help="Clips of each of about 70 other words. Default: a tenth of --count if there are no other words yet.",
    )] = None,
    noise: Annotated[bool | None, typer.Option(
        "--noise/--no-noise", show_default=False,
        help="Also make six minutes of background noise. Default: if there is none yet.")] = None,
    stream: Annotated[Path | None, typer.Option(
        "--stream", metavar="FILE", show_default=False,
        help="Instead of clips, one long recording (.wav or .flac) that says each word --count times among other "
             "speech, by the voices of the testing split; FILE.csv says when.")] = None,
    talk: Annotated[float | None, typer.Option(
        "--talk", min=0.1, max=100_000, metavar="MINUTES", show_default=False,
        help="Instead of clips, talk to train with beside people's: English by all engines, and common words of sixty "
             "other languages by espeak-ng, half and half.")] = None,
    split: Annotated[Split | None, typer.Option(
        "--split", show_default=False,
        help="Use only the voices of this split. With training (about eight clips in ten), validation and testing are "
             "left to real recordings.")] = None,
    source: Annotated[str, typer.Option("--source", metavar="NAME", help="Folder under recordings/.")] = "synth",
    engine: Annotated[EngineNames | None, typer.Option(
        "--engine", metavar=f"[{'|'.join(EngineName)}],...", show_default=False, parser=engine_names,
        help="Who speaks; several of them in turns. Default: all that are installed but kokoro, which takes seconds "
             "for a word.")] = None,
    engine_command: Annotated[str | None, typer.Option(
        "--engine-command", metavar="COMMAND", show_default=False,
        help="Any program as one more voice; {out} stands for the WAV file that it writes, {text} for what to say "
             "(without {text}, the program reads it from its standard input).")] = None,
    seed: SeedOption = 1,
    scheduler: SchedulerOption = None,
    directory: DirectoryOption = None,
) -> None:
    """Speak words with synthesizers, in many voices, for a start without recordings.

    Existing files are kept: the same command again changes nothing, and a larger --count adds clips.

    Example: kws data synth yes no --count 300

    Example: kws data synth --engine pico,flite --near-misses 5

    Example: kws data synth --talk 120
    """
    from kws.data.corpus import source_folder
    from kws.data.talk import TALK
    from kws.speech import synthesis
    from kws.speech.engines.registry import choose_engines, missing
    from kws.speech.spoken_stream import write_stream
    from kws.speech.talk import speak_to_train

    if not count and not near_misses:
        raise typer.BadParameter("0 only makes sense with --near-misses", param_hint="--count")
    place = workspace(directory)
    chosen = tuple(dict.fromkeys(map(normal, words or place.spec.keywords)))
    if wrong := next(filter(None, map(fault, chosen)), None):
        raise DataError(wrong)
    if stream is not None:
        length_s, events = write_stream(stream, chosen, count=count, seed=seed)
        print(f"{stream}: {length_s:.1f} s with {len(events)} keywords; truth in {stream.with_suffix('.csv')}")
        return
    engines = choose_engines(engine or (), engine_command)
    if talk is not None:
        talking = synthesis.spoken_source(source_folder(place.recordings, source)) / TALK
        spoken = speak_to_train(talking, place.spec.keywords, minutes=talk, engines=engines, seed=seed)
        for what, made in spoken.items():
            print(f"{what}: {made.written} written, {made.kept} there already")
        return
    for one in engines:
        note(f"{one.name}: {len(one.voices())} voices; licence: {one.licence}")
    for one in () if engine else missing():
        note(f"{one.name}: not installed; for more voices: {one.install}")
    result = synthesis.make_corpus(source_folder(place.recordings, source), chosen, keywords=place.spec.keywords,
                                   count=count, unknown=unknown, near_misses=near_misses, noise=noise,
                                   samples=place.spec.frontend.imported_samples, seed=seed, split=split and split.value,
                                   engines=engines, scheduler=scheduler)
    for what, made in result.items():
        print(f"{what}: {made.written} written, {made.kept} there already")


app.command()(check.check)
app.command()(align.align)
app.command()(splice.splice)


@app.command()
def stats(as_json: JsonOption = False, directory: DirectoryOption = None) -> None:
    """Count clips, speakers and splits of each word; exit status 3 if a keyword has fewer than kws.toml asks for.

    Example: kws data stats --json
    """
    from kws.data.corpus import scan
    from kws.data.stats import measure, to_text
    from kws.data.strays import stray_notes

    place = workspace(directory)
    measured = measure(scan(place.recordings), place.spec)
    if as_json:
        print_json(measured.to_json())
    else:
        for line in to_text(measured, place.spec.keywords).splitlines():
            say(line)
    tell([*measured.unreadable, *stray_notes(place.recordings)])
    if not all(requirement.holds for requirement in measured.requirements):
        note("some requirements are not met: add recordings, or change [requirements] in kws.toml")
        raise typer.Exit(REQUIREMENT_NOT_MET)


@app.command()
def mine(
    paths: Annotated[list[Path], typer.Argument(
        metavar="PATH", show_default=False,
        help="Audio without keywords, any hours of it: files, or folders with everything below them. Recordings whose "
             "transcript holds a keyword are left out.")],
    nearly: Annotated[float, typer.Option(
        "--nearly", min=0.05, max=1.0, metavar="SHARE",
        help="Keep what reaches this share of a threshold; 1 keeps false alarms only.")] = 0.6,
    count: Annotated[int, typer.Option(
        "--count", min=1, max=1_000_000, metavar="N", help="Keep at most this many: the worst.")] = 2_000,
    source: Annotated[str, typer.Option("--source", metavar="NAME", help="Folder under recordings/.")] = "mined",
    run: RunOption = None,
    as_json: JsonOption = False,
    directory: DirectoryOption = None,
) -> None:
    """Keep the moments of talk that a run mistakes for its keywords, so that the next training learns from them.

    Writes the seconds around each of them to recordings/SOURCE/_talk_/training/, and where they came from to mined.csv.
    Then train, and mine again with the new run, until little is found. Recordings that were mined can no longer measure
    a run: validate on others.

    Example: kws data mine radio/ meeting.mp3 --run ds_cnn-1
    """
    from dataclasses import asdict

    from kws.pipeline.mine import mine as dig
    from kws.workspace import find_run

    place = workspace(directory)
    mined = dig(place, find_run(run, place.models), paths, source=source, nearly=nearly, count=count)
    if as_json:
        print_json({"hours": mined.hours, "fired": mined.fired, "written": mined.written,
                    "finds": [asdict(find) | {"origin": str(find.origin)} for find in mined.finds]})
        return
    print(f"{mined.folder}: {mined.written} written, {len(mined.finds) - mined.written} there already; "
          f"{mined.fired} of them triggered in {mined.hours:.2f} hours")
    if mined.finds:
        note("next: kws train, which learns from them; then, on other sound: kws validate --negatives PATH")
