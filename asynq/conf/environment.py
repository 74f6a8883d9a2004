"""What the environment says: where the broker is, where results go, and keys.

It stands over all that is written in code. A variable that looks like one of ours and is none would
be silence where somebody expects something, so it is spoken of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Final

from asynq.conf.checking import read
from asynq.conf.declared import DECLARED
from asynq.exceptions import ImproperlyConfigured

VARIABLES: Final = {
    "ASYNQ_BROKER_URL": "broker_url",
    "ASYNQ_RESULT_BACKEND": "result_backend",
    "ASYNQ_NAMESPACE": "namespace",
    "ASYNQ_MESSAGE_KEYS": "message_keys",
    "ASYNQ_ENCRYPTION_KEYS": "encryption_keys",
    "ASYNQ_MESSAGE_ACCEPT_UNSEALED": "message_accept_unsealed",
}
"""Those that are settings."""

ELSEWHERE: Final = (
    "ASYNQ_APP",
    "ASYNQ_EMBEDDED_GRACE",
    "ASYNQ_PARENT_PIPE",
    "ASYNQ_REDIS_SERVER",
    "ASYNQ_STATE_DIR",
    "ASYNQ_WEB_BASIC",
    "ASYNQ_WEB_TOKEN",
)
"""Those that others read, for themselves."""

NEAR: Final = 0.8
"""How alike two names are, of 1, where one may be meant for the other."""

_FLAGS: Final = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def settings_in(environ: Mapping[str, str]) -> dict[str, object]:
    """The settings that it holds; an empty variable says nothing.

    Raises:
        ImproperlyConfigured: one of them is not of the right type.
    """
    return {
        name: read(name, _value(variable, name, text))
        for variable, name in VARIABLES.items()
        if (text := environ.get(variable))
    }


def strangers_in(environ: Mapping[str, str]) -> Iterator[str]:
    """What to say of each variable that nobody reads, and that may be meant for us."""
    for variable in environ:
        if not variable.startswith("ASYNQ_") or variable in VARIABLES or variable in ELSEWHERE:
            continue
        setting = variable.removeprefix("ASYNQ_").lower()
        if setting in DECLARED:
            yield f"{variable} is not read: {setting} belongs into the app's configuration"
        elif near := get_close_matches(variable, [*VARIABLES, *ELSEWHERE], 1, NEAR):
            yield f"{variable} is not read: did you mean {near[0]}?"


def _value(variable: str, name: str, text: str) -> object:
    if not isinstance(DECLARED[name].default, bool):
        return text
    try:
        return _FLAGS[text.lower()]
    except KeyError:
        raise ImproperlyConfigured(f"{variable}: expected 1 or 0, got {text!r}") from None
