import asyncio

import pytest

from asynq.result.answer import Answer


def answer():
    async def ask():
        return "SUCCESS"

    return Answer("state", ask)


async def test_it_is_awaited():
    assert await answer() == "SUCCESS"


@pytest.mark.parametrize(
    "misuse",
    [
        lambda state: state == "SUCCESS",
        lambda state: state != "SUCCESS",
        lambda state: state in {"SUCCESS", 1} or state in ["SUCCESS"],
        bool,
        str,
        lambda state: f"{state}",
        lambda state: state < "x",
        list,
        lambda state: "x" in state,
    ],
)
def test_a_forgotten_await_is_an_error(misuse):
    with pytest.raises(TypeError, match=r"await result\.state"):
        misuse(answer())


async def test_several_can_be_gathered():
    assert await asyncio.gather(answer(), answer()) == ["SUCCESS", "SUCCESS"]


def test_its_repr_says_what_to_do():
    assert repr(answer()) == "<await result.state>"
