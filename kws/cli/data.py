"""kws data: get recordings, and see what there is."""

from pathlib import Path
from typing import Annotated

import typer

from kws.cli.common import REQUIREMENT_NOT_MET, Commands, DirectoryOption, JsonOption, note, print_json, workspace

app = typer.Typer(cls=Commands, rich_markup_mode=None, no_args_is_help=True,
                  help="Get recordings: download, import or synthesize them, and count what there is.")
SeedOption = Annotated[int, typer.Option("--seed", min=0, max=99_999, help="Of everything that is drawn at random.")]


@app.command()
def synth(
    words: Annotated[list[str] | None, typer.Argument(
        metavar="[WORD]...", help="Words to speak. Default: the keywords of kws.toml.", show_default=False)] = None,
    count: Annotated[int, typer.Option("--count", min=1, max=100_000, help="Clips of each word.")] = 100,
    unknown: Annotated[int | None, typer.Option(
        "--unknown", min=0, max=100_000, metavar="N", show_default=False,
        help="Clips of each of about 70 other words. Default: a tenth of --count where there are no other words yet.",
    )] = None,
    noise: Annotated[bool | None, typer.Option(
        "--noise/--no-noise", show_default=False,
        help="Six minutes of background noise. Default: where there is none yet.")] = None,
    stream: Annotated[Path | None, typer.Option(
        "--stream", metavar="FILE", show_default=False,
        help="Instead of clips, one long recording (.wav or .flac) that says each word --count times among other "
             "speech, by the voices of the testing split; FILE.csv says when.")] = None,
    source: Annotated[str, typer.Option("--source", metavar="NAME", help="Folder under recordings/.")] = "synth",
    seed: SeedOption = 1,
    directory: DirectoryOption = None,
) -> None:
    """Speak words with a synthesizer, in 79 voices, for a start without recordings.

    Files that are there stay as they are: the same command again changes nothing, a larger --count adds clips.

    Example: kws data synth yes no --count 300
    """
    from kws.data import synth as synthesis
    from kws.data.corpus import source_folder
    from kws.data.stream import write_stream

    place = workspace(directory)
    chosen = tuple(dict.fromkeys(words or place.spec.keywords))
    if stream is not None:
        length_s, events = write_stream(stream, chosen, count=count, seed=seed)
        print(f"{stream}: {length_s:.1f} s with {len(events)} keywords; truth in {stream.with_suffix('.csv')}")
        return
    result = synthesis.make_corpus(source_folder(place.recordings, source), chosen, keywords=place.spec.keywords,
                                   count=count, unknown=unknown, noise=noise, samples=place.spec.frontend.clip_samples,
                                   seed=seed)
    for what, made in result.items():
        print(f"{what}: {made.written} written, {made.kept} there already")


@app.command()
def stats(as_json: JsonOption = False, directory: DirectoryOption = None) -> None:
    """Count clips, speakers and splits of each word; status 3 where a keyword has fewer than kws.toml requires.

    Example: kws data stats --json
    """
    from kws.data.corpus import scan
    from kws.data.stats import measure, to_text

    place = workspace(directory)
    measured = measure(scan(place.recordings), place.spec)
    if as_json:
        print_json(measured.to_json())
    else:
        print(to_text(measured, place.spec.keywords))
    if not all(requirement.holds for requirement in measured.requirements):
        note("some requirements are not met: add recordings, or change [requirements] in kws.toml")
        raise typer.Exit(REQUIREMENT_NOT_MET)
