"""`map`, `starmap` and `chunks`: what they are not called with is said where they are written."""

import pytest

from asynq import chunks, xmap, xstarmap


@pytest.fixture
def double(app):
    @app.task(name="proj.double", bind=True)
    def double(self, x: int, *, times: int = 1) -> int:
        return 2 * x * times

    return double


@pytest.mark.parametrize("it", [5, None])
def test_they_call_with_what_can_be_gone_through(add, double, it):
    with pytest.raises(TypeError, match=rf"proj\.double\.map\(\): expected an iterable, got {it}"):
        double.map(it)
    with pytest.raises(TypeError, match=r"proj\.add\.starmap\(\): expected an iterable"):
        add.starmap(it)
    with pytest.raises(TypeError, match=r"proj\.add\.chunks\(\): expected an iterable"):
        chunks(add.s(), it, 2)


def test_each_call_has_a_list_or_a_tuple_of_arguments(add):
    says = r": expected a list or a tuple of arguments for each call, got 2"
    with pytest.raises(TypeError, match=r"proj\.add\.starmap\(\)" + says):
        add.starmap([(1, 1), 2])
    with pytest.raises(TypeError, match=r"proj\.add\.chunks\(\)" + says):
        add.chunks(iter([(1, 1), 2]), 1)
    with pytest.raises(TypeError, match="for one, write \\('ab',\\), or use map"):
        add.starmap(["ab"])


@pytest.mark.parametrize("n", ["2", 2.0, None])
def test_chunks_have_a_whole_number_of_calls(add, n):
    with pytest.raises(TypeError, match=rf"proj\.add\.chunks\(\): n: expected .*, got {n!r}"):
        add.chunks([(1, 1)], n)


def test_chunks_have_a_call_at_least(add):
    with pytest.raises(ValueError, match=r"proj\.add\.chunks\(\): n: expected .*, got 0"):
        add.chunks([(1, 1)], 0)


def test_arguments_that_do_not_fit_are_refused(add, double):
    says = r"add\(\) missing 1 required positional argument: 'y'"
    for refused in (xstarmap, lambda task, it: task.chunks(it, 1)):
        with pytest.raises(TypeError, match=says):
            refused(add, [(1, 2), (3,)])
    with pytest.raises(TypeError, match=says):
        xmap(add, [1])
    with pytest.raises(TypeError, match=r"double\(\) takes 1 positional argument"):
        double.starmap([(1, 2)])
    assert len(double.map([1, 2]).kwargs["it"]) == 2
    assert add.map([]).kwargs["it"] == []


def test_a_task_that_is_not_checked_is_not_checked_here(app):
    @app.task(name="proj.loose", typing=False)
    async def loose(x: int) -> int:
        return x

    assert loose.starmap([(1, 2)]).kwargs["it"] == [(1, 2)]


def test_arguments_may_come_from_anything_that_yields_them(add):
    for made in (add.starmap(iter([n, n]) for n in (1, 2)), add.chunks([iter([1, 1])], 1)[0]):
        assert made.kwargs["it"][0] == [1, 1]
