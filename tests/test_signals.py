"""Who listens to a signal is told, and can do no harm."""

import gc
import logging

import pytest

from asynq import signals
from asynq.signals import Signal


@pytest.fixture
def happened():
    return Signal("happened")


class Named:
    def __init__(self, name):
        self.name = name


async def test_a_receiver_is_told_what_happened_and_who_says_so(happened):
    told = []

    @happened.connect
    def hear(signal, sender, what, **named):
        told.append((signal, sender, what, named))

    await happened.send("me", what=1, more=2)
    assert told == [(happened, "me", 1, {"more": 2})]


async def test_a_receiver_may_be_async_and_all_are_called_in_order(happened):
    told = []

    @happened.connect()
    async def first(**named):
        told.append("first")

    def second(**named):
        told.append("second")

    happened.connect(second)
    await happened.send(None)
    assert told == ["first", "second"]


async def test_what_a_receiver_raises_is_logged_and_the_others_are_called(happened, caplog):
    told = []

    @happened.connect
    def fail(**named):
        raise ValueError("boom")

    @happened.connect
    def hear(**named):
        told.append(1)

    with caplog.at_level(logging.ERROR):
        await happened.send(None)
    assert told == [1]
    assert "boom" in caplog.text
    assert "fail" in caplog.text


async def test_a_receiver_may_listen_to_one_sender(happened):
    told = []

    @happened.connect(sender="proj.add")
    def hear(sender, **named):
        told.append(sender)

    one, same = Named("proj.add"), Named("proj.add")  # an app has an object of its own
    for sender in (one, same, "proj.add", Named("proj.mul"), None):
        await happened.send(sender)
    assert told == [one, same, "proj.add"]


async def test_a_sender_is_a_task_or_its_name(happened):
    told = []
    add = Named("proj.add")

    @happened.connect(sender=add)
    def hear(**named):
        told.append(1)

    await happened.send(add)
    await happened.send(Named("proj.mul"))
    assert told == [1]


async def test_connecting_twice_calls_once(happened):
    told = []

    def hear(**named):
        told.append(1)

    happened.connect(hear)
    happened.connect(hear)
    await happened.send(None)
    assert told == [1]
    happened.connect(hear, sender="other")
    assert len(happened.receivers) == 2


async def test_a_uid_stands_for_the_function(happened):
    told = []
    for _ in range(2):  # a module that is imported twice

        def hear(**named):
            told.append(1)

        happened.connect(hear, dispatch_uid="hear")
    await happened.send(None)
    assert told == [1]
    assert happened.disconnect(dispatch_uid="hear")
    assert not happened.receivers


async def test_a_method_is_told_apart_from_that_of_another_object(happened):
    class Listener:
        def __init__(self):
            self.told = 0

        def hear(self, **named):
            self.told += 1

    one, two = Listener(), Listener()
    happened.connect(one.hear)
    happened.connect(one.hear)
    happened.connect(two.hear)
    assert happened.disconnect(two.hear)
    assert not happened.disconnect(two.hear)
    await happened.send(None)
    assert (one.told, two.told) == (1, 0)


async def test_a_weak_receiver_goes_with_its_owner(happened):
    class Listener:
        def hear(self, **named):
            raise AssertionError("it is gone")

    listener = Listener()
    happened.connect(listener.hear, weak=True)
    assert len(happened.receivers) == 1
    del listener
    gc.collect()
    assert not happened.receivers
    await happened.send(None)


async def test_a_receiver_made_in_a_function_stays(happened):
    told = []

    def listen():
        happened.connect(lambda **named: told.append(1))

    listen()
    gc.collect()
    await happened.send(None)
    assert told == [1]


@pytest.mark.parametrize("receiver", [lambda sender: None, lambda: None, 5, "hear"])
def test_a_receiver_takes_whatever_may_come(happened, receiver):
    with pytest.raises(TypeError, match="connect: "):
        happened.connect(receiver)


async def test_connecting_during_a_send_counts_from_the_next_one(happened):
    told = []

    @happened.connect
    def hear(**named):
        told.append("hear")
        happened.connect(lambda **named: told.append("late"), dispatch_uid="late")
        happened.disconnect(hear)

    await happened.send(None)
    assert told == ["hear"]
    await happened.send(None)
    assert told == ["hear", "late"]


def test_one_look_tells_whether_anybody_listens_to_a_run():
    def hear(**named):
        pass

    assert not signals.RUNNING.receivers
    signals.task_retry.connect(hear)
    assert signals.RUNNING.receivers
    assert not signals.PUBLISHING.receivers
    signals.task_retry.disconnect(hear)
    assert not signals.RUNNING.receivers


def test_a_signal_says_its_name():
    assert repr(signals.task_success) == "<Signal: task_success>"
    for name, signal in vars(signals).items():
        if isinstance(signal, Signal):
            assert signal.name == name
