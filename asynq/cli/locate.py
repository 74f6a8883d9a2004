"""From `-A proj` to the app.

``proj``           the module's `app`, `asynq` or `celery`; else of its submodules ``proj.asynq``,
                   ``proj.app`` or ``proj.celery``; else the only `Asynq` in it
``proj.main:api``  exactly that

Without `-A`: the variable ``ASYNQ_APP``; else ``[tool.asynq] app = "…"`` in ``pyproject.toml``.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from types import ModuleType

from asynq._imports import add_working_directory, import_object, module_exists
from asynq.app import Asynq
from asynq.exceptions import ImproperlyConfigured

ATTRIBUTES = ("app", "asynq", "celery")
SUBMODULES = ("asynq", "app", "celery")


def find_app(name: str | None) -> Asynq:
    """The app that the name means.

    Raises:
        ImproperlyConfigured: no name was given, or there is no app where it points.
        Exception: what the module itself raises while it is imported.
    """
    add_working_directory()
    name = name or os.environ.get("ASYNQ_APP") or _from_pyproject()
    if not name:
        raise ImproperlyConfigured(
            "which app? Say -A MODULE (or MODULE:NAME), set ASYNQ_APP, or put "
            '[tool.asynq] app = "MODULE" into pyproject.toml'
        )
    module_name = name.partition(":")[0]
    if not module_exists(module_name):
        raise ImproperlyConfigured(
            f"no module {module_name!r} for -A {name}, seen from {Path.cwd()}. "
            "Is it spelled right, and installed or below this directory?"
        )
    if ":" in name:
        return _exactly(name)
    return _search(module_name)


def _exactly(name: str) -> Asynq:
    try:
        found = import_object(name)
    except ModuleNotFoundError:
        raise
    except ImportError as error:
        raise ImproperlyConfigured(f"-A {name}: {error}") from None
    if not isinstance(found, Asynq):
        raise ImproperlyConfigured(f"-A {name} is a {type(found).__name__}, expected an Asynq app")
    return found


def _search(module_name: str) -> Asynq:
    module = import_object(module_name)
    if found := _app_of(module):
        return found
    for submodule in SUBMODULES:
        path = f"{module_name}.{submodule}"
        if (
            hasattr(module, "__path__")
            and module_exists(path)
            and (found := _app_of(import_object(path)))
        ):
            return found
    raise ImproperlyConfigured(
        f"no app in module {module_name!r}: expected `app = Asynq(…)` there or in "
        f"{module_name}.asynq; for another name say -A {module_name}:NAME"
    )


def _app_of(module: ModuleType) -> Asynq | None:
    for attribute in ATTRIBUTES:
        if isinstance(found := getattr(module, attribute, None), Asynq):
            return found
    apps = {id(value): value for value in vars(module).values() if isinstance(value, Asynq)}
    if len(apps) > 1:
        raise ImproperlyConfigured(
            f"module {module.__name__!r} holds {len(apps)} apps: say which, "
            f"-A {module.__name__}:NAME"
        )
    return next(iter(apps.values()), None)


def _from_pyproject() -> str | None:
    try:
        settings = tomllib.loads(Path("pyproject.toml").read_text())
    except FileNotFoundError:
        return None
    name = settings.get("tool", {}).get("asynq", {}).get("app")
    return name if isinstance(name, str) else None
