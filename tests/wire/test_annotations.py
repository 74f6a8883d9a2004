from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, NewType, TypedDict, TypeVar
from uuid import UUID

import msgspec
import pytest
from pydantic import BaseModel, ConfigDict, Field

from asynq.wire.annotations import ABSENT, Slot, resolve

if TYPE_CHECKING:
    from nowhere import Ghost  # type: ignore[import-not-found]

T = TypeVar("T")
UserId = NewType("UserId", int)


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    LOW = 1


class Mixed(Enum):
    A = 1
    B = "b"


class Point(NamedTuple):
    x: int
    y: int


class Movie(TypedDict):
    name: str


@dataclass
class User:
    name: str
    born: date


@dataclass
class Loose:
    name: str
    more: dict[str, Any]


class Node(msgspec.Struct):
    value: int
    next: Node | None = None


class Model(BaseModel):
    a: int


class Other(BaseModel):
    b: int


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    at: date
    colour: Colour
    inner: float = Field(alias="Inner")


@pytest.mark.parametrize(
    "annotation", [ABSENT, Any, T, object, Callable[[], int], Path, Iterable[int], Mixed]
)
def test_what_nobody_can_read_is_left_open(annotation: object):
    slot = Slot(annotation)
    value = object()
    assert slot.convert(value) is value
    assert slot.direct == frozenset()


@pytest.mark.parametrize(
    ("annotation", "types"),
    [
        (int, {int}),
        (UserId, {int}),
        (Annotated[int, msgspec.Meta(ge=0)], {int}),
        (str | None, {str, type(None)}),
        (datetime, {datetime}),
        (bytes, {bytes}),
        (list[int], {list}),
        (tuple[int, str], {tuple}),
        (set[UUID], {set}),
        (dict[str, date], {dict}),
        (dict[date, int], {dict}),
        (User, {User}),
        (Node, {Node}),
        (Point, {Point}),
        (Movie, {dict}),
        (Colour, {Colour}),
        (Model, {Model}),
        (list[Model] | None, {list, type(None)}),
        (Literal["a"], set()),
    ],
    ids=str,
)
def test_an_annotation_without_gaps_describes_its_values(annotation: object, types: set[type]):
    assert Slot(annotation).direct - {int, str, type(None)} == types - {int, str, type(None)}


@pytest.mark.parametrize(
    "annotation",
    [
        list,
        dict,
        tuple,
        set,
        list[Any],
        dict[str, Any],
        dict[Any, int],
        dict[int | str, int],
        Loose,
        list[Loose],
    ],
    ids=str,
)
def test_an_annotation_with_gaps_does_not(annotation: object):
    slot = Slot(annotation)
    assert slot.typed
    assert slot.direct == frozenset()


@pytest.mark.parametrize("annotation", [int, str | None, list[int], dict[str, list[float]]])
def test_plain_annotations_add_nothing(annotation: object):
    slot = Slot(annotation)
    assert slot.plain
    assert not slot.builds


@pytest.mark.parametrize(
    "annotation", [User, list[User], Colour, Model | Other, dict[str, Point], Node | None]
)
def test_objects_need_their_annotation(annotation: object):
    slot = Slot(annotation)
    assert slot.builds
    assert not slot.plain


@pytest.mark.parametrize("annotation", [date, tuple[int, ...], set[int], bytes, Decimal])
def test_tagged_types_need_neither(annotation: object):
    slot = Slot(annotation)
    assert not slot.plain
    assert not slot.builds


def test_text_for_bytes_is_noticed():
    assert Slot(bytes).text_is_bytes
    assert Slot(bytes | None).text_is_bytes
    assert not Slot(str).text_is_bytes
    assert not Slot(list[bytes]).text_is_bytes


@pytest.mark.parametrize(
    ("annotation", "wire", "value"),
    [
        (float, 1, 1.0),
        (Decimal, "1.10", Decimal("1.10")),
        (Level, 1, Level.LOW),
        (Colour, "red", Colour.RED),
        (Point, [1, 2], Point(1, 2)),
        (User, {"name": "a", "born": "2026-01-01"}, User("a", date(2026, 1, 1))),
        (User, {"name": "a", "born": date(2026, 1, 1)}, User("a", date(2026, 1, 1))),
        (Node, {"value": 1, "next": {"value": 2}}, Node(1, Node(2))),
        (dict[int, set[int]], {"1": [2]}, {1: {2}}),
        (dict[int, int], {1: 2}, {1: 2}),
        (Sequence[int], (1, 2), [1, 2]),
        (list[Model], [{"a": 1}], [Model(a=1)]),
        (Model | int, 5, 5),
        (Model | Other, {"b": 1}, Other(b=1)),
        (Model | None, None, None),
        (Model, Model(a=1), Model(a=1)),
    ],
    ids=str,
)
def test_a_value_becomes_what_the_annotation_says(annotation: object, wire: object, value: object):
    back = Slot(annotation).convert(wire)
    assert back == value
    assert type(back) is type(value)


def test_a_strict_model_takes_its_own_json():
    wire = {"at": "2026-01-01", "colour": "red", "Inner": 1.5}
    model = Slot(Strict).convert(wire)
    assert model == Strict(at=date(2026, 1, 1), colour=Colour.RED, Inner=1.5)


@pytest.mark.parametrize(
    ("annotation", "wire"),
    [
        (int, "1"),
        (int, 1.5),
        (str, 1),
        (str, b"x"),
        (bool, 1),
        (User, {}),
        (Model, {"a": "x"}),
        (Model | int, "x"),
        (list[int], [1, "2"]),
    ],
    ids=str,
)
def test_a_value_that_does_not_fit_is_an_error(annotation: object, wire: object):
    with pytest.raises(ValueError, match=r"xpected|missing|validation error"):
        Slot(annotation).convert(wire)


def test_annotations_are_shown_as_people_write_them():
    assert Slot(int).shown == "int"
    assert Slot(list[int] | None).shown == "list[int] | None"


def resolved(function: Callable[..., object]) -> dict[str, object]:
    found = inspect.signature(function).parameters.values()
    return {each.name: resolve(each.annotation, function) for each in found}


def test_text_names_what_it_names_where_the_function_is():
    def function(a: int, b: list[User], c: Annotated[int, "note"], d, e: None): ...

    assert resolved(function) == {
        "a": int,
        "b": list[User],
        "c": Annotated[int, "note"],
        "d": ABSENT,
        "e": type(None),
    }


def test_what_can_not_be_found_is_open():
    def function(a: Ghost, b: int, c: list[Ghost]): ...

    assert resolved(function) == {"a": ABSENT, "b": int, "c": ABSENT}


def test_a_name_of_the_enclosing_function_is_found_where_the_function_uses_it():
    @dataclass
    class Local:
        a: int

    def function(x: Local) -> object:
        return Local

    assert resolved(function) == {"x": Local}


def test_every_kind_of_callable_is_seen_through():
    def plain(x: User): ...

    class Task:
        def run(self, x: User): ...
        def __call__(self, x: User): ...

    @functools.wraps(plain)
    def wrapped(*args, **kwargs): ...

    def first(y: int, x: User): ...

    for function in (plain, Task().run, Task(), wrapped, functools.partial(first, 1)):
        assert resolved(function) == {"x": User}
