"""Names to objects: `module`, `module:attr.attr`, `module.attr`."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any


def import_object(path: str) -> Any:
    """What `module:attribute` or `module` names.

    Raises:
        ImportError: the module can't be imported, or has no such attribute; a module that is not
            there at all is a `ModuleNotFoundError` whose `name` is that module.
    """
    module_name, _, attributes = path.partition(":")
    found: Any = importlib.import_module(module_name)
    for attribute in filter(None, attributes.split(".")):
        try:
            found = getattr(found, attribute)
        except AttributeError:
            raise ImportError(
                f"module {module_name!r} has no attribute {attributes!r}", name=module_name
            ) from None
    return found


def module_exists(name: str) -> bool:
    """Is there a module of that name? An error inside its parent packages is raised, not hidden."""
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            return False
        raise


def add_working_directory() -> None:
    """Make modules in the current directory importable, as `python -m` does."""
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
