"""What an errback is called with, by what it can take."""

import pytest

from asynq.canvas.errbacks import errback_arguments
from asynq.request import Request

REQUEST, ERROR = Request(id="1", task="t"), ValueError("h")
THREE = (REQUEST, ERROR, "traceback")


def one(id): ...
def one_bound(self, id): ...
def one_and_own(id, where): ...
def three(request, error, traceback): ...
def three_bound(self, request, error, traceback): ...
def three_and_own(request, error, traceback, where): ...
def three_or_less(request, error=None, traceback=None): ...
def anything(*args): ...
def anything_bound(self, *args): ...


@pytest.mark.parametrize(
    ("function", "own", "expected"),
    [
        (one, 0, ("1",)),
        (one_bound, 0, ("1",)),
        (one_and_own, 1, ("1",)),
        (three, 0, THREE),
        (three_bound, 0, THREE),
        (three_and_own, 1, THREE),
        (three_or_less, 0, THREE),
        (anything, 0, THREE),
        (anything, 2, THREE),
        (anything_bound, 2, THREE),
    ],
)
def test_three_where_it_takes_them_else_the_id(app, function, own, expected):
    task = app.task(name="errback", bind="self" in function.__code__.co_varnames)(function)
    assert errback_arguments(task, own, {}, REQUEST, ERROR, "traceback") == expected


def test_of_a_task_whose_code_is_elsewhere_it_is_the_id(app):
    callee = app.callee("elsewhere.errback")
    assert errback_arguments(callee, 0, {}, REQUEST, ERROR, None) == ("1",)


def test_its_own_named_arguments_count_too(app):
    @app.task
    async def explain(request, error, traceback, *, to: str) -> None: ...

    assert errback_arguments(explain, 0, {"to": "me"}, REQUEST, ERROR, None) == (
        REQUEST,
        ERROR,
        None,
    )
