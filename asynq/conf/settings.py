"""`app.conf`: the settings of one app, in layers, checked the moment they are written.

Highest first: what the command line or a test overrides, the environment (where the broker and the
result backend are, and keys), the app's constructor, assignments (`app.conf.x = …`, `update`), the
object of `config_from_object`, the defaults. When something was said makes no difference, only
where.

Nothing is imported or read before the first value is asked for.
"""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, tzinfo
from types import FrameType
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from asynq._secrets import censor, censor_urls
from asynq.conf.celery import OLD
from asynq.conf.checking import Checked, SettingIgnored, absent, check
from asynq.conf.declared import DECLARED, Declared
from asynq.conf.environment import settings_in, strangers_in
from asynq.exceptions import ImproperlyConfigured

_DEFAULTS: Final[dict[str, object]] = {name: s.default for name, s in DECLARED.items()}


class Settings(Declared, Mapping[str, object]):
    """The settings of one app, as attributes and as a mapping.

    Values come back as the code works with them: seconds as floats, lists as tuples, dicts
    read-only; to change one, assign a new one. Old upper-case names of Celery's are understood.

    Args:
        constructor: What the app was made with; assignments do not override it.
        environ: The environment; None: that of the process, read when the first value is.

    Raises:
        ImproperlyConfigured: here or at any assignment: an unknown name or a wrong type.
        NotImplementedError: a setting whose machinery comes with a later release.
    """

    revision: int
    """Grows with every change: what was prepared from settings is stale when it has grown."""

    def __init__(
        self,
        constructor: Mapping[str, object] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.revision = 0
        self._environ = environ
        self._lock = threading.RLock()
        self._warned: set[str] = set()
        self._overrides: dict[str, object] = {}
        self._assigned: dict[str, object] = {}
        self._loaded: dict[str, object] = {}
        self._source: Callable[[], Mapping[str, object]] | None = None
        self._resolving = False
        self._values: dict[str, object] | None = None
        self._constructor = self._accept(check(constructor or {}))

    # Reading

    def __getitem__(self, name: str, /) -> object:
        values = self._values
        if values is None:
            values = self._merge()
        if name in values:
            return values[name]
        if OLD.get(name) in values:
            return values[OLD[name]]
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._merge() if self._values is None else self._values)

    def __len__(self) -> int:
        return len(self._merge() if self._values is None else self._values)

    def __contains__(self, name: object) -> bool:
        values = self._merge() if self._values is None else self._values
        return name in values or (isinstance(name, str) and OLD.get(name) in values)

    @property
    def zone(self) -> tzinfo | None:
        """The zone of times that name none; None: the machine's own."""
        if self.timezone is not None:
            return ZoneInfo(self.timezone)
        return UTC if self.enable_utc else None

    # Writing

    def __setitem__(self, name: str, value: object, /) -> None:
        self.update({name: value})

    def __delitem__(self, name: str, /) -> None:
        with self._lock:
            del self._assigned[OLD.get(name, name)]
            self._changed()

    def update(
        self, other: Mapping[str, object] | Iterable[tuple[str, object]] = (), /, **more: object
    ) -> None:
        """Assign several settings: all of them, or none if one is wrong.

        Raises:
            ImproperlyConfigured: an unknown name, a wrong type, or old names beside new ones.
            NotImplementedError: a setting whose machinery comes with a later release.
        """
        values = self._accept(check({**dict(other), **more}))
        with self._lock:
            self._assigned.update(values)
            self._changed()
        for name in values:
            if name in self._constructor and self._constructor[name] != values[name]:
                self._warn(f"{name} was given to the app's constructor, which stands over it")

    def setdefault(self, name: str, value: object) -> object:
        """The setting's value; if nobody has set it, `value` is assigned first."""
        with self._lock:
            self._merge()
            if not self._is_set(OLD.get(name, name)):
                self[name] = value
            return self[name]

    def load(self, source: Mapping[str, object] | Callable[[], Mapping[str, object]]) -> None:
        """Replace what an earlier configuration object said.

        Args:
            source: The settings, or a function that reads them when the first value is asked for.

        Raises:
            ImproperlyConfigured, NotImplementedError: as `update`; of a function's settings at the
                first value asked for, and again at every further one.
        """
        if isinstance(source, Mapping):
            values, later = self._accept(check(source)), None
        else:
            values, later = {}, source
        with self._lock:
            self._loaded, self._source = values, later
            self._changed()
        self._warn_hidden(values)

    def reset(self) -> None:
        """Forget assignments and the configuration object; what the constructor was given stays."""
        with self._lock:
            self._assigned, self._loaded, self._source = {}, {}, None
            self._changed()

    def override(self, **settings: object) -> None:
        """Set what stands over everything, even the environment: options of the command line.

        Raises:
            ImproperlyConfigured, NotImplementedError: as `update`.
        """
        values = self._accept(check(settings))
        with self._lock:
            self._overrides.update(values)
            self._changed()

    @contextmanager
    def overridden(self, **settings: object) -> Iterator[None]:
        """`override`, until the block ends: for tests."""
        before = self._overrides.copy()
        self.override(**settings)
        try:
            yield
        finally:
            with self._lock:
                self._overrides = before
                self._changed()

    # Showing

    def table(self, with_defaults: bool = False, censored: bool = True) -> dict[str, object]:
        """The settings as a dict to show.

        Args:
            with_defaults: Also those that nobody has set.
            censored: Hide passwords and other secrets.
        """
        values = {n: v for n, v in self.items() if with_defaults or self._is_set(n)}
        return {name: _shown(name, value, censored) for name, value in values.items()}

    def humanize(self, with_defaults: bool = False, censored: bool = True) -> str:
        """The settings as text, one ``name: value`` a line, sorted; arguments as for `table`."""
        shown = self.table(with_defaults, censored)
        return "\n".join(f"{name}: {shown[name]!r}" for name in sorted(shown))

    def __repr__(self) -> str:
        return f"<Settings: {', '.join(sorted(self.table())) or 'all defaults'}>"

    if not TYPE_CHECKING:  # a type checker knows the declared settings, and no others

        def __getattr__(self, name: str) -> object:
            if not name.startswith("_"):
                try:
                    return self[name]
                except KeyError:
                    pass
            raise AttributeError(absent(name), name=name, obj=self)

        def __setattr__(self, name: str, value: object) -> None:
            if name.startswith("_") or name in _OWN:
                object.__setattr__(self, name, value)
            else:
                self[name] = value

        def __delattr__(self, name: str) -> None:
            try:
                del self[name]
            except KeyError:
                raise AttributeError(f"{name} was not assigned", name=name, obj=self) from None

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *DECLARED})

    # Layers

    def _merge(self) -> dict[str, object]:
        with self._lock:
            self._resolve()
            values = {
                **_DEFAULTS,
                **self._loaded,
                **self._assigned,
                **self._constructor,
                **self._environment(),
                **self._overrides,
            }
            values["result_backend"] = values["result_backend"] or values["broker_url"]
            self._values = values
        for text in strangers_in(os.environ if self._environ is None else self._environ):
            self._warn(text)
        return values

    def _environment(self) -> dict[str, object]:
        return settings_in(os.environ if self._environ is None else self._environ)

    def _resolve(self) -> None:
        """Read the configuration object, if that was put off."""
        if self._source is None:
            return
        if self._resolving:
            raise ImproperlyConfigured(
                "a setting was read while the configuration object was still being imported"
            )
        self._resolving = True
        try:
            self._loaded = self._accept(check(self._source()))
            self._source = None
        finally:
            self._resolving = False
        self._warn_hidden(self._loaded)

    def _is_set(self, name: str) -> bool:
        return (
            name in self._loaded
            or name in self._assigned
            or name in self._constructor
            or name in self._environment()
            or name in self._overrides
        )

    def _changed(self) -> None:
        self._values = None
        self.revision += 1

    # Warnings, each once

    def _accept(self, checked: Checked) -> dict[str, object]:
        news = {n: why for n, why in checked.ignored.items() if n not in self._warned}
        if news:
            self._warned.update(news)
            text = "; ".join(f"{name}: {why}" for name, why in news.items())
            warn_caller(f"without effect in asynq: {text}")
        return checked.values

    def _warn_hidden(self, loaded: Mapping[str, object]) -> None:
        for name in loaded:
            if name in self._assigned and self._assigned[name] != loaded[name]:
                self._warn(
                    f"{name} was assigned in app.conf, which stands over the configuration object; "
                    "call app.conf.reset() before config_from_object to begin anew",
                )

    def _warn(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            warn_caller(text)


def _shown(name: str, value: object, censored: bool) -> object:
    if not censored:
        return dict(value) if isinstance(value, Mapping) else value
    # Names of tasks and queues are not names of secrets.
    return censor_urls(value) if name in ("task_routes", "task_queues") else censor(name, value)


def warn_caller(text: str, category: type[Warning] = SettingIgnored) -> None:
    """Warn at the line of the user's own code that is nearest."""
    frame: FrameType | None = sys._getframe(1)
    level = 2
    while frame is not None and frame.f_globals.get("__name__", "").startswith("asynq."):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, category, stacklevel=level)


_OWN: Final = frozenset({"revision"})
