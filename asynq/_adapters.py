"""From a URL's scheme to the adapter's class: THE dynamic import.

A table names the built-in adapters as ``"module:Class"``, so that only what is used is imported;
entry points add others without a change here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asynq._imports import import_object
from asynq._secrets import hide_password
from asynq.exceptions import ImproperlyConfigured


def find_adapter(url: str, *, kind: str, builtin: Mapping[str, str], group: str) -> Any:
    """The class that speaks the URL's scheme.

    Args:
        url: What the user named, say ``redis://localhost``.
        kind: What it is for, in the words of an error: ``broker``.
        builtin: Scheme to ``"module:Class"``.
        group: The entry points that add schemes; an entry point's name is the scheme.

    Raises:
        ImproperlyConfigured: no adapter speaks this scheme, or it can't be imported.
    """
    scheme = url.partition(":")[0].lower()
    path = builtin.get(scheme)
    if path is not None:
        return import_object(path)
    entry_points = import_object("importlib.metadata:entry_points")  # 20 ms, and seldom needed
    added = {point.name: point for point in entry_points(group=group)}
    if scheme not in added or "://" not in url:
        known = ", ".join(f"{name}://" for name in sorted({*builtin, *added}))
        raise ImproperlyConfigured(
            f"{hide_password(url)!r} names no {kind} that is known here: expected one of {known}"
        )
    try:
        return added[scheme].load()
    except (ImportError, AttributeError) as error:
        raise ImproperlyConfigured(
            f"the {kind} for {scheme}:// ({added[scheme].value}) can't be imported: {error}"
        ) from error
