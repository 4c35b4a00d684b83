"""kws explore: a page on the recordings, or on single clips."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from kws.cli.common import DirectoryOption, NoRunOption, SchedulerOption, helping_run, note, workspace
from kws.errors import KwsError
from kws.spec import FrontendSpec
from kws.workspace import Workspace, nearby_workspace


def explore(
    clips: Annotated[list[Path] | None, typer.Argument(
        metavar="CLIP", help="Recordings to look at one by one. Default: all of the workspace, together.",
        show_default=False)] = None,
    out: Annotated[Path | None, typer.Option(
        "--out", metavar="FILE", show_default=False, help="The page. Default: explore.html in the workspace, or "
                                             "here if there are clips and no workspace.")] = None,
    run: Annotated[str | None, typer.Option(
        "--run", metavar="RUN", show_default=False,
        help="The trained run that makes the map, or gives scores to clips. Default: the newest run, if there is one; "
             "without one, spectra alone.")] = None,
    no_run: NoRunOption = False,
    label: Annotated[str | None, typer.Option(
        "--label", metavar="LABEL", show_default=False,
        help="With clips and a run: the label for which the page says what in the clip speaks for it, over time and "
             "frequency. Default: the keyword that scores most.")] = None,
    umap: Annotated[bool, typer.Option("--umap", help="Draw the map with UMAP instead of PCA.")] = False,
    scheduler: SchedulerOption = None,
    directory: DirectoryOption = None,
) -> None:
    """Write an HTML page about the recordings, with sounds to play, and print a summary of it.

    Example: kws explore

    Example: kws explore recordings/own/yes/anna_nohash_1.wav --run commands
    """
    from kws.explore.page import require_plotly

    require_plotly()
    if label and not clips:
        raise typer.BadParameter("explains single clips: name some", param_hint="--label")
    if clips:
        around = nearby_workspace(directory)
        helps = helping_run(run, without=no_run, models=around.models if around else None)
        explore_clips(clips, out, place=around, run=helps, label=label, directory=directory)
        return
    place = workspace(directory)
    helps = helping_run(run, without=no_run, models=place.models)
    explore_all(place, out or place.root / "explore.html", run=helps, umap=umap, scheduler=scheduler)


def explore_clips(clips: Sequence[Path], out: Path | None, *, place: Workspace | None, run: Path | None,
                  label: str | None, directory: Path | None) -> None:
    """The page on single recordings, in a workspace or outside of one: a run has its own settings."""
    from kws.explore.clip_page import write_clip_page

    target = out or (place.root if place else directory or Path()) / "explore.html"
    size = write_clip_page(clips, target, frontend=place.spec.frontend if place else FrontendSpec(),
                           run=run, label=label)
    print(f"{target}: {len(clips)} {'recording' if len(clips) == 1 else 'recordings'}, {size / 1e6:.1f} MB")


def explore_all(place: Workspace, target: Path, *, run: Path | None, umap: bool, scheduler: str | None) -> None:
    """The page on the whole corpus."""
    from kws.data.clip_table import measure_clips
    from kws.data.corpus import scan
    from kws.explore.embedding import embedding_of
    from kws.explore.gist import gist_lines, missing
    from kws.explore.page import write_page
    from kws.explore.survey import survey

    if target.suffix != ".html":
        raise KwsError(f"--out {target}: the name must end in .html")
    table = measure_clips(scan(place.recordings).clips, cache=place.cache, scheduler=scheduler)
    embed = embedding_of(run, scheduler=scheduler) if run else None
    found = survey(table, place.spec, embed=embed, use_umap=umap, scheduler=scheduler)
    note("writing the page")
    size = write_page(found, target, title=f"What the recordings of {place.root.resolve().name} say")
    for line in (*gist_lines(found), *(f"missing: {line}" for line in missing(found))):
        print(line)
    print(f"{target}: {size / 1e6:.1f} MB; open it in a browser")
