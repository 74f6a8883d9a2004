"""Commands of one's own: what declares them, and what calls them."""

import pytest

from asynq.control import ControlState, commands, control_command, inspect_command
from asynq.exceptions import ImproperlyConfigured


@pytest.fixture(autouse=True)
def _own():
    before = dict(commands.COMMANDS)
    yield
    commands.COMMANDS.clear()
    commands.COMMANDS.update(before)


async def test_one_is_called_with_the_state_and_what_was_said(app, start):
    @control_command(args=[("n", int)], signature="[N=1]")
    def increase(state: ControlState, n: int = 1) -> dict[str, object]:
        """Say how many slots there would be."""
        return {"ok": [state.hostname, state.slots + n, state.app.main, list(state.queues)]}

    await start("a@h", concurrency=3)
    [told] = await app.control.broadcast("increase", {"n": 2}, reply=True)
    assert told == {"a@h": {"ok": ["a@h", 5, app.main, ["default"]]}}
    assert commands.COMMANDS["increase"].help == "Say how many slots there would be."


async def test_it_may_be_a_coroutine(app, start):
    @inspect_command
    async def depths(state):
        return {queue: await state.app.broker.depth(queue) for queue in state.queues}

    await start("a@h")
    assert await app.control.inspect().ask("depths") == {"a@h": {"default": 0}}


async def test_its_error_is_an_answer(app, start, caplog):
    @inspect_command(name="break")
    def broken(state):
        raise LookupError("no such shelf")

    await start("a@h")
    answers = await app.control.inspect().ask("break")
    assert answers == {"a@h": {"error": "LookupError: no such shelf"}}
    assert "The remote command break failed" in caplog.text


async def test_what_can_not_be_written_is_an_error(app, start):
    @inspect_command
    def huge(state):
        return "x" * 2_000_000

    class Shy:
        def __repr__(self):
            raise RuntimeError("don't look")

    @inspect_command
    def odd(state):
        return Shy()

    await start("a@h")
    assert "1,048,576 is the most" in (await app.control.inspect().ask("huge"))["a@h"]["error"]
    assert "can't be written" in (await app.control.inspect().ask("odd"))["a@h"]["error"]


def test_two_functions_of_one_name_are_refused():
    @inspect_command(name="mine", alias="ours")
    def first(state): ...

    inspect_command(name="mine")(first)  # the same again, by a reload
    for name in ("mine", "ours"):
        with pytest.raises(ImproperlyConfigured, match=f"two remote commands are called '{name}'"):

            @control_command(name=name)
            def second(state): ...
