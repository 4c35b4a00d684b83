"""kws tune: which front end, network and width are worth their cost on the device."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kws.cli.choices import Network
from kws.cli.common import DirectoryOption, JsonOption, note, print_json, workspace
from kws.pipeline.choices import Cost
from kws.spec import NETWORKS

if TYPE_CHECKING:
    from kws.pipeline.tune import Tuned

FOLDER = "tune"


def tune(
    trials: Annotated[int, typer.Option("--trials", min=1, metavar="N",
                                        help="Candidates to train in total, including those of earlier calls.")] = 20,
    epochs: Annotated[int, typer.Option("--epochs", min=1, metavar="N", help="Epochs of each candidate.")] = 15,
    model: Annotated[list[Network] | None, typer.Option(
        "--model", metavar=f"<{'|'.join(Network)}>", show_default=False,
        help="A network to consider; may be repeated. Default: all of them.")] = None,
    cost: Annotated[Cost, typer.Option("--cost", help="What accuracy is weighed against.")] = Cost.INSTRUCTIONS,
    pick: Annotated[int | None, typer.Option(
        "--pick", metavar="N", show_default=False,
        help="Choose this candidate. Default: the cheapest within one standard error of the best.")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Also put the chosen setting into the workspace's kws.toml; "
                                                        "the old one is kept beside the report.")] = False,
    json: JsonOption = False,
    directory: DirectoryOption = None,
) -> None:
    """Search over front end, network and width for the best accuracy at each cost.

    Candidates that break a requirement of kws.toml are refused before they are trained; the others are judged, int8, in
    the streaming engine, on the validation split. If it is interrupted, run the same command again to continue. Writes
    tune/: report.html, pareto.png, kws.toml with the chosen setting, results.json. Needs the extra tune.

    Example: kws tune --trials 20 --model cnn --model ds_cnn
    """
    from kws.pipeline.tune import Search
    from kws.pipeline.tune import tune as search_for
    from kws.pipeline.tune_report import text, to_json

    place = workspace(directory)
    networks = tuple(name for name in NETWORKS if name in (model or NETWORKS))
    tuned = search_for(place, Search(networks, epochs, trials, cost), note=note, pick=pick)
    written = write(place.root, tuned, apply=apply)
    if json:
        print_json({**to_json(tuned), "files": written})
    else:
        done = "kws.toml now holds the chosen setting" if apply else \
            f"next: kws tune --apply puts the chosen setting into kws.toml (or copy {FOLDER}/kws.toml)"
        whole = f"then kws train, for {place.spec.training.epochs} epochs"
        print("\n".join([text(tuned), "", *written, f"{done}; {whole}"]))


def write(root: Path, tuned: "Tuned", *, apply: bool) -> list[str]:
    """The files of the result; returns their paths. `apply` replaces the workspace's kws.toml too."""
    import json

    from kws.files import write_files
    from kws.pipeline.tune_report import page, plot, to_json
    from kws.specfile import NAME, write_spec

    png = plot(tuned)
    files: dict[str, str | bytes] = {
        "report.html": page(tuned, png), "pareto.png": png, NAME: write_spec(tuned.chosen_spec),
        "results.json": json.dumps(to_json(tuned), indent=2) + "\n"}
    if apply:
        files[f"before.{NAME}"] = (root / NAME).read_text(encoding="utf-8")
    write_files(root / FOLDER, files)
    if apply:
        write_files(root, {NAME: files[NAME]})
    return [str(root / FOLDER / name) for name in files]
