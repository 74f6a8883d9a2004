"""What a workflow has brought a step: the value before it, the values of a group, or a failure.

It comes before the step's own arguments, and is read as these are: as the function is annotated.
Where all of it is JSON, nothing is decoded twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, Final

from msgspec import Struct

from asynq import states
from asynq.brokers.base import Workflows
from asynq.canvas import notes
from asynq.canvas.errbacks import errback_arguments
from asynq.canvas.joining import joined
from asynq.exceptions import AsynqError, ChordError, DecodeError
from asynq.request import Request
from asynq.result.reading import Results, Update
from asynq.wire.arguments import Arguments, decode_call
from asynq.wire.failures import rebuild
from asynq.wire.fault import Fault
from asynq.wire.flow import Branch, Flow, referred
from asynq.wire.ids import nth
from asynq.wire.inputs import json_of, put_before
from asynq.wire.record import Record, decode
from asynq.worker.state import Run

PAGE: Final = 500
"""Values that are asked for at once."""


class _Value(Struct):
    """What comes before a step's own arguments."""

    json: bytes | None
    """As it stands, where it is JSON and nothing has failed."""
    read: Callable[[], Any]
    """Gives it."""


class Inputs:
    """Completes the arguments of steps.

    Args:
        workflows: Keeps the values of groups.
        results: Opens and reads what travels.
    """

    def __init__(self, workflows: Workflows, results: Results) -> None:
        self._workflows = workflows
        self._results = results

    async def arguments(self, run: Run, flow: Flow) -> Arguments:
        """All arguments of a run.

        Raises:
            TypeError: one does not fit its annotation.
            DecodeError: one can't be read.
            ChordError: a member of the group that it follows has failed, or left nothing.
            ResultLost: the workflow is gone.
            OperationalError: the server can't be reached.
        """
        message, parameters = run.message, run.task.parameters
        if flow.needs:
            (await self._values(flow.workflow, flow.needs)).read()
        if flow.failed:
            args, kwargs = decode_call(message)
            return (*self._fault(run, flow, len(args), kwargs), *args), kwargs
        if flow.takes:
            value = self._one(flow.takes, run.input)
        elif flow.values_of:
            value = await self._values(flow.workflow, flow.values_of)
        else:
            return parameters.decode(message)
        if value.json is not None and not message.content:
            return parameters.decode(put_before(message, value.json))
        args, kwargs = decode_call(message)
        return parameters.fit((value.read(), *args), kwargs)

    def _one(self, id: str, body: bytes) -> _Value:
        """The value of a task."""
        if not body:
            raise DecodeError(f"the message came without the value of {id}, which it follows")
        record = self._opened(id, body)

        def read() -> Any:
            return self._results.read(body, None, id=id).result

        return _Value(json_of(record), read)

    async def _values(self, workflow: str, number: int) -> _Value:
        """The values of a group."""
        seal = self._results.seal()
        branch = await notes.branch(self._workflows, workflow, number, seal)
        ids = {place: _id(branch, workflow, place) for place in range(branch.size)}
        ids.update(await self._workflows.added(workflow, number))
        parts: list[bytes | None] = []
        updates: list[Callable[[], Update]] = []
        for places in _pages(ids):
            page = await self._workflows.values(workflow, number, places)
            for id, body in zip(map(ids.__getitem__, places), page, strict=True):
                if body is None:
                    raise ChordError(f"{id}, a member of the group before it, has left no value")
                if nested := referred(body):
                    value = await self._values(workflow, nested)
                    parts.append(value.json)
                    updates.append(_nested(value))
                else:
                    parts.append(json_of(self._opened(id, body)))
                    updates.append(self._reader(id, body))

        def read() -> list[Any]:
            known = [update() for update in updates]
            return joined(known, branch.errors, branch.least, [*ids.values()])

        plain = [part for part in parts if part is not None]
        if len(plain) < max(len(parts), branch.least):
            return _Value(None, read)
        return _Value(b"[" + b",".join(plain) + b"]", read)

    def _fault(self, run: Run, flow: Flow, own: int, named: Mapping[str, Any]) -> tuple[Any, ...]:
        """The failure that an errback is called with."""
        if not run.input:
            raise DecodeError("the message of an errback came without what has failed")
        fault = Fault.open(flow.workflow, self._results.seal(), run.input)
        error, message = rebuild(fault.error), fault.message
        args: Sequence[Any] = ()
        kwargs: dict[str, Any] = {}
        with suppress(AsynqError):  # they are only told
            args, kwargs = decode_call(message)
        request = Request(
            id=fault.id,
            task=message.task,
            args=args,
            kwargs=kwargs,
            retries=message.retries,
            root_id=message.root_id or fault.id,
            parent_id=message.parent_id,
            priority=message.priority,
            headers=message.headers,
            attempts=message.attempts,
        )
        return errback_arguments(run.task, own, named, request, error, fault.error.traceback)

    def _opened(self, id: str, body: bytes) -> Record:
        seal = self._results.seal()
        return decode(body if seal is None else seal.open_record(id, body))

    def _reader(self, id: str, body: bytes) -> Callable[[], Update]:
        return lambda: self._results.read(body, None, id=id)


def _pages(places: Iterable[int]) -> Iterator[list[int]]:
    rest = iter(places)
    while page := list(islice(rest, PAGE)):
        yield page


def _nested(value: _Value) -> Callable[[], Update]:
    def read() -> Update:
        try:
            return Update(state=states.SUCCESS, result=value.read())
        except ChordError as error:  # too few of its own members have succeeded
            return Update(state=states.FAILURE, result=error)

    return read


def _id(branch: Branch, workflow: str, place: int) -> str:
    """The id of the task that a member of a group ends with."""
    number = branch.first_end + place if branch.first_end else branch.ends[place]
    return branch.ids.get(number) or nth(workflow, number)
