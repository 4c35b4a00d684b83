"""kws new: a workspace to start from."""

from pathlib import Path
from typing import Annotated

import typer

from kws.cli.choices import Network
from kws.cli.common import note
from kws.errors import KwsError, SpecError
from kws.files import nothing_left, write_atomic
from kws.spec import ModelSpec, Spec
from kws.specfile import NAME, write_spec
from kws.words import as_arguments, fault, normal

RECOMMENDED = Network("ds_cnn")  # the most accurate for its cost on a device; docs/figures.md
GITIGNORE = """\
# Audio and trained runs are large; name here what you want to keep: !models/my-run/
recordings/*
models/*
.cache/
"""
NEXT = """\
next:
  cd {directory}
  kws data download                        real speech (Speech Commands, 2.4 GB), or
  kws data import FOLDER                   your own recordings, one folder per word, or
  kws data synth {words} --count 300
                                           synthesized speech, to try things out
  kws train
  kws validate
  kws detect FILE.wav"""


NEXT_WORD = """\
next:
  cd {directory}
  kws record {word} --speaker NAME --count 2    takes by the people who will say it: 20 in all, by 10 people or more;
                                               or, of files: kws data import FILE... --word {word} --speaker NAME
  kws train --from {base}                         some minutes; ends with the misses and false alarms to expect
  kws run --from {base}                           the same, and the package for a device
without any takes kws train learns from what was made of the word: a start to try things out ({page})"""
PAGE = "docs/own-word.md"


def new(
    directory: Annotated[Path, typer.Argument(
        metavar="DIR", help="Folder to make, or one without kws.toml.", show_default=False)],
    keywords: Annotated[str | None, typer.Option(
        metavar="WORDS", help="Words to detect, separated by commas: yes,no,stop.", show_default=False)] = None,
    model: Annotated[Network, typer.Option(help="Network of the zoo.")] = RECOMMENDED,
    word: Annotated[str | None, typer.Option(
        "--word", metavar="WORD", show_default=False,
        help="Instead of --keywords: one word of your own, with all that its training needs but your takes: talk, "
             "synthesized voices, what sounds like it, and a base.")] = None,
    talk: Annotated[list[Path] | None, typer.Option(
        "--talk", metavar="DIR", show_default=False,
        help="With --word: a folder of people who do not say it, best a folder for each speaker; may be repeated. "
             "Default: LibriSpeech's dev-clean, 337 MB, is downloaded; without a network talk is synthesized.")] = None,
    base: Annotated[str, typer.Option(
        "--from", metavar="RUN", help="With --word: the base, a released one by name, or a path.")] = "base",
) -> None:
    """Make a workspace: kws.toml with every setting explained, and folders for recordings and models.

    If it is interrupted with --word, run the same command again to go on.

    Example: kws new my-spotter --keywords yes,no

    Example: kws new lamp --word computer --talk ~/podcasts
    """
    if (word is None) == (keywords is None):
        raise typer.BadParameter("give either --keywords or --word", param_hint="--keywords")
    if word is not None:
        new_word(directory, normal(word), talk or [], base)
        return
    if talk:
        raise typer.BadParameter("only with --word", param_hint="--talk")
    words = tuple(normal(word) for word in (keywords or "").split(","))
    try:
        spec = Spec(keywords=words, model=ModelSpec(name=str(model)))
    except SpecError as error:
        raise typer.BadParameter(str(error)) from error
    if (directory / NAME).exists():
        raise KwsError(f"{directory / NAME} already exists; edit it, or name another folder")
    with nothing_left(directory):
        for folder in ("recordings", "models"):
            (directory / folder).mkdir(parents=True, exist_ok=True)
        write_gitignore(directory)
        write_atomic(directory / NAME, write_spec(spec))
    print(f"{directory / NAME}: {len(words)} keyword{'s' if len(words) > 1 else ''}, model {spec.model.name}")
    print(NEXT.format(directory=as_arguments(directory), words=as_arguments(*words)))


def new_word(directory: Path, word: str, talk: list[Path], base: str) -> None:
    """A workspace for one word, and what to do in it."""
    from kws.pipeline.new_word import prepare_word

    if what := fault(word):
        raise typer.BadParameter(what, param_hint="--word")
    made = prepare_word(directory, word, base=base, talk=talk, note=note)
    write_gitignore(directory)
    kind = "people" if made.people else "synthesizers"
    print(f"{directory / NAME}: {word}; {made.recordings:,} recordings of talk by {kind}; base {made.base}")
    print(NEXT_WORD.format(directory=as_arguments(directory), word=as_arguments(word), base=made.base, page=PAGE))


def write_gitignore(directory: Path) -> None:
    if not (directory / ".gitignore").exists():
        write_atomic(directory / ".gitignore", GITIGNORE)
