"""What the end of a step does in its workflow."""

import msgspec
import pytest
from msgspec import UNSET, Raw

from asynq.brokers.base import Advance, Delivery
from asynq.wire.failures import Failure, rebuild
from asynq.wire.fault import Climb, Fault
from asynq.wire.flow import Flow, split_input
from asynq.wire.message import Message, decode
from asynq.worker.following import ARGUMENTS_BYTES, advances, news

FAILURE = Failure.of(ValueError("h"))


def place(**more):
    return Flow(workflow="w", node=2, **more)


def told(flow, **message):
    """The message, and what it carries."""
    delivery = Delivery(id="1", queue="q", body=b"")
    parcels = news(Message(task="t", flow=flow, **message), delivery, FAILURE, None)
    if not parcels:
        return None
    body, input = split_input(parcels[0].body)
    sent = decode(body)
    (climb,) = msgspec.json.decode(bytes(sent.args), type=list[Climb])
    return sent, climb, Fault.open("w", None, input)


def test_a_value_begins_what_follows():
    flow = place(start=((3, 3),))
    assert advances(flow, b"8") == (Advance(workflow="w", input=b"8", start=((3, 3),)),)


def test_a_value_fills_a_place():
    assert advances(place(join=(1, 4)), b"8") == (Advance(workflow="w", input=b"8", join=(1, 4)),)


def test_a_value_that_nobody_reads_is_left_out():
    flow = place(join=(1, 4), bare=True)
    assert advances(flow, b"8") == (Advance(workflow="w", join=(1, 4)),)


def test_the_last_value_ends_the_workflow():
    (advance,) = advances(place(last=True), b"8")
    assert advance.over == "SUCCESS"


def test_a_place_from_which_nothing_follows_moves_nothing():
    assert advances(place(), b"8") == ()


def test_what_replaced_a_task_moves_on_that_ones_workflow_too():
    outer = Flow(workflow="outer", node=7, start=((8, 8),))
    inner, above = advances(place(last=True, outer=outer), b"8")
    assert (inner.workflow, inner.over) == ("w", "SUCCESS")
    assert above == Advance(workflow="outer", input=b"8", start=((8, 8),))


def test_a_failure_is_told_with_the_call_and_its_error():
    sent, climb, fault = told(place(up=1, end=5, errbacks=((9, 9),)), args=Raw(b"[1]"))
    assert (sent.task, sent.flow.workflow) == ("asynq.workflow.fail", "w")
    assert (climb.node, climb.up, climb.end, climb.unrun) == (2, 1, 5, (3, 5))
    assert climb.errbacks == ((9, 9),)
    assert (fault.id, fault.message.task, bytes(fault.message.args)) == ("1", "t", b"[1]")
    assert fault.message.flow is None
    assert rebuild(fault.error).args == ("h",)


@pytest.mark.parametrize("flow", [None, place(), place(start=((3, 3),))])
def test_a_failure_that_makes_no_difference_is_told_to_nobody(flow):
    assert told(flow) is None


def test_large_arguments_are_left_out():
    large = Raw(b'["' + b"x" * ARGUMENTS_BYTES + b'"]')
    _, _, fault = told(place(up=1), args=large, content="msgpack")
    assert (fault.message.args, fault.message.content) == (UNSET, "")
