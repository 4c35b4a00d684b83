"""kws new: a workspace to start from."""

from pathlib import Path
from typing import Annotated

import typer

from kws.cli.choices import Network
from kws.errors import KwsError, SpecError
from kws.files import write_atomic
from kws.spec import ModelSpec, Spec
from kws.specfile import NAME, write_spec
from kws.words import normal

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


def new(
    directory: Annotated[Path, typer.Argument(
        metavar="DIR", help="Folder to make, or one without kws.toml.", show_default=False)],
    keywords: Annotated[str, typer.Option(
        metavar="WORDS", help="Words to detect, separated by commas: yes,no,stop.", show_default=False)],
    model: Annotated[Network, typer.Option(help="Network of the zoo.")] = RECOMMENDED,
) -> None:
    """Make a workspace: kws.toml with every setting explained, and folders for recordings and models.

    Example: kws new my-spotter --keywords yes,no
    """
    words = tuple(normal(word) for word in keywords.split(","))
    try:
        spec = Spec(keywords=words, model=ModelSpec(name=str(model)))
    except SpecError as error:
        raise typer.BadParameter(str(error)) from error
    if (directory / NAME).exists():
        raise KwsError(f"{directory / NAME} already exists; edit it, or name another folder")
    for folder in ("recordings", "models"):
        (directory / folder).mkdir(parents=True, exist_ok=True)
    if not (directory / ".gitignore").exists():
        write_atomic(directory / ".gitignore", GITIGNORE)
    write_atomic(directory / NAME, write_spec(spec))
    print(f"{directory / NAME}: {len(words)} keyword{'s' if len(words) > 1 else ''}, model {spec.model.name}")
    print(NEXT.format(directory=directory, words=" ".join(words)))
