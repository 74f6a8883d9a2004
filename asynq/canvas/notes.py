"""What a broker keeps of a workflow beside its messages: its branches, and its outline."""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from asynq.brokers.base import Workflows
from asynq.exceptions import DecodeError, ResultLost
from asynq.wire.flow import Branch, Outline
from asynq.wire.sealing import Seal

N = TypeVar("N", bound=Struct)

OUTLINE: Final = "outline"

INSIDE: Final = "in:"
"""What a mark begins with that another workflow has begun in this one, in the place of a task or as
a member of a group; that one's id follows."""


def branch_name(number: int) -> str:
    """What the note of a branch is called."""
    return f"b{number}"


def write(workflow: str, name: str, note: Struct, seal: Seal | None) -> bytes:
    """A note, as it is kept."""
    body = msgspec.json.encode(note)
    return body if seal is None else seal.seal(body, queue="", id=f"{workflow}:{name}")


async def branch(workflows: Workflows, workflow: str, number: int, seal: Seal | None) -> Branch:
    """What is known of a sequence or a parallel.

    Raises:
        ResultLost: the workflow is not kept any more.
        DecodeError: it can't be read.
        OperationalError: the server can't be reached.
    """
    return await _note(workflows, workflow, branch_name(number), Branch, seal)


async def outline(workflows: Workflows, workflow: str, seal: Seal | None) -> Outline:
    """What is known of a workflow as a whole; raises as `branch` does."""
    return await _note(workflows, workflow, OUTLINE, Outline, seal)


async def _note(
    workflows: Workflows, workflow: str, name: str, kind: type[N], seal: Seal | None
) -> N:
    (body,) = await workflows.notes(workflow, [name])
    if body is None:
        raise ResultLost(f"the workflow {workflow} is not kept any more, or the server lost it")
    if seal is not None:
        body = seal.open(body, queue="", id=f"{workflow}:{name}", any_age=True)
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise DecodeError(f"{name} of the workflow {workflow}: {error}") from None
