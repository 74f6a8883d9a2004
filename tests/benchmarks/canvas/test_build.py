"""The workflows that are measured have as many tasks, and come to such values, as is said."""

import pytest

from asynq import Asynq, chain, chord, group
from benchmarks.canvas.build import KINDS, Words, expected, tasks

SIZES = {"chain": (4,), "group": (5,), "chord": (6,), "nested": (2, 3), "chords": (3, 2)}


@pytest.fixture
def ran():
    return []


@pytest.fixture
def words(ran):
    app = Asynq("measured", broker="memory://")

    @app.task(name="step")
    async def step(value: int) -> int:
        ran.append("step")
        return value

    @app.task(name="total")
    async def total(values: list[int]) -> int:
        ran.append("total")
        return sum(values)

    return Words(chain, group, chord, step, total)


def test_each_kind_is_tried_here():
    assert {*SIZES} == {*KINDS}


@pytest.mark.parametrize(("shape", "sizes"), SIZES.items())
async def test_a_workflow_has_as_many_tasks_and_the_value_that_is_said(words, ran, shape, sizes):
    handle = await words.build(shape, sizes).apply()
    assert await handle.get() == expected(shape, sizes)
    assert len(ran) == tasks(shape, sizes)


def test_a_large_chain_of_chords_has_a_value_that_fits_into_64_bits():
    assert expected("chords", (8, 10)) == 10**8
