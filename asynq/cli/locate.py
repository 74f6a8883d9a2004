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
from asynq.cli.errors import importing
from asynq.exceptions import ImproperlyConfigured

ATTRIBUTES = ("app", "asynq", "celery")
SUBMODULES = ("asynq", "app", "celery")


def app_name(name: str | None) -> str | None:
    """What is meant when `-A` says this: the name itself, or where else one was written down.

    Raises:
        ImproperlyConfigured: `pyproject.toml` can't be read.
    """
    return name or os.environ.get("ASYNQ_APP") or _from_pyproject()


def required_name(name: str | None) -> str:
    """The same, where there must be one.

    Raises:
        ImproperlyConfigured: nowhere is one written down, or `pyproject.toml` can't be read.
    """
    if found := app_name(name):
        return found
    raise ImproperlyConfigured(
        "which app? Say -A MODULE (or MODULE:NAME), set ASYNQ_APP, or put "
        '[tool.asynq] app = "MODULE" into pyproject.toml'
    )


def find_app(name: str | None) -> Asynq:
    """The app that the name means.

    Raises:
        ImproperlyConfigured: no name was given, or there is no app where it points.
        Broken: the module raised while it was imported.
    """
    add_working_directory()
    name = required_name(name)
    module_name, _, attribute = name.partition(":")
    _check_name(name, module_name)
    if not _exists(module_name):
        raise ImproperlyConfigured(
            f"no module {module_name!r} for -A {name}, seen from {Path.cwd()}. "
            "Is it spelled right, and installed or below this directory?"
        )
    module = _import(module_name)
    return _exactly(name) if attribute else _search(module)


def _check_name(name: str, module_name: str) -> None:
    # Before anything is imported: to look for a module `proj.py` would run proj, maybe a script.
    is_file = module_name.endswith(".py")
    path = module_name.removeprefix("./").removesuffix(".py").replace("/", ".")
    if is_file and _is_dotted(path):
        raise ImproperlyConfigured(
            f"-A {name}: that is a file; name the module, as `import` knows it: "
            f"-A {path}{name.removeprefix(module_name)}"
        )
    if is_file or not _is_dotted(module_name):
        raise ImproperlyConfigured(
            f"-A {name}: expected the name of a module, as `import` knows it, such as "
            "proj or proj.main:app"
        )


def _is_dotted(name: str) -> bool:
    return all(part.isidentifier() for part in name.split("."))


def _exactly(name: str) -> Asynq:
    try:
        found = import_object(name)
    except ImportError as error:
        raise ImproperlyConfigured(f"-A {name}: {error}") from None
    if not isinstance(found, Asynq):
        raise ImproperlyConfigured(f"-A {name} is a {type(found).__name__}, expected an Asynq app")
    return found


def _search(module: ModuleType) -> Asynq:
    name = module.__name__
    if found := _by_attribute(module):
        return found
    for submodule in SUBMODULES if hasattr(module, "__path__") else ():
        path = f"{name}.{submodule}"
        if _exists(path) and (found := _app_in(_import(path))):
            return found
    if found := _app_in(module):
        return found
    raise ImproperlyConfigured(
        f"no app in module {name!r}: expected `app = Asynq(…)` there or in "
        f"{name}.asynq; for another name say -A {name}:NAME"
    )


def _by_attribute(module: ModuleType) -> Asynq | None:
    for attribute in ATTRIBUTES:
        if isinstance(found := getattr(module, attribute, None), Asynq):
            return found
    return None


def _app_in(module: ModuleType) -> Asynq | None:
    if found := _by_attribute(module):
        return found
    apps = {id(value): value for value in vars(module).values() if isinstance(value, Asynq)}
    if len(apps) > 1:
        raise ImproperlyConfigured(
            f"module {module.__name__!r} holds {len(apps)} apps: say which, "
            f"-A {module.__name__}:NAME"
        )
    return next(iter(apps.values()), None)


def _exists(module_name: str) -> bool:
    with importing(f"the package of {module_name}"):
        return module_exists(module_name)


def _import(module_name: str) -> ModuleType:
    with importing(module_name):
        module: ModuleType = import_object(module_name)
        return module


def _from_pyproject() -> str | None:
    try:
        settings = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:  # tomllib's error is a ValueError
        raise ImproperlyConfigured(f"can't read pyproject.toml: {error}") from None
    section = settings.get("tool", {}).get("asynq", {})
    name = section.get("app") if isinstance(section, dict) else None
    if name is None or isinstance(name, str):
        return name
    raise ImproperlyConfigured(f"pyproject.toml: [tool.asynq] app: expected text, not {name!r}")
