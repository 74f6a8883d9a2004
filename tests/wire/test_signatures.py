from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from asynq.wire.signatures import Layout, checker, parameters_of


def none() -> None: ...
def two(x, y): ...
def defaults(x, y=1, *, z=2): ...
def needs_names(x, *, a, b, c=3): ...
def only_places(x, y=1, /): ...
def everything(a, /, b, *c, d, e=1, **f): ...
def anything(*args, **kwargs): ...


FUNCTIONS = [none, two, defaults, needs_names, only_places, everything, anything]
CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((), {}),
    ((1,), {}),
    ((1, 2), {}),
    ((1, 2, 3), {}),
    ((1,), {"y": 2}),
    ((1,), {"x": 2}),
    ((), {"x": 1, "y": 2}),
    ((1, 2), {"z": 3}),
    ((1, 2, 3, 4), {"d": 5, "g": 6}),
    ((1,), {"a": 1}),
    ((1,), {"a": 1, "b": 2}),
    ((1, 2), {"a": 1, "b": 2}),
    ((), {"self": 1, "args": 2}),
]


def outcome(call: Callable[..., Any], args: Any, kwargs: Any) -> str | None:
    try:
        call(*args, **kwargs)
    except TypeError as error:
        return str(error)
    return None


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_a_wrong_call_is_refused_in_pythons_own_words(function: Callable[..., Any]):
    check = checker(function.__name__, parameters_of(function, bound=False))
    told = [outcome(check, *call) for call in CALLS]
    assert told == [outcome(function, *call) for call in CALLS]
    assert None in told


def test_the_words_are_those_people_know():
    check = checker("add", parameters_of(two, bound=False))
    with pytest.raises(TypeError, match=r"^add\(\) missing 1 required positional argument: 'y'$"):
        check(1)


def test_a_bound_parameter_is_not_the_callers():
    def run(self, x): ...

    check = checker("run", parameters_of(run, bound=True))
    check(1)
    with pytest.raises(TypeError, match=r"run\(\) takes 1 positional argument but 2 were given"):
        check(1, 2)
    assert len(parameters_of(anything, bound=True)) == 2


def test_methods_partials_and_decorated_functions_are_understood():
    class Sender:
        def send(self, x): ...
        def __call__(self, y): ...

    @functools.wraps(two)
    def wrapped(*args, **kwargs): ...

    def names(function: Callable[..., Any]) -> list[str]:
        return [each.name for each in parameters_of(function, bound=False)]

    assert names(Sender().send) == ["x"]
    assert names(Sender()) == ["y"]
    assert names(functools.partial(two, 1)) == ["y"]
    assert names(wrapped) == ["x", "y"]


def test_a_builtin_that_tells_nothing_takes_anything():
    check = checker("iter", parameters_of(iter, bound=False))
    check(1, 2, x=3)


def typed(a: int, /, b: str, *c: float, d: bytes, **e: bool): ...


def test_each_argument_has_the_slot_of_its_parameter():
    layout = Layout(typed, parameters_of(typed, bound=False))
    places = [
        (name, slot.kind) for (name, slot), _ in zip(layout.positional(), range(4), strict=False)
    ]
    assert places == [("a", int), ("b", str), ("c[0]", float), ("c[1]", float)]
    assert layout.kinds(3) == (int, str, float)
    # A name that is positional only, and that of `*c`, fall to `**e`, as in Python.
    assert [layout.named(name).kind for name in "abcdx"] == [bool, str, bool, bytes, bool]
    assert layout.wary
    assert layout.typed


def test_a_default_of_none_allows_none():
    def old(x: str = None): ...  # type: ignore[assignment]  # noqa: RUF013

    layout = Layout(old, parameters_of(old, bound=False))
    assert layout.named("x").convert(None) is None
