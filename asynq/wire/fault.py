"""How a step of a workflow has failed, as it is told to what follows and to errbacks."""

from __future__ import annotations

from msgspec import Struct

from asynq import states
from asynq.wire.bounds import Count, Name
from asynq.wire.envelope import JSON, MSGPACK, pack, unpack
from asynq.wire.failures import Failure
from asynq.wire.flow import Branch, Flow, Place, Spans
from asynq.wire.message import Message
from asynq.wire.sealing import Seal


class Fault(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The failure of one task."""

    id: Name
    error: Failure
    message: Message
    """The call that has failed, without its place in the workflow."""
    state: str = states.FAILURE
    """What is stored of those that can't run because of it; REVOKED where nothing has failed."""
    silent: bool = False
    """Nothing has failed (a task raised `Ignore`): errbacks are not called."""

    def seal(self, workflow: str, seal: Seal | None) -> bytes:
        """As bytes, which are of this workflow."""
        # The call's arguments stay as they were written, so all of it is written like them.
        body = pack(self, MSGPACK if self.message.content else JSON)
        return body if seal is None else seal.seal_record(workflow, body)

    @classmethod
    def open(cls, workflow: str, seal: Seal | None, body: bytes) -> Fault:
        """What `seal` has made.

        Raises:
            DecodeError: it is none.
            SecurityError: it was not sealed for this workflow.
        """
        if seal is not None:
            body = seal.open_record(workflow, body)
        return unpack(body, cls)


class Climb(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far the news of a failure has come in its workflow: to a node, which has failed too."""

    workflow: Name
    node: Count
    up: Count = 0
    """What that is part of; 0: nothing."""
    end: Count
    """The number after all that is in it."""
    errbacks: Spans = ()
    """What is to be called because of it."""
    join: tuple[Count, Place] | None = None
    """Where it is a member: of which parallel, and its place there."""
    unrun: tuple[Count, Count] = (0, 0)
    """Steps that can't run any more and have not been told yet: the first, and the one after the
    last."""
    of_group: bool = False
    """It is a parallel, or ends with one, a member of which has failed."""
    body: Name = ""
    """This task takes the values of that: from here on it is a `ChordError`."""
    body_task: Name = ""
    """That task's name."""
    body_errbacks: Spans = ()
    """What is called where that task can't run."""

    @classmethod
    def begin(cls, place: Flow) -> Climb:
        """The news of a step that has failed, at its own place."""
        after = place.end or place.node + 1
        return cls(
            workflow=place.workflow,
            node=place.node,
            up=place.up,
            end=after,
            errbacks=place.errbacks,
            join=place.join,
            unrun=(place.node + 1, after),
        )

    def rise(self, above: Branch, *, of_group: bool, unrun: tuple[int, int] = (0, 0)) -> Climb:
        """The news at what this is part of.

        Args:
            above: What that is.
            of_group: See the field.
            unrun: See the field.
        """
        return Climb(
            workflow=self.workflow,
            node=self.up,
            up=above.up,
            end=above.end,
            errbacks=above.errbacks,
            join=above.join,
            unrun=unrun,
            of_group=of_group,
            body=above.body,
            body_task=above.body_task,
            body_errbacks=above.body_errbacks,
        )
