"""From what `config_from_object` is given (a module, a class, a dict, a name) to settings by name.

Names are read here, not checked: `Settings` does that. Of a module, a class or an instance only
what could be meant as a setting is picked up, because they hold imports, methods and other
people's settings too: `redis_host` and `database_url` are left alone. Of a mapping, everything is.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator, Mapping
from types import ModuleType

from asynq._imports import import_object, module_exists
from asynq.conf.celery import OLD, is_everyday_word
from asynq.conf.checking import is_known, typo_of, unknown
from asynq.conf.declared import DECLARED
from asynq.exceptions import ImproperlyConfigured

Source = str | ModuleType | type[object] | Mapping[str, object] | object
"""A module or its name, ``"module:attribute"``, a class, an instance or a mapping."""


def read(
    source: Source, *, namespace: str | None = None, silent: bool = False
) -> dict[str, object]:
    """The settings that an object holds.

    Args:
        source: A module or its name, ``"module:attribute"``, a class, an instance or a mapping.
        namespace: Take only names with this prefix, as Django projects write them: with
            ``"CELERY"``, ``CELERY_TASK_ALWAYS_EAGER`` is `task_always_eager`.
        silent: A name of something that is not there gives no settings. Errors inside a module
            that is there are raised all the same.

    Raises:
        ImportError: there is no such module or attribute, or the module itself raises it.
        ImproperlyConfigured: a name in it is one or two letters off a setting's.
    """
    if isinstance(source, str):
        if silent and not _is_there(source):
            return {}
        source = _import(source)
    if namespace:
        return dict(_prefixed(source, namespace.upper().rstrip("_") + "_"))
    if isinstance(source, Mapping):
        return dict(source)
    return dict(_recognised(source))


def from_envvar(
    name: str, *, silent: bool = False, environ: Mapping[str, str] | None = None
) -> str | None:
    """The name of the configuration module that an environment variable holds.

    Args:
        silent: None where the variable is not set, instead of an error.
        environ: The environment; None: that of the process.

    Raises:
        ImproperlyConfigured: the variable is not set, or empty.
    """
    value = (os.environ if environ is None else environ).get(name)
    if value:
        return value
    if silent:
        return None
    raise ImproperlyConfigured(
        f"the environment variable {name} is not set; it must name the module with the settings, "
        f"for example: export {name}=proj.celeryconfig"
    )


def _import(path: str) -> object:
    if path.endswith(".py") or "/" in path:
        module = path.removesuffix(".py").strip("./").replace("/", ".")
        raise ImproperlyConfigured(
            f"{path!r} is the name of a file; name the module as `import` does: {module!r}"
        )
    try:
        found: object = import_object(path)
    except ModuleNotFoundError as error:
        parent, _, attribute = path.rpartition(".")
        if error.name == path and parent and module_exists(parent):
            error.add_note(f"for an attribute of {parent} write {parent + ':' + attribute!r}")
        raise
    return found


def _is_there(path: str) -> bool:
    """Is there such a module, with such an attribute? What the module raises comes out."""
    module, _, attributes = path.partition(":")
    if not module_exists(module):
        return False
    found = import_object(module)
    for attribute in filter(None, attributes.split(".")):
        if not hasattr(found, attribute):
            return False
        found = getattr(found, attribute)
    return True


def _prefixed(source: object, prefix: str) -> Iterator[tuple[str, object]]:
    """What begins with the prefix, by today's names."""
    for name in _names(source):
        if not name.startswith(prefix):
            continue
        setting = name.removeprefix(prefix).lower()
        if name in OLD and not is_known(setting):
            raise ImproperlyConfigured(
                f"{name} is an old name; with the prefix {prefix} write {prefix}{OLD[name].upper()}"
            )
        if not is_known(setting):
            raise ImproperlyConfigured(f"{name}: {unknown(setting)}")
        yield setting, _value(source, name)


def _recognised(source: object) -> Iterator[tuple[str, object]]:
    """What is named like a setting and could be its value."""
    for name in _names(source):
        if is_everyday_word(name):
            continue
        if is_known(name):
            value = _value(source, name)
            if _could_be_meant(name, value):
                yield name, value
        elif (setting := typo_of(name)) is not None:
            if _could_be_meant(setting, inspect.getattr_static(source, name, None)):
                raise ImproperlyConfigured(f"in {_shown(source)}: {unknown(name)}")
        elif name.startswith("CELERY_") and name.removeprefix("CELERY_").lower() in DECLARED:
            raise ImproperlyConfigured(
                f"in {_shown(source)}: {name} has a prefix; say namespace='CELERY'"
            )


def _could_be_meant(name: str, value: object) -> bool:
    """`from datetime import timezone` in a module is no setting, nor is a method of a class."""
    if isinstance(value, ModuleType | type | property | classmethod | staticmethod):
        return False
    return name in ("task_routes", "CELERY_ROUTES") or not inspect.isroutine(value)


def _names(source: object) -> list[str]:
    names = list(source) if isinstance(source, Mapping) else dir(source)
    return [name for name in names if isinstance(name, str) and not name.startswith("_")]


def _value(source: object, name: str) -> object:
    return source[name] if isinstance(source, Mapping) else getattr(source, name)


def _shown(source: object) -> str:
    if isinstance(source, ModuleType):
        return source.__name__
    kind = source if isinstance(source, type) else type(source)
    return f"{kind.__module__}.{kind.__qualname__}"
