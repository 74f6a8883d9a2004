from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import msgspec
import pytest
from msgspec import UNSET, Raw
from pydantic import BaseModel

from asynq.exceptions import DecodeError, EncodeError, ImproperlyConfigured
from asynq.wire import message, record
from asynq.wire.arguments import Parameters, Returned, decode_call, encode_call
from asynq.wire.message import Message
from asynq.wire.record import Record
from asynq.wire.serialization import register_serializer

OURS = ("json", "msgpack")
ALL = (*OURS, "pickle")
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Colour(Enum):
    RED = "red"


@dataclass
class User:
    name: str
    born: date
    tags: set[str]


class Event(msgspec.Struct):
    at: datetime
    kind: Colour
    data: dict[str, Any] = {}


class Order(BaseModel):
    id: UUID
    total: Decimal


class Refund(BaseModel):
    order: UUID


def add(x: int, y: int) -> int:
    return x + y


def anything(*args, **kwargs): ...


def over_the_wire(encoded: tuple[Any, Any, str], serializer: str) -> Message:
    args, kwargs, content = encoded
    call = Message(task="proj.task", args=args, kwargs=kwargs, content=content)
    return message.decode(message.encode(call, serializer))


def travel(
    function: Callable[..., object], *args: object, serializer: str = "json", **kwargs: object
) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """A call there and back."""
    parameters = Parameters(function, name="proj.task")
    sent = parameters.encode(args, kwargs, serializer)
    came, named = parameters.decode(over_the_wire(sent, serializer))
    return tuple(came), named


def test_a_plain_call_is_written_plainly():
    parameters = Parameters(add, name="proj.add")
    args, kwargs, content = parameters.encode((4, 4), {})
    assert (bytes(args), kwargs, content) == (b"[4,4]", UNSET, "")  # type: ignore[arg-type]
    _, kwargs, _ = parameters.encode((4,), {"y": 4})
    assert bytes(kwargs) == b'{"y":4}'  # type: ignore[arg-type]


@pytest.mark.parametrize("serializer", ALL)
def test_a_call_comes_back_as_it_was(serializer: str):
    assert travel(add, 4, 4, serializer=serializer) == ((4, 4), {})
    assert travel(add, 4, y=4, serializer=serializer) == ((4,), {"y": 4})
    assert travel(anything, serializer=serializer) == ((), {})


RICH = [
    (datetime, NOW),
    (date, date(2026, 1, 31)),
    (time, time(1, 2)),
    (timedelta, timedelta(days=-1, microseconds=1)),
    (UUID, UUID(int=5)),
    (Decimal, Decimal("1.10")),
    (bytes, b"\xff"),
    (set[int], {1, 2}),
    (frozenset[str], frozenset({"a"})),
    (tuple[int, str], (1, "a")),
    (Colour, Colour.RED),
    (User, User("a", date(2026, 1, 1), {"x"})),
    (Event, Event(NOW, Colour.RED, {"when": NOW, "pair": (1, 2)})),
    (Order, Order(id=UUID(int=1), total=Decimal("9.90"))),
    (Order | Refund, Refund(order=UUID(int=1))),
    (list[Order], [Order(id=UUID(int=1), total=Decimal(1))]),
    (dict[int, list[date]], {1: [date(2026, 1, 1)]}),
    (User | None, None),
    (float, math.inf),
    (int, 2**80),
]


@pytest.mark.parametrize("serializer", ALL)
@pytest.mark.parametrize(("annotation", "value"), RICH, ids=str)
def test_an_annotated_value_comes_back_as_annotated(
    annotation: object, value: object, serializer: str
):
    def function(x: Any, y: int = 0): ...

    function.__annotations__["x"] = annotation
    assert travel(function, value, 1, serializer=serializer) == ((value, 1), {})
    assert travel(function, x=value, serializer=serializer) == ((), {"x": value})


SELF_DESCRIBING = [value for _, value in RICH if type(value) not in (Colour, User, Event, Order, Refund) and not isinstance(value, list)]  # fmt: skip  # noqa: E501


@pytest.mark.parametrize("serializer", ALL)
@pytest.mark.parametrize("value", SELF_DESCRIBING, ids=repr)
def test_a_rich_value_without_annotation_comes_back_as_it_was(value: object, serializer: str):
    sent: list[object] = [value, [value], {"a": (value, {"b": value})}]
    assert travel(anything, *sent, serializer=serializer) == (tuple(sent), {})
    assert travel(anything, x=value, serializer=serializer) == ((), {"x": value})


@pytest.mark.parametrize("serializer", OURS)
@pytest.mark.parametrize(("annotation", "value"), RICH, ids=str)
def test_a_sender_without_the_code_reaches_a_receiver_with_annotations(
    annotation: object, value: object, serializer: str
):
    def function(x: Any): ...

    function.__annotations__["x"] = annotation
    parameters = Parameters(function, name="proj.task")
    sent = over_the_wire(encode_call([value], {}, serializer), serializer)
    assert list(parameters.decode(sent)[0]) == [value]
    sent = over_the_wire(encode_call((), {"x": value}, serializer), serializer)
    assert parameters.decode(sent)[1] == {"x": value}


def test_a_message_written_by_hand_is_read_as_annotated():
    def function(user: User, at: datetime): ...

    body = b'{"task":"t","args":[{"name":"a","born":"2026-01-01","tags":["x"]},"2026-01-31T12:00:00Z"]}'  # noqa: E501
    args, _ = Parameters(function, name="t").decode(message.decode(body))
    assert tuple(args) == (User("a", date(2026, 1, 1), {"x"}), NOW)


@pytest.mark.parametrize("serializer", ALL)
def test_a_dict_that_looks_tagged_comes_back_as_it_was(serializer: str):
    def function(x: dict[str, str], y: dict, z): ...

    odd = {"__type__": "date", "value": "2026-01-31"}
    assert travel(function, odd, odd, [odd], serializer=serializer) == ((odd, odd, [odd]), {})
    assert travel(anything, __type__=1, value=odd, serializer=serializer) == (
        (),
        {"__type__": 1, "value": odd},
    )


def test_a_float_that_is_no_number_is_not_null_though_the_annotation_would_take_it():
    def function(x: list[float | None]): ...

    assert travel(function, [None, math.inf]) == (([None, math.inf],), {})


def test_the_number_of_arguments_may_change_from_call_to_call():
    def function(a: int, b: float = 0.0, *rest: date): ...

    day = date(2026, 1, 1)
    parameters = Parameters(function, name="t")
    for args in [(1,), (1, 2.0), (1,), (1, 2.0, day), (1, 2.0, day, day), (1, 2.0)]:
        sent = over_the_wire(parameters.encode(args, {}), "json")
        for _ in range(3):
            assert tuple(parameters.decode(sent)[0]) == args


def test_more_arguments_than_the_function_takes_are_left_to_the_call():
    sent = over_the_wire(encode_call((1, 2, 3), {"z": 4}, "json"), "json")
    args, kwargs = Parameters(add, name="t").decode(sent)
    assert (list(args), kwargs) == ([1, 2, 3], {"z": 4})


def test_a_bound_task_takes_what_its_callers_give():
    def run(self: object, x: date) -> None: ...

    parameters = Parameters(run, name="t", bound=True)
    parameters.check((date(2026, 1, 1),), {})
    args, _ = parameters.decode(over_the_wire(parameters.encode((date(2026, 1, 1),), {}), "json"))
    assert list(args) == [date(2026, 1, 1)]


def test_a_wrong_call_is_refused_in_pythons_words():
    with pytest.raises(TypeError, match=r"^add\(\) missing 1 required positional argument: 'y'$"):
        Parameters(add, name="proj.add").check((1,), {})


@pytest.mark.parametrize("serializer", OURS)
@pytest.mark.parametrize(
    ("args", "kwargs", "text"),
    [
        ((1, "2"), {}, "argument 'y' does not fit its annotation `int`: expected `int`, got `str`"),
        ((1,), {"y": None}, "argument 'y' does not fit its annotation `int`: expected `int`, got"),
        ((1, b"2"), {}, "expected `int`, got `bytes`"),
        ((1, NOW), {}, "expected `int`, got `datetime`"),
        ((1, [2]), {}, "expected `int`, got `array`"),
        ((1.5, 2), {}, "argument 'x' does not fit"),
    ],
)
def test_a_value_that_does_not_fit_is_named(
    args: tuple[Any, ...], kwargs: dict[str, Any], text: str, serializer: str
):
    with pytest.raises(TypeError) as caught:
        travel(add, *args, serializer=serializer, **kwargs)
    assert str(caught.value).startswith("proj.task() argument ")
    assert text in str(caught.value)


def test_the_place_inside_a_value_is_named():
    def function(users: list[User]): ...

    users = [{"name": "a", "born": "2026-01-01", "tags": []}, {"name": 5}]
    with pytest.raises(TypeError, match=r"expected `str`, got `int` - at `\$\[1\].name`"):
        travel(function, users)


def test_a_model_says_itself_what_does_not_fit():
    def function(order: Order): ...

    with pytest.raises(TypeError, match=r"'order' does not fit .*Order`: 2 validation errors"):
        travel(function, {})


def test_text_for_bytes_is_refused_where_the_call_is_made():
    def function(data: bytes, *, key: bytes | None = None): ...

    parameters = Parameters(function, name="proj.task")
    with pytest.raises(
        TypeError, match=r"^proj.task\(\) argument 'data': expected bytes, got str$"
    ):
        parameters.encode(("abcd",), {})
    with pytest.raises(TypeError, match="'key': expected bytes, got str"):
        parameters.encode((b"abcd",), {"key": "abcd"})
    assert travel(function, b"abcd", key=b"x") == ((b"abcd",), {"key": b"x"})


def test_an_argument_that_can_not_be_sent_is_named():
    def function(x, user: User | None = None): ...

    with pytest.raises(EncodeError, match=r"^proj.task: args\[1\]\['a'\]\[0\] \(of type object\)"):
        travel(anything, 1, {"a": [object()]})
    with pytest.raises(EncodeError, match=r"^proj.task: kwargs\['x'\] \(of type "):
        travel(anything, x=add)
    with pytest.raises(EncodeError, match=r"^proj.task: args\[1\].name \(of type object\)"):
        travel(function, 1, User(object(), date(2026, 1, 1), set()))  # type: ignore[arg-type]
    with pytest.raises(EncodeError, match=r"^proj.task: args: pickle can't write it"):
        travel(anything, lambda: None, serializer="pickle")
    with pytest.raises(ImproperlyConfigured, match="serializer 'yaml': expected one of"):
        travel(anything, 1, serializer="yaml")


def test_a_value_of_the_wrong_type_is_not_made_to_fit_unseen():
    def function(x: str): ...

    with pytest.raises(TypeError, match="expected `str`, got `bytes`"):
        travel(function, b"abc")
    with pytest.raises(TypeError, match="expected `str`, got `uuid`"):
        travel(function, UUID(int=1))


@pytest.mark.parametrize(
    "body",
    [
        b'{"task":"t","args":5}',
        b'{"task":"t","args":{"x":1}}',
        b'{"task":"t","kwargs":[1]}',
        b'{"task":"t","args":[{"__type__":"nothing","value":1}]}',
        b'{"task":"t","args":[1,2],"content":"msgpack"}',
        b'{"task":"t","args":[1,2],"content":"pickle"}',
        b'{"task":"t","content":"pickle"}',
        b'{"task":"t","args":[1,2],"content":"unknown"}',
        b'{"task":"t","kwargs":{"__type__":"dict","value":[[1,2]]}}',
    ],
)
def test_arguments_that_can_not_be_read_are_an_error(body: bytes):
    read = message.decode(body)
    for decode in (Parameters(add, name="t").decode, Parameters(anything, name="t").decode):
        with pytest.raises(DecodeError):
            decode(read)
    with pytest.raises(DecodeError):
        decode_call(read)


def test_a_foreign_serializer_gives_what_it_gives_as_annotated():
    register_serializer("test.args", msgspec.json.encode, msgspec.json.decode)

    def function(x: date, *, y: User): ...

    user = User("a", date(2026, 1, 1), {"x"})
    back = travel(function, date(2026, 1, 1), y=user, serializer="test.args")
    assert back == ((date(2026, 1, 1),), {"y": user})


@pytest.mark.parametrize("serializer", ALL)
def test_a_call_can_be_read_without_the_function(serializer: str):
    sent = over_the_wire(encode_call((1, NOW), {"x": (2,)}, serializer), serializer)
    args, kwargs = decode_call(sent)
    assert (list(args), kwargs) == ([1, NOW], {"x": (2,)})


def test_annotations_are_not_read_before_they_are_needed():
    def function(x: Later): ...  # type: ignore[name-defined]  # noqa: F821

    parameters = Parameters(function, name="t")
    parameters.check((1,), {})
    function.__globals__["Later"] = date
    try:
        sent = over_the_wire(parameters.encode((date(2026, 1, 1),), {}), "json")
        assert bytes(sent.args) == b'["2026-01-01"]'  # type: ignore[arg-type]
    finally:
        del function.__globals__["Later"]


def returning(annotation: object) -> Callable[..., object]:
    def function(): ...

    function.__annotations__["return"] = annotation
    return function


def stored(function: Callable[..., object], value: object, serializer: str = "json") -> Record:
    """What a backend keeps of a result."""
    result, content = Returned(function, name="proj.task").encode(value, serializer)
    return record.decode(record.encode(Record(result=result, content=content), serializer))


@pytest.mark.parametrize("serializer", ALL)
@pytest.mark.parametrize(("annotation", "value"), RICH, ids=str)
def test_a_result_comes_back_as_annotated(annotation: object, value: object, serializer: str):
    function = returning(annotation)
    kept = stored(function, value, serializer)
    assert Returned(function, name="t").decode(kept) == value


@pytest.mark.parametrize("serializer", ALL)
@pytest.mark.parametrize("value", SELF_DESCRIBING, ids=repr)
def test_a_result_describes_itself(value: object, serializer: str):
    for function in (anything, returning(type(value)), returning(None), returning(Any)):
        assert Returned(anything, name="t").decode(stored(function, value, serializer)) == value


@pytest.mark.parametrize("annotation", [None, int, str, bytes, date, list[int], dict[str, int]])
@pytest.mark.parametrize("value", [8, "abcd", None, True, (1, 2), NOW, {"a": 1}], ids=repr)
def test_a_result_that_is_not_as_annotated_comes_back_as_it_was(annotation: object, value: object):
    function = returning(annotation)
    assert Returned(function, name="t").decode(stored(function, value)) == value


def test_objects_come_back_as_their_fields_where_no_annotation_says_more():
    user = User("a", date(2026, 1, 1), {"x"})
    kept = stored(returning(User), user)
    assert Returned(anything, name="t").decode(kept) == {
        "name": "a",
        "born": date(2026, 1, 1),
        "tags": {"x"},
    }


def test_a_result_that_is_no_such_object_is_an_error():
    kept = stored(anything, {"name": 5})
    with pytest.raises(
        DecodeError, match=r"the result of proj.task does not fit .*User`: expected"
    ):
        Returned(returning(User), name="proj.task").decode(kept)


async def coroutine_function() -> User: ...  # type: ignore[empty-body]


@pytest.mark.parametrize(
    "function",
    [
        coroutine_function,
        returning(Awaitable[User]),
        returning(Coroutine[Any, Any, User]),
        returning("User"),
    ],
)
def test_what_is_awaited_counts(function: Callable[..., object]):
    user = User("a", date(2026, 1, 1), {"x"})
    assert Returned(function, name="t").decode(stored(function, user)) == user


def test_a_plain_result_is_written_plainly():
    for annotation, value, data in [
        (int, 8, b"8"),
        (list[int], [1, 2], b"[1,2]"),
        (dict[str, float], {"a": 1.5}, b'{"a":1.5}'),
        (int, True, b"true"),
    ]:
        raw, content = Returned(returning(annotation), name="t").encode(value)
        assert (raw, content) == (Raw(data), "")


@pytest.mark.parametrize("serializer", OURS)
def test_of_a_result_of_none_nothing_is_written(serializer: str):
    assert Returned(returning(None), name="t").encode(None, serializer) == (UNSET, "")


def test_a_record_without_a_result_gives_none():
    assert Returned(add, name="t").decode(Record(status="STARTED")) is None


def test_a_result_that_can_not_be_read_is_an_error():
    with pytest.raises(DecodeError):
        Returned(add, name="t").decode(Record(result=Raw(b"\xc1"), content="msgpack"))


async def coroutine() -> None: ...


def generator() -> Any:
    yield 1


def test_an_argument_of_what_is_not_at_hand_is_named_too():
    parameters = Parameters(anything, name="proj.task")
    with pytest.raises(EncodeError, match=r"^proj.task: args\[0\] \(of type object\)"):
        parameters.encode_later((object(),), {})
    with pytest.raises(EncodeError, match=r"^proj.task: kwargs\['x'\] \(of type object\)"):
        parameters.encode_later((), {"x": object()})
    with pytest.raises(EncodeError, match=r"^proj.task: args: pickle can't write it"):
        parameters.encode_later((lambda: None,), {}, "pickle")
    with pytest.raises(EncodeError, match=r"^kwargs\['x'\] \(of type object\)"):
        encode_call((), {"x": object()}, "json")


async def async_generator() -> Any:
    yield 1


@pytest.mark.parametrize("serializer", OURS)
@pytest.mark.parametrize(
    ("make", "text"),
    [
        (coroutine, r"\(of type coroutine\) .*`await` it in an `async def`"),
        (generator, r"\(of type generator\) .*collect them in a list"),
        (async_generator, r"\(of type async_generator\) .*collect them in a list"),
        (object, r"\(of type object\) has no form on the wire"),
        (lambda: [{"a": object()}], r"^the result of proj.task\[0\]\['a'\] "),
        (lambda: ValueError("x"), "An error is raised, not sent"),
        (lambda: "\ud800", "half a character"),
    ],
)
def test_a_result_that_can_not_be_sent_is_told(make: Callable[[], Any], text: str, serializer: str):
    value = make()
    with pytest.raises(EncodeError, match=text) as caught:
        Returned(add, name="proj.task").encode(value, serializer)
    assert str(caught.value).startswith("the result of proj.task")
    if make is coroutine:
        value.close()
