"""Where an app's tasks are: the modules that a worker imports before it takes anything."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

from asynq._imports import import_object, module_exists
from asynq.exceptions import ImproperlyConfigured


class Discovery:
    """Modules that are looked for when they are needed, not when they are named."""

    def __init__(self) -> None:
        self._wanted: list[Callable[[], None]] = []

    def want(
        self,
        packages: Iterable[str] | Callable[[], Iterable[str]],
        related_name: str | None,
        *,
        now: bool = False,
    ) -> None:
        """Have the module `related_name` of each package imported, where there is one.

        Args:
            packages: Names of packages, or a function that gives them when they are needed.
            related_name: The module's name; None: the packages themselves.
            now: Import at once.
        """

        def find() -> None:
            names = packages() if callable(packages) else packages
            for package in names:
                name = f"{package}.{related_name}" if related_name else package
                if related_name is None or module_exists(name):
                    import_object(name)

        if now:
            find()
        else:
            self._wanted.append(find)

    def run(self) -> None:
        """Import what is wanted. An error inside a module is raised as it is."""
        for find in self._wanted:
            find()


def import_named(names: Iterable[str], setting: str) -> None:
    """Import modules that a setting names.

    Raises:
        ImproperlyConfigured: there is no such module. An error inside one is raised as it is.
    """
    for name in names:
        if not module_exists(name):
            raise ImproperlyConfigured(
                f"{setting} names {name!r}, and there is no such module. Looked for in: "
                f"{', '.join(path or 'the working directory' for path in sys.path[:4])} …"
            )
        import_object(name)
