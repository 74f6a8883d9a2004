"""What a handle can be asked, and told, about all that belongs to it: its workflow, its group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING

from asynq._imports import import_object
from asynq.exceptions import WorkflowNotFound
from asynq.result.reading import Results, Update
from asynq.wire.flow import Shape

if TYPE_CHECKING:  # loaded when the first one is asked for
    from asynq.result.graph import Graph


class Whole:
    """`graph()` and `cancel()`; the handle knows which workflow it ends, and its members."""

    __slots__ = ()

    if TYPE_CHECKING:  # the handle's own
        id: str
        _last: Update | None
        _results: Results
        _workflow: str

        @property
        def _settled(self) -> bool: ...
        def _known_now(self) -> Update: ...
        async def revoke(self, terminate: bool = False) -> None: ...

    @property
    def workflow_id(self) -> str | None:
        """The workflow that it ends, where this handle was given for one that was sent."""
        return self._workflow or None

    async def graph(self) -> Graph:
        """The tree of the workflow that it ends, with the state of every task at this moment.

        Where it ends none, or one that is not kept any more, that is the task or the group alone.

        Raises:
            OperationalError: the server can't be reached.
            NotImplementedError: results are switched off (``disabled://``).
        """
        reach = self._results.workflows() if self._workflow else None
        if reach is not None:
            with suppress(WorkflowNotFound):
                return await reach.show(self._workflow)
        tasks = [*self._tasks()]
        states, names = await self._known(tasks)
        ids: dict[int, str] = {}
        numbers = count(1)
        tree = self._shape(numbers, ids, names)
        by_number = {number: states[id] for number, id in ids.items() if id in states}
        make: type[Graph] = import_object("asynq.result.graph:Graph")
        return make(tree=tree, ids=ids, states=by_number)

    async def cancel(self) -> None:
        """End all that belongs to it: every task of its workflow, of its group, or it alone.

        What has not begun does not begin, what runs is ended as by `revoke(terminate=True)`, what
        is over stays as it is. Errbacks are called, as for any other end that is not a success.

        Raises:
            OperationalError: the server can't be reached; workers may or may not have been told.
            RuntimeError: it was made without an app.
        """
        reach = self._results.workflows() if self._workflow else None
        if reach is not None:
            with suppress(WorkflowNotFound):
                await reach.cancel(self._workflow)
                return
        await self.revoke(terminate=True)

    async def _known(self, tasks: list[Whole]) -> tuple[dict[str, str], dict[str, str]]:
        """States and names, by id."""
        states = {task.id: task._known_now().state for task in tasks if task._settled}
        names = {task.id: task._last.name for task in tasks if task._last and task._last.name}
        unknown = [task.id for task in tasks if task.id not in states]
        found = await self._results.states(unknown) if unknown else []
        for id, (state, name) in zip(unknown, found, strict=True):
            states[id] = state
            if name:
                names[id] = name
        return states, names

    def _tasks(self) -> Iterator[Whole]:
        """The handles on the tasks that belong to it."""
        yield self

    def _shape(
        self, numbers: Iterator[int], ids: dict[int, str], names: Mapping[str, str]
    ) -> Shape:
        """It as a tree; numbers are taken, and ids noted."""
        number = next(numbers)
        ids[number] = self.id
        return Shape(number=number, name=names.get(self.id, ""))
