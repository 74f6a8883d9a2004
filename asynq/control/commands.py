"""Commands that workers carry out when somebody says so: those of asynq, and your own.

A command is a function. It is called in the worker, on its event loop, with the worker's state and
with what was said; a `def` must not block, an `async def` may take its time. What it returns is the
answer; what it raises is the answer ``{"error": …}``. Workers know it when they import its module,
as they import tasks (`include`); so do `asynq inspect` and `asynq control`, which call it by name.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal, Protocol, TypeVar, overload

from msgspec import Struct

from asynq.exceptions import ImproperlyConfigured

F = TypeVar("F", bound=Callable[..., Any])

Kind = Literal["inspect", "control"]


class ControlState(Protocol):
    """What a command is given: the worker that carries it out."""

    @property
    def app(self) -> Any:
        """The `Asynq` app."""
        ...

    @property
    def hostname(self) -> str:
        """The node's name."""
        ...

    @property
    def queues(self) -> Sequence[str]:
        """The queues it serves."""
        ...

    @property
    def slots(self) -> int:
        """How many tasks it may run at once."""
        ...

    @property
    def total(self) -> Mapping[str, int]:
        """How many runs of each task it has begun."""
        ...

    def active(self) -> list[dict[str, Any]]:
        """The tasks that run, as `inspect active` tells them."""
        ...

    def reserved(self) -> list[dict[str, Any]]:
        """The tasks that were fetched and have not begun, as `inspect reserved` tells them."""
        ...


class RemoteCommand(Struct, frozen=True):
    """A command, and how the command line reads what it takes."""

    name: str
    run: Callable[..., Any]
    kind: Kind
    args: tuple[tuple[str, Callable[[str], Any]], ...] = ()
    """The names of what it takes, in order, and what makes each of a text."""
    signature: str = ""
    """What stands behind its name in a list of commands: ``[N=1]``."""
    variadic: str = ""
    """The name under which it takes all words that are left, as a list."""
    help: str = ""
    timeout: float = 1.0
    """Seconds that the command line waits for answers."""
    visible: bool = True


COMMANDS: Final[dict[str, RemoteCommand]] = {}
"""All that this process knows, by name."""


@overload
def control_command(function: F, /) -> F: ...
@overload
def control_command(
    *,
    name: str | None = None,
    alias: str | None = None,
    args: Iterable[tuple[str, Callable[[str], Any]]] = (),
    signature: str = "",
    variadic: str = "",
    help: str | None = None,
    default_timeout: float = 1.0,
    visible: bool = True,
) -> Callable[[F], F]: ...
def control_command(function: Any = None, /, **about: Any) -> Any:
    """Make a function a command that changes something: `asynq control NAME`.

    Args:
        function: ``def`` or ``async def``; takes the state, and what was said by name.
        name: What it is called; default: the function's name.
        alias: Another name for it.
        args: The names of what it takes, in order, each with what makes it of a text: ``int``.
        signature: How that is shown: ``[N=1]``.
        variadic: The name under which it takes all words that are left, as a list.
        help: What it does; default: the first line of its docstring.
        default_timeout: Seconds that the command line waits for answers.
        visible: List it in the help.

    Raises:
        ImproperlyConfigured: another function has its name.
    """
    return _decorated("control", function, about)


@overload
def inspect_command(function: F, /) -> F: ...
@overload
def inspect_command(
    *,
    name: str | None = None,
    alias: str | None = None,
    args: Iterable[tuple[str, Callable[[str], Any]]] = (),
    signature: str = "",
    variadic: str = "",
    help: str | None = None,
    default_timeout: float = 1.0,
    visible: bool = True,
) -> Callable[[F], F]: ...
def inspect_command(function: Any = None, /, **about: Any) -> Any:
    """Make a function a command that only looks: `asynq inspect NAME`; as `control_command`."""
    return _decorated("inspect", function, about)


def commands_of(kind: Kind) -> dict[str, RemoteCommand]:
    """The commands of a kind that a list shall show, by name."""
    known = {name: each for name, each in COMMANDS.items() if each.kind == kind and each.visible}
    return dict(sorted((name, each) for name, each in known.items() if name == each.name))


def _decorated(kind: Kind, function: Any, about: dict[str, Any]) -> Any:
    def register(function: F) -> F:
        _register(kind, function, **about)
        return function

    return register if function is None else register(function)


def _register(
    kind: Kind,
    function: Callable[..., Any],
    *,
    name: str | None = None,
    alias: str | None = None,
    args: Iterable[tuple[str, Callable[[str], Any]]] = (),
    signature: str = "",
    variadic: str = "",
    help: str | None = None,
    default_timeout: float = 1.0,
    visible: bool = True,
) -> None:
    args = tuple((each, convert) for each, convert in args)
    command = RemoteCommand(
        name or function.__name__,
        function,
        kind,
        args,
        signature or " ".join(f"<{each}>" for each, _ in args),
        variadic,
        help or (inspect.getdoc(function) or "").partition("\n")[0],
        default_timeout,
        visible,
    )
    for each in (command.name, *([alias] if alias else [])):
        known = COMMANDS.get(each)
        if known is not None and _place(known.run) != _place(function):
            raise ImproperlyConfigured(
                f"two remote commands are called {each!r}: {_place(known.run)} and "
                f"{_place(function)}. Give one another name: @{kind}_command(name=…)"
            )
        COMMANDS[each] = command


def _place(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__qualname__}"
