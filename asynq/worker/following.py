"""What the end of a step does in its workflow: what begins, which value is there, who is told."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from msgspec import UNSET, Raw
from msgspec.structs import replace

from asynq import states
from asynq.brokers.base import Advance, Delivery, Parcel
from asynq.canvas.own import FAIL, own_message
from asynq.exceptions import AsynqError
from asynq.wire.failures import Failure
from asynq.wire.fault import Climb, Fault
from asynq.wire.flow import Flow, split_input, with_input
from asynq.wire.ids import new_id
from asynq.wire.inputs import json_of, put_before
from asynq.wire.message import Message
from asynq.wire.record import decode
from asynq.wire.sealing import Seal

ARGUMENTS_BYTES: Final = 64 * 1024
"""Of a call that has failed, in what errbacks are told of it; larger arguments are left out."""


def advances(flow: Flow, value: bytes) -> tuple[Advance, ...]:
    """What the success of a step does.

    Args:
        flow: Its place.
        value: Its value, as it is stored.
    """
    made: list[Advance] = []
    place: Flow | None = flow
    while place is not None:
        if place.start or place.join is not None or place.last:
            needed = bool(place.start) or not place.bare
            made.append(
                Advance(
                    workflow=place.workflow,
                    input=value if needed else b"",
                    start=place.start,
                    join=place.join,
                    over=states.SUCCESS if place.last else "",
                )
            )
        place = place.outer
    return tuple(made)


def news(
    message: Message,
    delivery: Delivery,
    failure: Failure,
    seal: Seal | None,
    *,
    state: str = states.FAILURE,
    silent: bool = False,
) -> tuple[Parcel, ...]:
    """The message that tells a workflow of a failure; nothing where it makes no difference.

    Args:
        message: The call that has failed.
        delivery: It, as it came.
        failure: Why.
        seal: What closes what is sent.
        state: What is stored of those that can't run because of it.
        silent: Nothing has failed: errbacks are not called.
    """
    flow = message.flow
    if flow is None or not (flow.up or flow.errbacks or flow.end or flow.last):
        return ()
    called = _brief(_complete(message, flow, delivery, seal))
    fault = Fault(id=delivery.id, error=failure, message=called, state=state, silent=silent)
    parcel = own_message(
        FAIL,
        [Climb.begin(flow)],
        workflow=flow.workflow,
        id=new_id(),
        queue=delivery.queue,
        priority=message.priority,
        seal=seal,
    )
    input = fault.seal(flow.workflow, seal)
    return (replace(parcel, body=with_input(parcel.body, input)),)


def _complete(message: Message, flow: Flow, delivery: Delivery, seal: Seal | None) -> Message:
    """A call with the value that came before its arguments, where that can be told in a moment."""
    if not flow.takes or message.content:
        return message
    with suppress(AsynqError):  # they are only told
        _, input = split_input(delivery.body)
        record = decode(input if seal is None else seal.open_record(flow.takes, input))
        value = json_of(record)
        return message if value is None else put_before(message, value)
    return message


def _brief(message: Message) -> Message:
    """What errbacks are told of a call."""
    size = sum(len(bytes(part)) for part in (message.args, message.kwargs) if isinstance(part, Raw))
    if size > ARGUMENTS_BYTES:
        message = replace(message, args=UNSET, kwargs=UNSET, content="")
    return replace(message, flow=None)
