"""Commands that a server refused for now wait together, and go out together."""

from __future__ import annotations

import asyncio

import pytest

from asynq._redis import deferred as room
from asynq._redis.command import Command
from asynq._redis.deferred import Deferred
from tests.waiting import until


class Sender:
    """Counts what goes out, and refuses or answers it as told."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.batches: list[list[Command]] = []
        self.over = 0
        self.refusing = 0
        self.deferred = Deferred(self.loop, self.send, self.is_over)

    def refused(self, command: Command, error: Exception) -> None:
        self.deferred.add(command)

    def send(self, commands: list[Command]) -> None:
        self.batches.append(commands)
        for command in commands:
            if len(self.batches) <= self.refusing:
                self.deferred.add(command)
            else:
                command.answer(b"OK")

    def is_over(self) -> None:
        self.over += 1

    def command(self) -> Command:
        return Command(self, b"", 10.0)


@pytest.fixture
async def sender(monkeypatch: pytest.MonkeyPatch) -> Sender:
    monkeypatch.setattr(room, "FIRST_PAUSE", 0.002)
    monkeypatch.setattr(room, "LONGEST_PAUSE", 0.01)
    return Sender()


async def test_what_waits_goes_out_together_in_its_order(sender: Sender):
    commands = [sender.command() for _ in range(100)]
    for command in commands:
        sender.deferred.add(command)
    assert list(sender.deferred) == commands
    await commands[-1].future
    assert sender.batches == [commands]
    assert list(sender.deferred) == []


async def test_it_goes_out_again_until_it_is_answered_and_that_is_told(sender: Sender):
    sender.refusing = 5
    command = sender.command()
    sender.deferred.add(command)
    assert await command.future == b"OK"
    assert len(sender.batches) == 6
    await until(lambda: sender.over)


async def test_what_was_taken_out_is_not_sent(sender: Sender):
    command = sender.command()
    sender.deferred.add(command)
    assert sender.deferred.take() == [command]
    await asyncio.sleep(0.02)
    assert sender.batches == []
    assert not command.future.done()
