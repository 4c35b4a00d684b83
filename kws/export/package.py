"""A package as a whole: its files by name, and how they get into a folder."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from kws.errors import KwsError
from kws.files import fresh_folder, named
from kws.native.build import sources
from kws.records import LEFT_OUT, to_json

TEMPLATES = Path(__file__).parent / "templates"
MARK = "export.json"  # in every package: what it is, so that --force replaces nothing else
# And whatever ends in _check: a package's constants are checked before it is written.
INCLUDE = re.compile(r'^#include "(\w+\.h)"', re.MULTILINE)
PLACEHOLDER = re.compile(r"@([A-Z0-9_]+)@")
LICENCE_SECTION = """
## Licence

The code is under the Apache License 2.0 (`LICENSE`): use it in any product and pass the licence on with it. The weights
come from the recordings that the network learned from; give credit where those recordings' licence asks for it. The
runs that are released with kws were trained on Speech Commands (P. Warden, 2018, CC BY 4.0), which does.
"""

Files = dict[str, str | bytes]


@dataclass(frozen=True)
class Facts:
    """What export.json says: the same for the same model, without times or paths.

    labels      : their names, or how many there are if nobody named them
    arena_bytes : of TFLM, if the network runs there; it is a part of the state
    """

    target: str
    kws: str
    model: str
    sha256: str
    labels: tuple[str, ...] | int
    compressed: bool
    constants_bytes: int
    state_bytes: int
    arena_bytes: int | None = field(default=None, metadata=LEFT_OUT)


@dataclass(frozen=True)
class Package:
    """files : content by path inside the package."""

    files: Files
    facts: Facts


def engine_files(*headers: str) -> Files:
    """The engine's sources behind the given headers, as they are, under engine/.

    A header brings what it includes and the sources that implement it: those whose first include it is, and theirs. Not
    the checks of untrusted tables: a package's tables are checked before it is written.
    """
    texts = {name: path.read_text() for name, path in sources().items() if not path.stem.endswith("_check")}
    wanted, found = list(headers), set()
    while wanted:
        name = wanted.pop()
        if name in found:
            continue
        found.add(name)
        wanted += [included for included in INCLUDE.findall(texts[name]) if included in texts]
        wanted += [source for source, text in texts.items()
                   if source.endswith(".c") and name in INCLUDE.findall(text)[:1]]
    return {f"engine/{name}": texts[name] for name in sorted(found)}


def template(name: str, /, **values: object) -> str:
    """A hand-written file of templates/, each @NAME@ replaced by values["name"]. Raises KeyError for one not given."""
    return PLACEHOLDER.sub(lambda match: str(values[match[1].lower()]), (TEMPLATES / name).read_text())


def templates(folder: str, /, *names: str, **values: object) -> Files:
    """Several files of one folder of templates/ under their own names."""
    return {name: template(f"{folder}/{name}", **values) for name in names}


def write_package(package: Package, out: Path, *, force: bool = False) -> None:
    """Write all files, or nothing.

    Raises KwsError if `out` exists and is not empty, unless it holds an older export and `force` is set.
    """
    refuse(out, force=force)
    files = {**with_licence(package.files), MARK: json.dumps(to_json(package.facts), indent=2) + "\n"}
    with fresh_folder(out, replace=True) as folder:
        for name, content in sorted(files.items()):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with named(out / name):
                path.write_bytes(content.encode() if isinstance(content, str) else content)


def with_licence(files: Files) -> Files:
    """The same with LICENSE, and with what README.md says about it."""
    changed = dict(files)
    changed["LICENSE"] = (TEMPLATES / "LICENSE").read_text()
    if isinstance(readme := files.get("README.md"), str):
        changed["README.md"] = readme.rstrip() + "\n" + LICENCE_SECTION
    return changed


def refuse(out: Path, *, force: bool) -> None:
    """Raise KwsError if a package must not be written to `out`."""
    if out.is_dir() and not any(out.iterdir()):
        return
    if out.exists() and not force:
        raise KwsError(f"{out} already exists; choose another folder with --out, or replace it with --force")
    if out.exists() and not (out / MARK).is_file():
        raise KwsError(f"{out} holds no {MARK}, so kws export has not made it and does not replace it; "
                       "choose another folder with --out")
