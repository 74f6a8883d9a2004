"""What a task is made of, and how it gets into another process."""

from __future__ import annotations

from collections.abc import Callable
from pickle import PicklingError
from typing import Any

from msgspec import Struct

from asynq._imports import import_object
from asynq.exceptions import ImproperlyConfigured


class Recipe(Struct, frozen=True, kw_only=True, eq=False):
    """What a task is made of, so that an app can make its own object of a shared one."""

    function: Callable[..., Any] | None
    """None: `run` of the task's class."""
    bind: bool
    name: str | None
    """The name that was given; None: it is made from the two below."""
    module: str
    qualname: str
    place: str
    """The line of code, for error texts."""
    options: dict[str, Any]


class Made:
    """Something made by a recipe. It is pickled by reference: as the place it is defined at."""

    name: str = ""
    """What messages call it."""
    _recipe: Recipe | None = None

    @property
    def recipe(self) -> Recipe:
        """What it was made of.

        Raises:
            ImproperlyConfigured: it is no app's task yet.
        """
        if self._recipe is None:
            raise ImproperlyConfigured(
                f"{type(self).__name__} is not registered: app.register_task(…) makes it a task"
            )
        return self._recipe

    def __reduce__(self) -> tuple[Any, ...]:
        recipe = self.recipe
        reference = (recipe.module, recipe.qualname, self.name)
        try:
            find(*reference)
        except LookupError as error:
            raise PicklingError(f"{error} (it is defined at {recipe.place})") from error
        return find, reference


def find(module: str, qualname: str, name: str) -> Made:
    """The task at a place in the code; how a task gets into another process.

    Raises:
        LookupError: there is none.
    """
    try:
        found: object = import_object(f"{module}:{qualname}")
    except ImportError:
        found = None
    if isinstance(found, Made) and found.name in ("", name):
        return found
    try:  # perhaps its variable has another name than its function: add_task = app.task(add)
        values = list(vars(import_object(module)).values())
    except ImportError:
        values = []
    for value in values:
        if isinstance(value, Made) and value.name == name:
            return value
    raise LookupError(
        f"{name} can't be handed to another process: it is no variable of the module {module}. "
        "Define it at the top level of a module that can be imported"
    )
