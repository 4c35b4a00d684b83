"""Frozen records to JSON and back."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from kws.records import INLINE, LEFT_OUT, UNWRITTEN, JsonObject, RecordError, from_json, named, to_json


@dataclass(frozen=True)
class Place:
    x: int
    y: float


@dataclass(frozen=True)
class Named:
    name: str


@dataclass(frozen=True)
class Walk:
    begun: Place | None = field(metadata=named("from"))
    steps: tuple[Place, ...]
    limits: tuple[float, float]
    counts: Mapping[str, Mapping[str, int]]
    whose: Place | Named
    notes: JsonObject | None = None
    comment: str | None = field(default=None, metadata=LEFT_OUT)
    seen: str = field(default="", metadata=UNWRITTEN)


WALK = Walk(Place(1, 2.5), (Place(3, 4), Place(5, 6)), (0.0, 1.0), {"a": {"b": 2}}, Named("n"), seen="here")
JSON = {"from": {"x": 1, "y": 2.5}, "steps": [{"x": 3, "y": 4}, {"x": 5, "y": 6}], "limits": [0.0, 1.0],
        "counts": {"a": {"b": 2}}, "whose": {"name": "n"}, "notes": None}


def test_a_record_is_written_field_by_field_in_order():
    assert to_json(WALK) == JSON and list(to_json(WALK)) == list(JSON)


def test_what_was_written_is_read_again():
    found = from_json(Walk, JSON)
    assert (found.begun, found.steps, found.limits, found.whose) == (WALK.begun, WALK.steps, WALK.limits, WALK.whose)
    assert found.seen == "" and to_json(found) == JSON


def test_a_field_with_a_default_may_be_missing_and_an_unknown_one_is_passed_over():
    found = from_json(Walk, {key: value for key, value in JSON.items() if key != "notes"} | {"newer": 3})
    assert found.notes is None and to_json(found) == JSON


def test_the_fields_of_a_record_inside_stand_among_those_of_its_holder():
    @dataclass(frozen=True)
    class Stay:
        place: Place = field(metadata=INLINE)
        days: int

    assert to_json(Stay(Place(1, 2.5), 3)) == {"x": 1, "y": 2.5, "days": 3}
    assert from_json(Stay, {"x": 1, "y": 2.5, "days": 3}) == Stay(Place(1, 2.5), 3)
    with pytest.raises(RecordError, match=r"'y' is missing"):
        from_json(Stay, {"x": 1, "days": 3})


def test_of_several_records_the_one_whose_fields_are_there_is_read():
    assert from_json(Walk, JSON | {"whose": {"x": 1, "y": 2}}).whose == Place(1, 2)


def test_an_object_without_a_record_is_passed_on():
    notes = {"a": [1, {"b": None}], "c": "d"}
    assert from_json(Walk, JSON | {"notes": notes}).notes == notes


@pytest.mark.parametrize("change, message", [
    ({"from": {"x": 1.5, "y": 2}}, "from.x = 1.5: must be a whole number"),
    ({"from": {"x": True, "y": 2}}, "from.x = True: must be a whole number"),
    ({"from": [1]}, "from = [1]: must be an object"),
    ({"from": {"x": 1}}, "'from.y' is missing"),
    ({"steps": 3}, "steps = 3: must be a list"),
    ({"steps": [{"x": 1, "y": 1}, {"x": 1, "y": "far"}]}, "steps[1].y = 'far': must be a number"),
    ({"limits": [1]}, "limits has 1 entries: must have 2"),
    ({"counts": {"a": {"b": None}}}, "counts.a.b = None: must be a whole number"),
    ({"counts": "x" * 90}, "counts = '" + "x" * 39 + "…: must be an object"),
    ({"notes": 4}, "notes = 4: must be an object"),
    ({"comment": 4}, "comment = 4: must be text"),
])
def test_what_is_of_another_kind_is_named_with_its_place(change, message):
    with pytest.raises(RecordError) as error:
        from_json(Walk, JSON | change)
    assert str(error.value) == message


def test_nothing_but_an_object_is_a_record():
    with pytest.raises(RecordError, match=r"it = \[\]: must be an object"):
        from_json(Place, [])
