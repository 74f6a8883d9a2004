"""From what people wrote to checked values: names known, styles not mixed, types right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from msgspec import Struct

from asynq._secrets import censor
from asynq.conf.celery import INSTEAD, LATER, MEANINGLESS, OLD, asks_for_nothing, meaningless
from asynq.conf.declared import DECLARED
from asynq.exceptions import ImproperlyConfigured


class SettingIgnored(UserWarning):
    """A setting was accepted and changes nothing; the text says why, and what to use instead."""


class Checked(Struct, frozen=True):
    """The settings of one source, ready to be used."""

    values: dict[str, object]
    """By today's names, converted."""
    ignored: dict[str, str]
    """Settings of Celery's without meaning here, each with what to use instead."""


def check(source: Mapping[str, object]) -> Checked:
    """Check everything that one source says: a call of `update`, a configuration module.

    Raises:
        ImproperlyConfigured: a name is unknown, a value is of the wrong type, or Celery's old
            names stand beside new ones.
        NotImplementedError: a setting asks for something that this release does not have yet.
    """
    source = _today(source)
    ignored = {
        name: reason
        for name, value in source.items()
        if name not in DECLARED
        and (reason := meaningless(name)) is not None
        and not asks_for_nothing(name, value)
    }
    values = {name: read(name, value) for name, value in source.items()}
    _check_limits(values)
    return Checked(values, ignored)


def read(name: str, value: object) -> object:
    """One value in the form the code works with.

    Raises:
        ImproperlyConfigured: the name is unknown, or the value is not of the right type.
        NotImplementedError: it asks for something that this release does not have yet.
    """
    setting = DECLARED.get(name)
    if setting is None:
        _check_foreign(name, value)
        return value
    try:
        return setting.kind.read(value)
    except NotImplementedError as error:
        raise NotImplementedError(f"{name}: {error}") from None
    except (TypeError, ValueError, ImproperlyConfigured) as error:
        hint = f" ({error})" if str(error) else ""
        raise ImproperlyConfigured(
            f"{name}: expected {setting.kind.expected}, got {_shown(name, value)}{hint}"
        ) from None


def is_known(name: str) -> bool:
    """Is it a setting of ours or of Celery's, by today's name or an old one?"""
    return (
        name in DECLARED
        or name in OLD
        or name in LATER
        or name in INSTEAD
        or bool(meaningless(name))
    )


def unknown(name: str) -> str:
    """What to say of a name that no setting has: the nearest one, and what that expects."""
    known = [*DECLARED, *LATER, *INSTEAD, *MEANINGLESS, *OLD]
    nearest = get_close_matches(name, known, 1, 0.75) or get_close_matches(
        name.lower(), DECLARED, 1, 0.6
    )
    if not nearest:
        return f"unknown setting {name!r}; docs/configuration.md lists them all"
    setting = DECLARED.get(nearest[0])
    expected = f" ({setting.kind.expected}; default {setting.default!r})" if setting else ""
    return f"unknown setting {name!r}: did you mean {nearest[0]!r}?{expected}"


def absent(name: str) -> str:
    """What to say when somebody reads a setting that has no value here."""
    if name in LATER:
        return f"{name}: {_topic(name)} not in this release yet"
    reason = INSTEAD.get(name) or meaningless(name)
    return unknown(name) if reason is None else f"{name} has no meaning here: {reason}"


def typo_of(name: str) -> str | None:
    """The setting that a name misses by at most two letters, if it is long enough to tell."""
    if len(name) < 7 or name in DECLARED:
        return None
    return next((known for known in DECLARED if _within_two(name, known)), None)


def _today(source: Mapping[str, object]) -> dict[str, object]:
    """The same by today's names; old and new ones may not stand side by side."""
    old = [name for name in source if name in OLD]
    if not old:
        return dict(source)
    if len(old) < len(source):
        renames = "".join(f"\n  {name} -> {OLD[name]}" for name in old)
        raise ImproperlyConfigured(
            f"Celery's old setting names stand beside new ones; rename the old ones:{renames}"
        )
    today: dict[str, object] = {}
    for name, value in source.items():
        if OLD[name] in today:
            raise ImproperlyConfigured(f"{OLD[name]} is set twice, once as {name}")
        today[OLD[name]] = value
    return today


def _check_limits(values: Mapping[str, object]) -> None:
    soft, hard = values.get("task_soft_time_limit"), values.get("task_time_limit")
    if isinstance(soft, float) and isinstance(hard, float) and 0 < hard <= soft:
        raise ImproperlyConfigured(
            f"task_soft_time_limit ({soft:g} s) must be below task_time_limit ({hard:g} s), which "
            "ends a run before it could be warned"
        )


def _check_foreign(name: str, value: object) -> None:
    if name in LATER:
        if not asks_for_nothing(name, value):
            raise NotImplementedError(f"{name}: {_topic(name)} not in this release yet")
    elif name in INSTEAD:
        if not asks_for_nothing(name, value):
            raise ImproperlyConfigured(f"{name} would be ignored: {INSTEAD[name]}")
    elif meaningless(name) is None:
        raise ImproperlyConfigured(unknown(name))


def _topic(name: str) -> str:
    topic = LATER[name]
    return "it is" if topic == "other" else f"{topic} are" if topic.endswith("s") else f"{topic} is"


def _shown(name: str, value: object) -> str:
    if value is None:
        return "None"
    text = repr(censor(name, value))
    text = text if len(text) <= 100 else text[:97] + "..."
    return f"{text} ({type(value).__name__})"


def _within_two(one: str, other: str) -> bool:
    """Can one be made into the other by two changes of a letter: put in, left out, replaced?"""
    if abs(len(one) - len(other)) > 2:
        return False
    row: Iterable[int] = range(len(other) + 1)
    for number, letter in enumerate(one, 1):
        above, row = list(row), [number]
        for column, wanted in enumerate(other, 1):
            row.append(min(above[column] + 1, row[-1] + 1, above[column - 1] + (letter != wanted)))
    return list(row)[-1] <= 2
