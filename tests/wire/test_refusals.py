from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from asynq.exceptions import EncodeError
from asynq.wire.serialization import dumps


class Thing:
    def __repr__(self) -> str:
        raise RuntimeError("nobody may look at me")


@dataclass
class User:
    name: object


class Box(msgspec.Struct):
    inside: object


def refused(value: object, serializer: str = "json") -> str:
    with pytest.raises(EncodeError) as caught:
        dumps(value, serializer, what="args")
    return str(caught.value)


@pytest.mark.parametrize("serializer", ["json", "msgpack"])
@pytest.mark.parametrize(
    ("value", "path"),
    [
        (Thing(), "args"),
        ([1, Thing()], "args[1]"),
        ([1, {"a": (2, [Thing()])}], "args[1]['a'][1][0]"),
        (["é", {7: Thing()}], "args[1][7]"),
        ({(1, 2): Thing()}, "args[<tuple>]"),
        ([User(Box(Thing()))], "args[0].name.inside"),
        ([{Thing()}], "args[0]: a member"),
        ([{Thing(): 1}], "args[0]: a key"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_part_at_fault_is_named(value: object, path: str, serializer: str):
    text = refused(value, serializer)
    assert text.startswith(f"{path} (of type tests.wire.test_refusals.Thing) has no form on the wi")
    assert "dataclasses, msgspec Structs and pydantic models" in text


def test_half_a_character_is_named():
    text = refused(["fine", "\ud800"])
    assert text.startswith("args[1] (of type str) holds half a character")


def test_an_endless_value_is_named_without_its_depths():
    loop: list[object] = []
    loop.append(loop)
    assert refused([1, loop]).startswith("args (of type list) is nested too deeply")


def test_an_integer_no_decoder_would_take_is_named():
    assert refused([10**5000], "msgpack").startswith("args[0] (of type int) can't be written")


async def coroutine() -> None: ...


def generator() -> Any:
    yield 1


async def async_generator() -> Any:
    yield 1


@pytest.mark.parametrize(
    ("make", "advice"),
    [
        (coroutine, "`await` it in an `async def`; a `def` can say asynq.run(…)"),
        (generator, "collect them in a list"),
        (async_generator, "collect them in a list"),
        (lambda: ValueError("x"), "send its text"),
    ],
)
def test_the_advice_fits(make: Callable[[], Any], advice: str):
    value = make()
    assert advice in refused([value])
    if asyncio.iscoroutine(value):
        value.close()


def test_a_property_that_fails_is_told():
    class Lazy(msgspec.Struct):
        a: int

        def __getattribute__(self, name: str) -> Any:
            if name == "a":
                raise LookupError("gone")
            return super().__getattribute__(name)

    assert "LookupError: gone" in refused({"x": (Lazy(1),)})
