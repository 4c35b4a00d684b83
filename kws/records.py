"""Frozen records to JSON and back: what travels between rooms is a record, and JSON only at the edge.

A record is a frozen dataclass. Its fields are written under their own names, in their order; metadata says otherwise:

    named("from")   the name in JSON, for a word that Python keeps for itself
    LEFT_OUT        not written if it is None
    INLINE          a record whose fields stand among those of its holder
    UNWRITTEN       never written

A field with a default may be missing when it is read: it came with a later version. What a record does not know is
passed over.
"""

import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, get_args, get_origin

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Json: TypeAlias = bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"] | None
JsonObject: TypeAlias = Mapping[str, Json]
# Fields of a dataclass by name, for its constructor or `replace`: mypy cannot tell which of them a name means.
Fields: TypeAlias = dict[str, Any]
Record = TypeVar("Record")
# A field of these is passed on as it was read. JsonObject holds itself, so it cannot be taken apart.
ANY_OBJECT = JsonObject
WORDS = {str: "text", bool: "true or false", int: "a whole number", float: "a number", types.NoneType: "null"}

LEFT_OUT = {"left_out": True}
INLINE = {"inline": True}
UNWRITTEN = {"unwritten": True}


def named(name: str) -> dict[str, str]:
    """The name of a field in JSON."""
    return {"name": name}


class RecordError(ValueError):
    """What was read is no such record: which field, what it holds, what it must be."""


def to_json(record: "DataclassInstance") -> dict[str, Json]:
    """The object of a record, and of all records in it."""
    found: dict[str, Json] = {}
    for f in fields(record):
        value = getattr(record, f.name)
        if "inline" in f.metadata:
            found |= to_json(value)
        elif not ("unwritten" in f.metadata or ("left_out" in f.metadata and value is None)):
            found[name_of(f)] = plain(value)
    return found


def plain(value: object) -> Json:
    """A value in a record as JSON has it."""
    if is_dataclass(value) and not isinstance(value, type):
        return to_json(value)
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    assert value is None or isinstance(value, bool | int | float | str), f"{value!r} has no place in JSON"
    return value


def from_json(kind: type[Record], content: object, *, at: str = "") -> Record:
    """The record that an object stands for; `at` is where it lies in the document.

    Raises RecordError if a field is missing, or holds something of another kind.
    """
    if not isinstance(content, Mapping):
        raise RecordError(f"{at or 'it'} = {shown(content)}: must be an object")
    assert is_dataclass(kind)
    values: dict[str, object] = {}
    for f in fields(kind):
        name, place = name_of(f), f"{at}.{name_of(f)}".lstrip(".")
        if "unwritten" in f.metadata:
            continue
        if "inline" in f.metadata:
            values[f.name] = read(f.type, content, at)
            continue
        if name in content:
            values[f.name] = read(f.type, content[name], place)
        elif required(f):
            raise RecordError(f"{place!r} is missing")
    return kind(**values)


def read(kind: object, value: object, at: str) -> object:
    """A value as its field's annotation wants it."""
    if kind == ANY_OBJECT:
        return read_mapping(object, value, at)
    if isinstance(kind, types.UnionType):
        return read_one_of(get_args(kind), value, at)
    if get_origin(kind) is tuple:
        return read_tuple(get_args(kind), value, at)
    if get_origin(kind) is Mapping:
        return read_mapping(get_args(kind)[1], value, at)
    if kind is object:
        return value
    assert isinstance(kind, type)
    if is_dataclass(kind):
        return from_json(kind, value, at=at)
    if type(value) is kind or (kind is float and type(value) is int):
        return value
    raise RecordError(f"{at} = {shown(value)}: must be {WORDS[kind]}")


def read_one_of(kinds: Sequence[object], value: object, at: str) -> object:
    """The first kind that may be meant: null, the record all of whose fields are there, or the last."""
    if value is None and types.NoneType in kinds:
        return None
    some = [kind for kind in kinds if kind is not types.NoneType]
    for kind in some[:-1]:
        if is_dataclass(kind) and isinstance(value, Mapping) and all(
                name_of(f) in value for f in fields(kind) if required(f)):
            return read(kind, value, at)
    return read(some[-1], value, at)


def read_tuple(kinds: Sequence[object], value: object, at: str) -> tuple[object, ...]:
    if not isinstance(value, list):
        raise RecordError(f"{at} = {shown(value)}: must be a list")
    if kinds[-1] is not Ellipsis and len(value) != len(kinds):
        raise RecordError(f"{at} has {len(value)} entries: must have {len(kinds)}")
    wanted = kinds if kinds[-1] is not Ellipsis else [kinds[0]] * len(value)
    return tuple(read(kind, one, f"{at}[{place}]") for place, (kind, one) in enumerate(zip(wanted, value, strict=True)))


def read_mapping(kind: object, value: object, at: str) -> dict[str, object]:
    if not isinstance(value, Mapping):
        raise RecordError(f"{at} = {shown(value)}: must be an object")
    return {key: read(kind, one, f"{at}.{key}") for key, one in value.items()}


def name_of(f: "Field[object]") -> str:
    name: str = f.metadata.get("name", f.name)
    return name


def required(f: "Field[object]") -> bool:
    return f.default is MISSING and f.default_factory is MISSING and "unwritten" not in f.metadata


def shown(value: object) -> str:
    """A value for a message, cut if it grows long."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"
