"""kws.toml: reading it into a Spec, with the line of whatever is wrong, and writing it with comments that teach."""

import difflib
import json
import re
import textwrap
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

from kws.errors import SpecError
from kws.records import Fields
from kws.spec import SECTIONS, Settings, Spec, allowed
from kws.words import normal

NAME = "kws.toml"
WORDS = "Words to detect, 1 to 40 of them, in any language; several words are joined: hey_jarvis."
HEADER = """\
# What this keyword spotter detects, the requirements that it has to meet, and every setting.
# A line starting with [ opens a section; each setting states its meaning and its range. A unit is part of the name.
"""


def read_spec(path: Path) -> Spec:
    """The settings in `path`. Raises SpecError with file, line or key, value and rule for anything that is wrong."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpecError(f"{path}: byte {error.start} is not UTF-8 text; save the file as UTF-8") from error
    try:
        return parse_spec(text)
    except SpecError as error:
        raise SpecError(f"{path}{error}") from error


def parse_spec(text: str) -> Spec:
    """The settings in the text of a kws.toml. Raises SpecError whose message starts with ", line N: " or ": "."""
    try:
        settings = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise syntax_error(str(error)) from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, brackets in brackets
        raise SpecError(f": not readable as TOML: {error}") from error
    try:
        return build_spec(settings)
    except SpecError as error:
        at = re.match(r"(?:\[(.+?)\](?: (\S+) =)?|(\w+))?", str(error))
        section, key, top = at.groups() if at else (None, None, None)
        line = line_of(text, section=section, key=key or top)
        raise SpecError(f", line {line}: {error}" if line else f": {error}") from error


def syntax_error(message: str) -> SpecError:
    """tomllib's complaint, which ends in "(at line 3, column 5)", with the line in front."""
    at = re.search(r" \(at (line \d+), column \d+\)$", message)
    if at is None:
        return SpecError(f": not valid TOML: {message}")
    return SpecError(f", {at[1]}: not valid TOML: {message[:at.start()]}")


def build_spec(settings: Mapping[str, object]) -> Spec:
    """A Spec from parsed TOML; sections and settings that are left out keep their defaults."""
    for name, value in settings.items():
        if name != "keywords" and name not in SECTIONS:
            raise SpecError(misplaced(name, is_section=isinstance(value, dict)))
    if "keywords" not in settings:
        raise SpecError('keywords is missing; name the words above the first section: keywords = ["yes", "no"]')
    words = settings["keywords"]
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise SpecError(f'keywords = {words!r}: must be a list of words: keywords = ["yes", "no"]')
    sections: Fields = {name: build_section(name, settings[name]) for name in SECTIONS if name in settings}
    return Spec(keywords=tuple(normal(word) if isinstance(word, str) else word for word in words), **sections)


def misplaced(name: str, *, is_section: bool) -> str:
    """What to say about a name that the top of the file does not know."""
    for section, kind in SECTIONS.items():
        if not is_section and name in [field.name for field in fields(kind)]:
            return f"{name} is above the first section; move it below [{section}]"
    what = f"[{name}] is not a section" if is_section else f"{name} is not a setting"
    return f"{what}; {suggestion(name, ['keywords', *SECTIONS])}"


def build_section(name: str, settings: object) -> Settings:
    """One section's dataclass; refuses names that it does not have."""
    kind = SECTIONS[name]
    if not isinstance(settings, dict):
        raise SpecError(f"{name} = {settings!r}: must be a section; write [{name}] on a line of its own")
    names = [field.name for field in fields(kind)]
    for key in settings:
        if key not in names:
            raise SpecError(f"[{name}] {key} = {settings[key]!r}: there is no such setting; {suggestion(key, names)}")
    return kind(**settings)


def suggestion(name: str, known: list[str]) -> str:
    """The closest known name, or all of them."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}?" if close else "known are " + ", ".join(known)


def line_of(text: str, *, section: str | None, key: str | None) -> int | None:
    """Line number of a setting, or of its section where no key is given; None if the text writes it otherwise."""
    inside = None
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[\s*([^\[\]]+?)\s*\]", line):
            inside = header[1].strip("\"'")
            if inside == section and key is None:
                return number
        elif key is not None and inside == section and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]", line):
            return number
    return None


def write_spec(spec: Spec) -> str:
    """The text of a kws.toml that reads back equal to `spec`."""
    words = json.dumps(list(spec.keywords), ensure_ascii=False)
    parts = [HEADER, "\n", comment(WORDS), f"keywords = {words}\n"]
    for name, kind in SECTIONS.items():
        parts.append("\n" + comment(kind.__doc__ or "") + f"[{name}]\n")
        for field in fields(kind):
            value = toml(getattr(getattr(spec, name), field.name))
            parts.append(comment(f"{field.metadata['doc']} ({allowed(field)})") + f"{field.name} = {value}\n")
    return "".join(parts)


def comment(text: str) -> str:
    """Comment lines of at most 118 characters."""
    return "".join(f"# {line}\n" for line in textwrap.wrap(text, 116))


def toml(value: str | int | float) -> str:
    """One value as TOML writes it: strings quoted, true and false in lower case, thousands grouped."""
    if isinstance(value, str | bool):
        return json.dumps(value)
    return f"{value:_}" if isinstance(value, int) else repr(value)
