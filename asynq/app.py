"""The app: settings, tasks, and the way to broker and results, wired together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, Unpack, cast, overload
from uuid import UUID

from asynq import backends, brokers
from asynq._imports import import_object
from asynq.application import Callee, T
from asynq.backends.base import ResultBackend
from asynq.brokers.base import Broker, Parcel
from asynq.canvas import signature
from asynq.conf import Settings
from asynq.conf.loading import from_envvar, read
from asynq.connections import Connections
from asynq.control import Control
from asynq.dead import DeadLetters
from asynq.discovery import Discovery, import_named
from asynq.middleware import Middleware, checked
from asynq.named import Names
from asynq.options import CallOptions, TaskOptions
from asynq.producer import Producer
from asynq.registry import TaskRegistry, check_class, check_function, make, new
from asynq.repeating import Repeating
from asynq.result import handle
from asynq.result.group import GroupResult
from asynq.result.reading import Results
from asynq.result.submission import Submission
from asynq.routes import check_name
from asynq.task import AnyTask, Task, make_current
from asynq.task.decorating import Async, BoundDecorator, Decorator, P, R, TaskOfAsync, TaskOfDef
from asynq.wire.message import Message
from asynq.wire.sealing import Seal

if TYPE_CHECKING:  # loaded when somebody looks at one
    from asynq.events.room import Events
    from asynq.queues import Queues
    from asynq.workflows import Workflows


class Asynq(Repeating):
    """An app: the tasks that belong together, with their settings.

    Making one does no I/O and reads no settings; so do decorating and importing.

    Args:
        main: The app's name. It stands for ``__main__`` in the names of tasks defined in a script,
            and keeps apps that share a server apart.
        broker: The broker's URL; default: a private server, ``embedded://``.
        backend: The result backend's URL; default: the broker's server.
        include: Modules with tasks, which a worker imports.
        task_cls: The class of the app's tasks, or its ``"module:Class"``.
        set_as_current: Be the app that shared tasks call from now on.
        config_source: As `config_from_object` takes it.
        namespace: The prefix of names in `config_source`; without one, the setting `namespace`.
        middleware: What wraps its calls and runs, the outermost first; `app.middleware` is a list
            of it that may be added to.
        **settings: Any setting; those given here stand over `app.conf` and configuration objects.

    Raises:
        ImproperlyConfigured: the name can't be one, or a setting is wrong.
    """

    def __init__(
        self,
        main: str | None = None,
        *,
        broker: str | None = None,
        backend: str | None = None,
        include: Sequence[str] | None = None,
        task_cls: type[AnyTask] | str | None = None,
        set_as_current: bool = True,
        config_source: object = None,
        namespace: str | None = None,
        middleware: Iterable[Middleware] = (),
        **settings: object,
    ) -> None:
        super().__init__()
        self.main = None if main is None else check_name(main, "app name")
        given = {"broker_url": broker, "result_backend": backend, "include": include}
        if config_source is None:
            given["namespace"] = namespace
        settings.update({name: value for name, value in given.items() if value is not None})
        self.conf = Settings(settings)
        self.middleware = checked(middleware)
        if config_source is not None:
            self.config_from_object(config_source, namespace=namespace)
        self.connections = Connections(self.conf, self.connect_broker, self.connect_backend)
        self.control = Control(self.connections.broker, self.conf, self._sealing)
        self.dead = DeadLetters(
            self.connections.broker, self.connections.backend, self.queue_names, self._sealing
        )
        self.results = Results(
            self.connections.backend,
            self._accepted,
            self.control,
            self._sealing,
            lambda: self.workflows,
        )
        self.producer = Producer(
            self.conf,
            self.connections,
            self.results,
            self.middleware,
            self._tell_sent,
        )
        self._names = Names(self.producer, self.conf)
        self._tasks = TaskRegistry(self)
        self._task_cls = task_cls or Task
        self._discovery = Discovery()
        self._queues: Queues | None = None
        self._workflows: Workflows | None = None
        self._events: Events | None = None
        self._seal: Seal | None = None
        self._seal_revision = -1
        if set_as_current:
            self.set_default()

    # Configuration

    def config_from_object(
        self,
        obj: object,
        silent: bool = False,
        force: bool = False,
        namespace: str | None = None,
    ) -> None:
        """Read settings from an object. They stand under the constructor's and `app.conf`'s.

        Args:
            obj: A module or its name, ``"module:attribute"``, a class, an instance or a dict. A
                name is imported when the first setting is read.
            silent: Something that is not there gives no settings.
            force: Read it now.
            namespace: Take only names with this prefix: ``"CELERY"`` for ``CELERY_BROKER_URL``.

        Raises:
            ImportError, ImproperlyConfigured, NotImplementedError: with the first setting read, or
                here with `force`.
        """
        if force or not isinstance(obj, str):
            self.conf.load(read(obj, namespace=namespace, silent=silent))
        else:
            self.conf.load(lambda: read(obj, namespace=namespace, silent=silent))

    def config_from_envvar(
        self,
        variable_name: str,
        silent: bool = False,
        force: bool = False,
        namespace: str | None = None,
    ) -> bool:
        """Read settings from the module that an environment variable names.

        Returns:
            Whether the variable was set.

        Raises:
            ImproperlyConfigured: it is not set, and `silent` is off.
        """
        source = from_envvar(variable_name, silent=silent)
        if source is None:
            return False
        self.config_from_object(source, silent=silent, force=force, namespace=namespace)
        return True

    # Tasks

    @property
    def Task(self) -> type[AnyTask]:  # noqa: N802 - Celery's name
        """The class of the app's tasks. Assign another, and tasks made from then on are of it."""
        if isinstance(self._task_cls, str):
            self._task_cls = check_class(import_object(_colon(self._task_cls)))
        return self._task_cls

    @Task.setter
    def Task(self, cls: type[AnyTask]) -> None:  # noqa: N802
        self._task_cls = check_class(cls)

    @overload
    def task(self, function: Callable[P, Async[R]], /) -> TaskOfAsync[P, R]: ...
    @overload
    def task(self, function: Callable[P, R], /) -> TaskOfDef[P, R]: ...
    @overload
    def task(
        self,
        /,
        *,
        bind: Literal[True],
        name: str | None = None,
        base: type[AnyTask] | None = None,
        **options: Unpack[TaskOptions],
    ) -> BoundDecorator: ...
    @overload
    def task(
        self,
        /,
        *,
        bind: Literal[False] = False,
        name: str | None = None,
        base: type[AnyTask] | None = None,
        **options: Unpack[TaskOptions],
    ) -> Decorator: ...
    def task(
        self,
        function: Callable[..., Any] | None = None,
        /,
        *,
        bind: bool = False,
        name: str | None = None,
        base: type[AnyTask] | None = None,
        **options: Any,
    ) -> Any:
        """Make a function a task of this app; with or without options, as a decorator.

        Args:
            function: An `async def`, which runs on the event loop, or a `def`, which gets a thread.
            bind: The function's first argument is the task itself.
            name: What messages call it; default: by its module and function.
            base: Its class; default: `app.Task`.
            **options: See `asynq.options.TaskOptions`.

        Raises:
            TypeError: not a function, a generator, or no such option.
            NotImplementedError: an option that this release does not have.
            ImproperlyConfigured: an option's value is wrong.
            AlreadyRegistered: another function has its name.
        """

        def decorate(function: Callable[..., Any]) -> AnyTask:
            check_function(function)
            task = new(base or self.Task)
            self._tasks.add(make(function, task, self, name=name, bind=bind, options=options))
            return task

        return decorate if function is None else decorate(function)

    def register_task(self, task: AnyTask | type[AnyTask]) -> AnyTask:
        """Make an object of a task class, whose `run` is the function, a task of this app.

        Raises:
            TypeError: it is no task, or its `run` is a generator.
            AlreadyRegistered: another task has its name.
        """
        made = new(task) if isinstance(task, type) else task
        if not isinstance(made, Task):
            raise TypeError(f"register_task: expected an object of a Task class, got {task!r}")
        self._tasks.add(make(None, made, self))
        return made

    @property
    def tasks(self) -> TaskRegistry:
        """The app's tasks by name, shared ones included."""
        return self._tasks

    def own(self, task: T) -> T:
        """The app's own object for a shared task."""
        return cast("T", self._tasks.own(cast("AnyTask", task)))

    def callee(self, name: str) -> Callee:
        """The task of that name, or what sends calls to those who have it."""
        task: AnyTask | None = self._tasks.get(name)
        return self._names[name] if task is None else task

    def finalize(self) -> None:
        """Take in all shared tasks there are. Looking into `app.tasks` does it too."""
        self._tasks.adopt()

    def autodiscover_tasks(
        self,
        packages: Iterable[str] | Callable[[], Iterable[str]] | None = None,
        related_name: str | None = "tasks",
        force: bool = False,
    ) -> None:
        """Have a worker import the module `related_name` of each package that has one.

        Args:
            packages: Names of packages, or a function that gives them when they are needed.
            related_name: The module's name; None: the packages themselves.
            force: Import now.

        Raises:
            NotImplementedError: no packages: finding Django's apps is not in this release.
        """
        if packages is None:
            raise NotImplementedError(
                "autodiscover_tasks() without packages (Django's INSTALLED_APPS) is not in this "
                "release yet: name them, autodiscover_tasks(settings.INSTALLED_APPS)"
            )
        self._discovery.want(packages, related_name, now=force)

    def import_modules(self) -> None:
        """Import all modules with tasks: `include`, `imports`, and what is to be discovered.

        Raises:
            ImproperlyConfigured: there is no such module. An error inside one is raised as it is.
        """
        import_named(self.conf.include, "include")
        import_named(self.conf.imports, "imports")
        self._discovery.run()
        self.finalize()
        self.settle()

    # Calling and results

    def send_task(
        self,
        name: str,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> Submission[Any]:
        """Call a task by its name, without having its code. Its arguments are not checked.

        Args:
            name: The task's.
            args: Positional arguments.
            kwargs: Named arguments.
            **options: See `asynq.options.CallOptions`.

        Raises:
            TypeError, NotImplementedError, ImproperlyConfigured: an option, as `Task.apply_async`.
            EncodeError: an argument can't be written.
        """
        return self._names[name].apply_async(args, kwargs, **options)

    def AsyncResult(self, id: str | UUID) -> handle.AsyncResult[Any]:  # noqa: N802 - Celery's name
        """The handle on a task's result, by the task's id."""
        return handle.AsyncResult(str(id), self.results)

    def GroupResult(  # noqa: N802 - Celery's name
        self, id: str | UUID, results: Iterable[handle.AsyncResult[Any]] = ()
    ) -> GroupResult[Any]:
        """The handle on a group's results, of its members' handles."""
        return GroupResult(str(id), results, self.results)

    def signature(self, *args: Any, **kwargs: Any) -> Any:
        """A signature of this app's; arguments and errors are those of `asynq.signature`."""
        return signature(*args, app=self, **kwargs)

    @property
    def queues(self) -> Queues:
        """How full the queues are; pausing and limiting them, and tasks, for all workers."""
        if self._queues is None:
            make: type[Queues] = import_object("asynq.queues:Queues")
            self._queues = make(self.connections.broker, self.queue_names, self._sealing)
        return self._queues

    @property
    def workflows(self) -> Workflows:
        """The chains, groups and chords that were sent, to be looked at and ended as a whole."""
        if self._workflows is None:
            make: type[Workflows] = import_object("asynq.workflows:Workflows")
            self._workflows = make(self.connections.broker, self.results, self.control)
        return self._workflows

    @property
    def events(self) -> Events:
        """What workers tell of tasks and of themselves, to be listened to."""
        if self._events is None:
            make: type[Events] = import_object("asynq.events.room:Events")
            self._events = make(self.connections.broker, self.conf, self._sealing)
        return self._events

    # Connections

    @property
    def broker(self) -> Broker:
        """The broker's connection of the running event loop.

        Raises:
            RuntimeError: no event loop runs here.
            ImproperlyConfigured: the URL is wrong.
        """
        return self.connections.broker()

    @property
    def backend(self) -> ResultBackend:
        """The result backend's connection of the running event loop; raises as `broker` does."""
        return self.connections.backend()

    def connect_broker(self) -> Broker:
        """A broker connection of its own, for who closes it too (a worker)."""
        conf = self.conf
        return brokers.connect(
            conf.broker_url,
            namespace=self.namespace,
            lease=conf.worker_lease,
            publish_timeout=conf.publish_timeout,
            options=self._options(conf.broker_url, conf.broker_transport_options),
        )

    def connect_backend(self) -> ResultBackend:
        """A result backend connection of its own, for who closes it too."""
        conf = self.conf
        url = conf.result_backend or conf.broker_url
        return backends.connect(
            url,
            namespace=self.namespace,
            timeout=conf.publish_timeout,
            options=self._options(url, conf.result_backend_transport_options),
        )

    @property
    def namespace(self) -> str:
        """What keeps this app's keys apart on its server."""
        return self.conf.namespace or self.main or "default"

    @property
    def seal(self) -> Seal | None:
        """What signs and encrypts messages and results, and opens them; None: there are no keys.

        Raises:
            ImproperlyConfigured: `encryption_keys` are set, and `cryptography` is not installed.
        """
        conf, revision = self.conf, self.conf.revision
        if self._seal_revision == revision:
            return self._seal
        seal = None
        if conf.message_keys is not None or conf.encryption_keys is not None:
            seal = Seal(
                namespace=self.namespace,
                signing=conf.message_keys,
                encryption=conf.encryption_keys,
                max_age=conf.message_max_age,
                lenient=conf.message_accept_unsealed,
            )
        self._seal, self._seal_revision = seal, revision
        return seal

    def queue_names(self) -> Sequence[str]:
        """The declared queues: what a worker serves that is not told otherwise."""
        return self.producer.router.queues

    def set_default(self) -> None:
        """Be the app that shared tasks call, wherever no other is current."""
        make_current(self)

    def set_current(self) -> None:
        """Be the app that shared tasks call, in this context and what it starts."""
        make_current(self, here=True)

    async def aclose(self) -> None:
        """Close the running event loop's connections. They open again when they are needed."""
        if self._events is not None:
            await self._events.aclose()
        await self.connections.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<Asynq: {self.main or '(no name)'}>"

    def _options(self, url: str, options: Mapping[str, object]) -> Mapping[str, object]:
        grace = self.conf.embedded_grace
        if grace is None or not url.startswith("embedded:"):
            return options
        return {"grace": grace, **options}

    def _tell_sent(self, message: Message, parcel: Parcel, at: float) -> None:
        self.events.tell_sent(message, parcel, at)

    def _sealing(self) -> Seal | None:
        return self.seal

    def _accepted(self) -> Sequence[str]:
        accepted = self.conf.result_accept_content
        return self.conf.accept_content if accepted is None else accepted


def _colon(path: str) -> str:
    """``"module.Class"`` as ``"module:Class"``."""
    return path if ":" in path else ":".join(path.rsplit(".", 1))
