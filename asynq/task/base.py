"""A task: a function that an app can call here, and have called elsewhere.

A `Task` object is made of a function by `@app.task`, or is an instance of a class of your own whose
`run` is the function. There is one object for each app, shared by all its runs: what is kept on it
(`self.connection = …`) lasts between calls and is seen by all that run at the same time. What
belongs to one run is in `self.request`.

A task knows its app only by what it needs of it (`Application`), so the app can know the tasks.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from typing import (
    TYPE_CHECKING,
    Any,
    Final,
    Generic,
    ParamSpec,
    Self,
    TypeVar,
    Unpack,
    cast,
)

from asynq._imports import import_object
from asynq.application import Application, current_application
from asynq.canvas import Signature, of_callee
from asynq.canvas.repeated import Chunks, chunks, xmap, xstarmap
from asynq.execution.hooks import NAMES as HOOKS
from asynq.kept import Kept
from asynq.options import (
    PLAIN,
    Call,
    CallOptions,
    arguments,
    is_task_option,
    read_call_options,
    read_task_options,
)
from asynq.producer import Producer
from asynq.request import Request, current
from asynq.result import handle
from asynq.result.submission import Submission
from asynq.sending import Asked, Plan
from asynq.task.running import Running
from asynq.wire.message import Message

if TYPE_CHECKING:  # PEP 696 for type checkers, so that `class MyTask(Task):` needs no parameters
    import typing_extensions

    from asynq.eager import EagerCall

    P = typing_extensions.ParamSpec("P", default=...)
    R = typing_extensions.TypeVar("R", default=Any)
    C = typing_extensions.TypeVar("C", default=Any)
else:
    P = ParamSpec("P")
    R = TypeVar("R")
    C = TypeVar("C")


class Task(Running, Generic[P, R, C]):
    """A function known to an app by a name.

    The type parameters are what it takes, what it returns, and what a plain call gives: the value
    for a `def`, a coroutine for an `async def`.

    Attributes:
        name: what messages call it.
        is_coroutine: it runs on the event loop, not in a thread.
        target: what a worker calls: `run`, or `__call__` where a class of your own overrides it.
        parameters: what the function takes, on the wire.
        returned: what it returns, on the wire.

    The options of `asynq.options.TaskOptions` are attributes too; unset ones read as the settings
    say.
    """

    is_coroutine: bool = False
    target: Callable[..., Any]

    _plan: Plan | None = None

    # Calling

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> C:
        """Run it here, as the plain function it is: no message, no worker, no result kept.

        `self.request` is a request without an id meanwhile. (A class that overrides this calls
        `self.run()`, never `super().__call__()`, which would hide the worker's request.)
        """
        outer = current.get()
        request = Request(task=self.name, args=args, kwargs=kwargs, called_directly=True)
        if outer is not None:
            request.root_id, request.parent_id = outer.root_id, outer.id or outer.parent_id
        if inspect.iscoroutinefunction(self.run):
            self.parameters.check(args, kwargs)
            return cast("C", self._await_here(request, args, kwargs))
        token = current.set(request)
        try:
            return cast("C", self.run(*args, **kwargs))
        finally:
            current.reset(token)

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """The function. A class of your own defines it; its arguments are the task's."""
        raise NotImplementedError(f"{type(self).__name__} has no run(): define what it does")

    def delay(self, *args: P.args, **kwargs: P.kwargs) -> Submission[R]:
        """Call it elsewhere: await what this gives, and the call is sent.

        Raises:
            TypeError: the arguments do not fit the function.
            EncodeError: an argument can't be written.
        """
        return self._submit(args, kwargs, PLAIN)

    def apply_async(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> Submission[R]:
        """Call it elsewhere, with options.

        Args:
            args: Positional arguments.
            kwargs: Named arguments.
            **options: See `asynq.options.CallOptions`.

        Raises:
            TypeError: the arguments do not fit the function, or there is no such option.
            NotImplementedError: an option that this release does not have.
            OptionTypeError, OptionValueError: an option's value is of the wrong type, or one that
                it may not have. (Both are `ImproperlyConfigured`.)
            EncodeError: an argument can't be written.
            QueueNotFound: the queue is not declared, and must be.
        """
        call = read_call_options(options, f"{self.name}.apply_async()") if options else PLAIN
        if call.link or call.link_error or call.workflow_timeout:
            return self.signature(args, kwargs, **options).apply_async()
        return self._submit(*arguments(args, kwargs), call)

    def apply(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        *,
        throw: bool | None = None,
        **options: Unpack[CallOptions],
    ) -> Submission[R]:
        """Run it here, as a worker would: with a request, in its pool, its error caught.

        Awaiting it gives a result that is there at once; `get()` gives the value. Arguments are
        handed over as they are; when to run and where to send it mean nothing here.

        Args:
            args: Positional arguments.
            kwargs: Named arguments.
            throw: Raise the task's error when it is awaited; None: as `task_eager_propagates`.
            **options: Those of `apply_async`.
        """
        call = read_call_options(options, f"{self.name}.apply()") if options else PLAIN
        if call.link or call.link_error:
            return self.signature(args, kwargs, **options).apply(throw=throw)
        return self._bound()._run_here(*arguments(args, kwargs), call, throw=throw)

    @property
    def producer(self) -> Producer:
        """Who sends its calls."""
        return self._bound().app.producer

    def prepare(
        self,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        options: Mapping[str, Any],
        *,
        takes: int | None,
    ) -> Kept:
        """A call that a workflow keeps until its turn: see `asynq.application.Callee`."""
        app = self._app
        if app is None:
            return self._bound().prepare(args, kwargs, options, takes=takes)
        call = read_call_options(options, f"{self.name}.s()")
        if self.typing and takes is not None:
            self.parameters.check((*repeat(None, takes), *args), kwargs)
        plan = self._plan
        if plan is None or plan.revision != app.conf.revision:
            plan = self._prepare(app)
        return app.producer.call(
            plan,
            args,
            kwargs,
            encoder=self.parameters.encode if takes == 0 else self.parameters.encode_later,
            options=call,
            returned=self.returned,
            task=self,
            kind=Kept,
        )

    def AsyncResult(self, task_id: str) -> handle.AsyncResult[R]:  # noqa: N802 - Celery's name
        """The handle on the result of a call of this task, by its id."""
        task = self._bound()
        return handle.AsyncResult(task_id, task.app.results, task.returned)

    # Calls as data

    def s(self, *args: Any, **kwargs: Any) -> Signature[R]:
        """A signature: a call as data, with some or all of its arguments.

        A caller's positional arguments come before these: ``add.s(2).delay(8)`` is ``add(8, 2)``.
        """
        return of_callee(self, args, kwargs, {})

    def si(self, *args: Any, **kwargs: Any) -> Signature[R]:
        """An immutable signature: a caller's arguments, or a result before it, are left out."""
        return of_callee(self, args, kwargs, {}, immutable=True)

    def signature(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        *,
        immutable: bool = False,
        **options: Unpack[CallOptions],
    ) -> Signature[R]:
        """A signature with options.

        Args:
            args: Positional arguments, before which a caller's come.
            kwargs: Named arguments, over which a caller's stand.
            immutable: Leave a caller's arguments out.
            **options: See `asynq.options.CallOptions`; a caller's stand over them.

        Raises:
            TypeError: there is no such option, or `args` and `kwargs` are no list and dict.
            OptionTypeError, OptionValueError: an option's value.
        """
        positional, named = arguments(args, kwargs)
        return of_callee(self, positional, named, options, immutable=immutable)

    subtask = signature

    def map(self, it: Iterable[Any]) -> Signature[list[R]]:
        """One call that calls it with each of these, one after the other; gives the list."""
        return xmap(self._bound(), it)

    def starmap(self, it: Iterable[Sequence[Any]]) -> Signature[list[R]]:
        """The same with several arguments each: ``add.starmap([(1, 2), (3, 4)])``."""
        return xstarmap(self._bound(), it)

    def chunks(self, it: Iterable[Sequence[Any]], n: int) -> Chunks[list[R]]:
        """A group of starmaps, each of so many items; its value is a list of lists.

        Args:
            it: The arguments of each call.
            n: How many calls in one.

        Raises:
            ValueError: `n` is not above zero.
        """
        return chunks(self._bound(), it, n)

    # Being a task of an app

    def __setattr__(self, name: str, value: Any) -> None:
        if not is_task_option(name):
            object.__setattr__(self, name, value)
            if name in HOOKS:
                vars(self)["_terms"] = None
            return
        if name == "pool" and self._recipe is not None:
            raise AttributeError(f"{self.name}: a task's pool is settled when it is made")
        own = vars(self)
        own.pop(name, None)
        own.update(read_task_options({name: value}, self.name or type(self).__name__))
        own["_plan"] = own["_terms"] = None

    def __repr__(self) -> str:
        main = self._app.main if self._app is not None else None
        return f"<@task: {self.name}{f' of {main}' if main else ''}>"

    def _bound(self) -> Self:
        """Itself, or the current app's own object for it."""
        return self if self._app is not None else current_application().own(self)

    def perform(self, *args: Any, **kwargs: Any) -> Any:
        """`run`, as a method: unlike the function, it can be handed to another process."""
        return self.run(*args, **kwargs)

    def _submit(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], call: Call
    ) -> Submission[Any]:
        app = self._app
        if app is None:
            return self._bound()._submit(args, kwargs, call)
        plan = self._plan
        if plan is None or plan.revision != app.conf.revision:
            plan = self._prepare(app)
        if self.typing:
            self.parameters.check(args, kwargs)
        if plan.eager:
            return self._submit_here(plan, args, kwargs, call)
        return app.producer.call(
            plan,
            args,
            kwargs,
            encoder=self.parameters.encode,
            options=call,
            returned=self.returned,
            task=self,
        )

    def _prepare(self, app: Application) -> Plan:
        given = vars(self)
        asked = Asked(**{option: given[option] for option in ASKED if option in given})
        plan = app.producer.plan(self.name, asked)
        object.__setattr__(self, "_plan", plan)
        return plan

    def _submit_here(
        self, plan: Plan, args: Sequence[Any], kwargs: Mapping[str, Any], call: Call
    ) -> Submission[Any]:
        """Eager mode. The arguments make the way over the wire, to be what a worker would see."""
        serializer = call.serializer or plan.serializer
        encoded, named, content = self.parameters.encode(args, kwargs, serializer)
        message = Message(task=self.name, args=encoded, kwargs=named, content=content)
        args, kwargs = self.parameters.decode(message)
        return self._run_here(args, kwargs, call, throw=None, keep=not plan.ignored)

    def _run_here(
        self,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        call: Call,
        *,
        throw: bool | None,
        keep: bool = False,
    ) -> Submission[Any]:
        conf = self.app.conf
        # Not imported with this module: what runs tasks brings anyio and its process pool along.
        here: Callable[..., EagerCall] = import_object("asynq.eager:call_here")
        return here(
            self,
            args,
            kwargs,
            options=call,
            results=self.app.results,
            propagate=conf.task_eager_propagates if throw is None else throw,
            keep=conf.result_serializer if keep and conf.task_store_eager_result else None,
            ttl=self.result_expires,
        )

    async def _await_here(
        self, request: Request, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        token = current.set(request)
        try:
            return await self.run(*args, **kwargs)
        finally:
            current.reset(token)


AnyTask = Task[..., Any, Any]
"""A task, whatever it takes and returns."""

ASKED: Final = Asked.__struct_fields__
