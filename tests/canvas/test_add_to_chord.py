"""`self.add_to_chord`: a member of a group adds another one while it runs."""

from types import SimpleNamespace

import pytest

from asynq import Asynq, ChordError, Worker, chain, chord, group


@pytest.fixture
async def app(url, namespace):
    async with Asynq(namespace, broker=url) as app, Worker(app):
        yield app


@pytest.fixture
def tasks(app):
    @app.task
    async def echo(x: int) -> int:
        if x < 0:
            raise ValueError(x)
        return x

    @app.task(bind=True)
    async def count(self, n: int) -> int:
        """Adds the next lower one, which adds the next …"""
        if n > 0:
            self.add_to_chord(self.s(n - 1))
        return n

    @app.task(bind=True)
    async def more(self, *added) -> str:
        for each in added:
            self.add_to_chord(app.signature(each))
        return "more"

    @app.task
    async def body(values: list, note: str = "") -> list:
        return [*values, note] if note else values

    return SimpleNamespace(echo=echo, count=count, more=more, body=body)


async def test_what_comes_after_waits_for_it_and_gets_its_value_after_the_others(tasks):
    added = tasks.more.s(tasks.echo.s(7), tasks.echo.s(8))
    values = await chord([added, tasks.echo.s(1)], tasks.body.s("end"))().get(timeout=10)
    assert values == ["more", 1, 7, 8, "end"]


async def test_what_was_added_may_add(tasks):
    values = await chord([tasks.count.s(5), tasks.echo.s(9)], tasks.body.s())().get(timeout=10)
    assert values == [5, 9, 4, 3, 2, 1, 0]


async def test_a_chain_or_a_group_can_be_added(tasks):
    two = chain(tasks.echo.s(1), tasks.echo.s())
    both = group(tasks.echo.s(2), tasks.echo.s(3))
    values = await chord([tasks.more.s(two, both)], tasks.body.s())().get(timeout=10)
    assert values == ["more", 1, [2, 3]]


async def test_it_ends_the_chord_when_it_fails(tasks):
    with pytest.raises(ChordError, match="ValueError"):
        await chord([tasks.more.s(tasks.echo.s(-1))], tasks.body.s())().get(timeout=10)


async def test_its_error_is_among_the_values_where_these_are_collected(tasks):
    header = group([tasks.more.s(tasks.echo.s(-1)), tasks.echo.s(3)], errors="ignore")
    assert await (header | tasks.body.s()).delay().get(timeout=10) == ["more", 3]


async def test_errors_that_are_collected_are_no_value_to_add(tasks):
    added = group([tasks.echo.s(1)], errors="collect")
    with pytest.raises(ChordError, match="can't stand in for a task"):
        await chord([tasks.more.s(added)], tasks.body.s())().get(timeout=10)


async def test_outside_of_a_chord_there_is_nothing_to_add_to(tasks):
    with pytest.raises(ValueError, match="nothing to add to"):
        await tasks.count.delay(1).get(timeout=10)
