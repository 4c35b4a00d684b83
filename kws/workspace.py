"""Where recordings, runs and caches live, and the manifest that lets a run rebuild itself.

A workspace is the folder that holds kws.toml:

    kws.toml  recordings/<source>/<word>/*.wav  models/<run>/  .cache/kws/

A run is a folder with manifest.json; whatever else lies in it is listed there with its SHA-256.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from kws.errors import ModelError, NoWorkspaceError, SpecError
from kws.files import restore_interrupted, sha256_of, write_atomic
from kws.records import UNWRITTEN, Json, JsonObject, RecordError, from_json, named
from kws.spec import Spec
from kws.specfile import NAME, read_spec

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Workspace:
    """A folder with kws.toml, and the places below it."""

    root: Path
    spec: Spec

    @property
    def recordings(self) -> Path:
        return self.root / "recordings"

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def cache(self) -> Path:
        return self.root / ".cache" / "kws"


@dataclass(frozen=True, kw_only=True)
class Calibrated:
    """What `kws calibrate` chose an operating point on, in words."""

    told: tuple[str, ...] = field(default=(), metadata=named("from"))


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """A run that another one learnt from."""

    run: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a run is made of. files : name -> SHA-256. spec : its settings, as JSON has them. number : of runs, in time.

    clips : of each split; versions : of what took part in the training
    content : all of manifest.json, with what each way to make a run says of it (base, teachers, average, …)
    """

    number: int = 0
    created_utc: str
    files: Mapping[str, str]
    command: str = ""
    spec: JsonObject | None = None
    data_fingerprint: str | None = None
    seed: int | None = None
    clips: Mapping[str, int] | None = None
    teachers: tuple[Teacher, ...] | None = None
    talk_teachers: tuple[Teacher, ...] | None = None
    versions: Mapping[str, str] | None = None
    calibration: Calibrated | None = None
    content: JsonObject = field(default_factory=dict, metadata=UNWRITTEN)


def open_workspace(directory: Path | None = None) -> Workspace:
    """The workspace in `directory`, or in the nearest folder above the current one that holds kws.toml.

    Raises NoWorkspaceError if there is none, SpecError if its kws.toml is wrong.
    """
    if directory is not None:
        candidates = [directory]
    else:
        here = Path.cwd()
        candidates = [here, *here.parents]
    for folder in candidates:
        if (folder / NAME).is_file():
            restore_interrupted(folder / "models")
            return Workspace(folder, read_spec(folder / NAME))
    where = f"{directory} holds no {NAME}" if directory else f"no {NAME} in {candidates[0]} or above it"
    raise NoWorkspaceError(f"{where}; make a workspace with: kws new DIR --keywords yes,no, or name one with -C DIR")


def nearby_workspace(directory: Path | None = None) -> Workspace | None:
    """`open_workspace`, or None if there is none and none was named; a broken kws.toml is an error all the same."""
    try:
        return open_workspace(directory)
    except NoWorkspaceError:
        if directory is not None:
            raise
        return None


def find_run(run: Path | str | None, models: Path | None) -> Path:
    """The folder of a run: by its name in `models`, by its path, or the newest in `models` if `run` is None.

    Raises ModelError that lists the runs if there is no such run.
    """
    runs = list_runs(models)
    if run is None:
        if runs:
            return runs[-1]
        where = f"in {models}" if models else "here"
        raise ModelError(f"no trained model {where}; train one: kws train, or name one: --run PATH")
    for folder in (*([models / run] if models else []), Path(run)):
        if (folder / MANIFEST).is_file():
            return folder
    if Path(run).is_dir():
        raise ModelError(f"{run} holds no {MANIFEST}: it is not a run, or its training was not finished")
    known = ", ".join(path.name for path in runs) or "none"
    raise ModelError(f"no run {str(run)!r} in {models or Path.cwd()}; there are: {known}")


def locate_run(run: Path | str | None, directory: Path | None = None) -> Path:
    """`find_run` in the workspace of `directory` (or around the current folder); a run's path needs no workspace."""
    around = open_workspace(directory) if run is None else nearby_workspace(directory)
    return find_run(run, around.models if around else None)


def list_runs(models: Path | None) -> list[Path]:
    """Every finished run in `models`, oldest first; folders without a readable manifest come first of all."""
    if models is None or not models.is_dir():
        return []
    return sorted((path.parent for path in models.glob(f"*/{MANIFEST}") if not path.parent.name.startswith(".")),
                  key=lambda run: (*age(run), run.name))


def age(run: Path) -> tuple[int, str]:
    """What runs are ordered by: their number among those of their folder, so that a clock that jumped does not matter,
    then the time that their manifest says; lowest if it cannot be read, or is of a version without numbers."""
    try:
        manifest = read_manifest(run)
    except ModelError:
        return 0, ""
    return manifest.number, manifest.created_utc


def write_manifest(run: Path, content: JsonObject, *, now: datetime | None = None) -> Manifest:
    """Write manifest.json into the folder `run`, last of its files, and return what was written.

    content : what the run needs to rebuild itself (spec, data fingerprint, seeds, versions, metrics).
    now     : the time to note as the run's; the current time by default.
    The SHA-256 of every other file in the folder is added as "files", the time as "created_utc", and unless it has
    one its "number": one more than the highest of the runs beside it.
    """
    paths = sorted(path for path in run.rglob("*") if path.is_file() and path != run / MANIFEST)
    number = 1 + max((age(other)[0] for other in list_runs(run.parent)), default=0)
    whole: dict[str, Json] = {
        "number": number,
        **content,
        "created_utc": (now or datetime.now(UTC)).isoformat(timespec="microseconds"),
        "files": {path.relative_to(run).as_posix(): sha256_of(path) for path in paths},
    }
    write_atomic(run / MANIFEST, json.dumps(whole, indent=2) + "\n")
    return manifest_in(run, whole)


def list_again(run: Path, names: Sequence[str], **facts: Json) -> None:
    """Note the new SHA-256 of files that were written anew into a run; whatever else its manifest says stays.

    facts : what the manifest says beside it, in place of what it said under the same names
    """
    manifest = read_manifest(run)
    again: dict[str, Json] = {**manifest.content, **facts,
                              "files": {**manifest.files, **{name: sha256_of(run / name) for name in names}}}
    if isinstance(sizes := again.get("bytes"), Mapping):
        again["bytes"] = {**sizes, **{name: (run / name).stat().st_size for name in names}}
    write_atomic(run / MANIFEST, json.dumps(again, indent=2) + "\n")


def read_manifest(run: Path) -> Manifest:
    """The manifest of a run. Raises ModelError if it is missing or damaged."""
    path = run / MANIFEST
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise ModelError(f"{run} holds no {MANIFEST}: it is not a run, or its training was not finished") from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path} is damaged ({error}); train again with: kws train") from error
    return manifest_in(run, content)


def manifest_in(run: Path, content: JsonObject) -> Manifest:
    """The record of a manifest's content. Raises ModelError if it is none."""
    try:
        return replace(from_json(Manifest, content), content=content)
    except RecordError as error:
        raise ModelError(f"{run / MANIFEST} is damaged ({error}); train again with: kws train") from error


def spec_of_run(run: Path) -> Spec:
    """The keywords and settings that a run was trained with. Raises ModelError if they cannot be read."""
    settings = read_manifest(run).spec
    try:
        if settings is None:
            raise KeyError("spec")
        return Spec.from_dict(settings)
    except (KeyError, TypeError, SpecError) as error:
        raise ModelError(f"{run / MANIFEST}: its settings are of another version of kws ({error}); "
                         "train again with: kws train") from error


def read_artefact(run: Path, name: str) -> bytes:
    """The bytes of one file of a run. Raises ModelError if it is missing or is not the file that was written."""
    listed = read_manifest(run).files.get(name)
    if listed is None or not (run / name).is_file():
        raise ModelError(f"{run} holds no {name}; train again with: kws train")
    data = (run / name).read_bytes()
    if hashlib.sha256(data).hexdigest() != listed:
        raise ModelError(f"{run / name} is damaged: its SHA-256 differs from {MANIFEST}; train again with: kws train")
    return data


def read_json(run: Path, name: str) -> JsonObject:
    """The object in one JSON file of a run. Raises ModelError if it is missing, damaged or no object."""
    try:
        content = json.loads(read_artefact(run, name))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{run / name} is damaged ({error}); train again with: kws train") from error
    if not isinstance(content, dict):
        raise ModelError(f"{run / name} is damaged (not a JSON object); train again with: kws train")
    return content
