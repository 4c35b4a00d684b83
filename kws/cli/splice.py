"""kws data splice: keywords said with pieces of the talk."""

from typing import Annotated

import typer

from kws.cli.common import DirectoryOption, JsonOption, note, print_json, workspace
from kws.words import normal


def splice(
    words: Annotated[list[str] | None, typer.Argument(
        metavar="WORD", help="Words to say. Default: the keywords.", show_default=False)] = None,
    count: Annotated[int, typer.Option(min=1, max=10_000, metavar="N", help="Clips of each word.")] = 300,
    source: Annotated[str, typer.Option(metavar="NAME", help="Source to file them under.")] = "synth",
    seed: Annotated[int, typer.Option(min=0, max=99_999, metavar="N",
                                      help="Seed of everything drawn at random.")] = 1,
    as_json: JsonOption = False,
    directory: DirectoryOption = None,
) -> None:
    """Say words with pieces of the talk in recordings/*/_talk_/: voices of its people, for the training split.

    Cuts the sounds out of English talk that has transcripts, and joins them to the words, to words that sound nearly
    like them, and to others: as many people say a word as talk there, where synthesizers have a dozen voices.
    Needs pocketsphinx, which comes with the extra train. Stopped, the same command goes on.

    Example: kws data splice --count 300
    """
    from kws.data.corpus import source_folder
    from kws.pipeline.splice import splice as splice_words

    place = workspace(directory)
    chosen = tuple(dict.fromkeys(map(normal, words or ()))) or place.spec.keywords
    made = splice_words(place.recordings, source_folder(place.recordings, source), chosen,
                        keywords=tuple(dict.fromkeys((*place.spec.keywords, *chosen))),
                        samples=place.spec.frontend.imported_samples, seed=seed, cache=place.cache, count=count)
    if as_json:
        print_json({what: {"written": one.written, "kept": one.kept} for what, one in made.items()})
        return
    for what, one in made.items():
        print(f"{what}: {one.written} written, {one.kept} there already")
    note("they train only; what judges a network must be said by people: kws record")
