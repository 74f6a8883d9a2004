"""What goes to a child process and comes back, as bytes: a job, and its outcome.

A job is the task by reference (module and name, imported there), its arguments and its request.
An outcome goes home as it is, but for its errors, which travel as `Failure`: an error that can't be
pickled is no danger. A value that can't is a failure of the task, as everywhere.
"""

from __future__ import annotations

import io
import pickle
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, Final, Protocol

import msgspec
from msgspec import Struct

from asynq.exceptions import DecodeError, EncodeError
from asynq.execution.outcome import (
    Failed,
    Ignored,
    Interrupted,
    Outcome,
    Rejected,
    Replaced,
    Retrying,
    Revoked,
    Success,
)
from asynq.request import Request
from asynq.wire.failures import Failure, rebuild


class Portable(Protocol):
    """A task, as far as handing it over goes: pickled as the place where it is found."""

    @property
    def app(self) -> object:
        """Whose it is."""
        ...


class Job(Struct):
    """What to run."""

    task: Any
    request: Request
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    home: str | None
    """Where the task's app is defined, as ``module:variable``; None: nowhere that can be found.

    A shared task is defined elsewhere, so what imports the one need not import the other."""


class Answer(Struct):
    """How a job has ended in the child."""

    outcome: bytes
    """None of it: the job could not be read there."""
    reported: bool = False
    """`request.reported`."""
    trouble: Failure | None = None
    """Why the job could not be read."""


STAND_IN: Final = "__mp_main__"
"""What a script is called in a child, so that it does not do there what it does when it is run."""


def place_of(thing: object) -> str | None:
    """Where something is that is no class or function: a ``module:variable`` that holds it."""
    known = _places.get(id(thing))
    if known is not None and _variables(sys.modules.get(known[0])).get(known[1]) is thing:
        return ":".join(known)
    for name, module in list(sys.modules.items()):
        for variable, value in list(_variables(module).items()):
            if value is thing:
                _places[id(thing)] = name, variable
                return f"{name}:{variable}"
    return None


_places: dict[int, tuple[str, str]] = {}
"""Where things were found."""


def _variables(module: ModuleType | None) -> dict[str, object]:
    if not issubclass(type(module), ModuleType):  # isinstance believes what it is told
        return {}
    # Not vars(): that would have modules imported that are to be imported when they are used.
    found: dict[str, object] = ModuleType.__getattribute__(module, "__dict__")
    return found


def job_of(
    task: Portable, request: Request, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> bytes:
    """A call as bytes.

    Raises:
        EncodeError: it can't be handed over.
    """
    try:
        return pickle.dumps(
            Job(task, request, args=tuple(args), kwargs=dict(kwargs), home=place_of(task.app))
        )
    except Exception as error:
        raise EncodeError(
            f"{request.task} can't be handed to a child process: {error}. A task that runs in one "
            "must be defined at the top level of an importable module"
        ) from error


def answer_of(outcome: Outcome, request: Request) -> bytes:
    """The outcome of a run, and what the worker must know of its request. Never raises."""
    try:
        content = pickle.dumps(_taken_apart(outcome))
    except BaseException as error:  # whatever the methods of its parts raise
        problem = EncodeError(
            f"what {request.task} ended with can't be handed to the worker by its child process: "
            f"{type(error).__name__}: {error}"
        )
        content = pickle.dumps(_taken_apart(Failed(problem, Failure.of(problem))))
    return pickle.dumps(Answer(content, request.reported))


def refusal_of(error: BaseException) -> bytes:
    """The answer to a job that can't be read."""
    return pickle.dumps(Answer(b"", trouble=Failure.of(error)))


def outcome_of(answer: bytes, request: Request) -> Outcome:
    """The outcome that an answer tells of; the request is made to know what the child's does.

    Raises:
        EncodeError: the child could not read the job.
    """
    told: Answer = pickle.loads(answer)
    if told.trouble is not None:
        raise EncodeError(
            f"{request.task} can't be handed to a child process, which could not read it: "
            f"{told.trouble.type}: {told.trouble.text}"
        ) from rebuild(told.trouble)
    request.reported = request.reported or told.reported
    try:
        outcome: Outcome = _put_together(_FromChild(io.BytesIO(told.outcome)).load())
        return outcome
    except BaseException as error:  # the class of a value may do anything
        problem = DecodeError(
            f"what {request.task} ended with in its child process can't be read here: "
            f"{type(error).__name__}: {error}"
        )
        problem.__cause__ = error
        return Failed(problem, Failure.of(problem))


def names_script(job: bytes) -> bool:
    """Does a job need the parent's main module?"""
    return b"__main__" in job


_OUTCOMES: Final = {
    kind.__name__: kind
    for kind in (
        Success,
        Failed,
        Retrying,
        Replaced,
        Ignored,
        Rejected,
        Revoked,
        Interrupted,
    )
}


class _Parts(Struct):
    kind: str
    fields: dict[str, Any]


def _taken_apart(value: Any) -> Any:
    """An outcome without the errors in it, whose failures say the same; anything else as it is."""
    if type(value).__name__ not in _OUTCOMES or not isinstance(value, Struct):
        return value
    fields = msgspec.structs.asdict(value)
    fields.pop("error", None)
    return _Parts(type(value).__name__, {name: _taken_apart(part) for name, part in fields.items()})


def _put_together(value: Any) -> Any:
    if not isinstance(value, _Parts):
        return value
    fields = {name: _put_together(part) for name, part in value.fields.items()}
    if "failure" in fields:
        fields["error"] = rebuild(fields["failure"])
    return _OUTCOMES[value.kind](**fields)


class _FromChild(pickle.Unpickler):
    """Knows that the child's stand-in for our main module is our main module."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        home = "__main__" if module_name == STAND_IN else module_name
        return super().find_class(home, global_name)
