"""What a workflow brings a step comes before its own arguments, as the step is annotated."""

from dataclasses import dataclass

import pytest

from asynq import Asynq, Worker, chord, group


@dataclass
class Point:
    x: int
    y: int


@pytest.fixture(params=["json", "msgpack", "pickle"])
async def app(request, namespace):
    serializers = {"task_serializer": request.param, "result_serializer": request.param}
    accepted = ["json", "msgpack", "pickle"]
    async with Asynq(namespace, broker="memory://", accept_content=accepted, **serializers) as app:
        yield app


@pytest.fixture
def point(app):
    @app.task(name="proj.point")
    async def point(x: int) -> Point:
        return Point(x, -x)

    return point


@pytest.fixture
async def worker(app):
    async with Worker(app) as worker:
        yield worker


async def test_a_value_is_read_as_what_follows_is_annotated(app, point, worker):
    @app.task
    async def moved(point: Point, by: int) -> Point:
        return Point(point.x + by, point.y)

    made = point.s(1) | moved.s(5) | moved.s(by=5)
    assert await made.delay().get(timeout=10) == Point(11, -1)


async def test_values_of_a_group_are_a_list_of_these(app, point, worker):
    @app.task
    async def xs(points: list[Point]) -> list[int]:
        return [point.x for point in points]

    assert await chord([point.s(1), point.s(2)], xs.s())().get(timeout=10) == [1, 2]


async def test_nothing_is_a_value_too(app, worker):
    @app.task
    async def nothing() -> None: ...

    @app.task
    async def shown(value, own=None) -> str:
        return f"{value!r} {own!r}"

    assert await (nothing.s() | shown.s(1)).delay().get(timeout=10) == "None 1"
    made = group(nothing.s(), nothing.s()) | shown.s(1)
    assert await made.delay().get(timeout=10) == "[None, None] 1"


async def test_values_written_in_several_ways_meet(app, worker):
    def returns(value, serializer):
        @app.task(name=f"proj.{serializer}", serializer=serializer)
        async def task():
            return value

        return task.s()

    @app.task
    async def same(values: list[int], own: int) -> list[int]:
        return [*values, own]

    members = [returns(at, name) for at, name in enumerate(("json", "msgpack", "pickle"))]
    assert await (group(members) | same.s(9)).delay().get(timeout=10) == [0, 1, 2, 9]


async def test_a_value_that_does_not_fit_is_the_failure_of_what_follows(app, point, worker):
    @app.task
    async def wants(number: int) -> int:
        return number

    result = await (point.s(1) | wants.s()).delay()
    assert isinstance(await result.get(timeout=10, propagate=False), TypeError)
    assert await result.parent.get(timeout=10) == Point(1, -1)
