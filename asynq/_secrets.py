"""What must not be read over a shoulder: passwords in URLs, secrets in settings.

The one place that decides it. Error texts, banners, logs, `humanize()` and `report` all ask here.
Where it can't tell, it hides too much rather than too little.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

MASK: Final = "********"

_SECRET_NAME: Final = re.compile(
    r"pass|pwd|secret|token|key|auth|cookie|dsn|credential|signature", re.IGNORECASE
)
_NOT_SECRET: Final = frozenset({"routing_key", "routing_keys", "keyprefix", "global_keyprefix"})

# From "://" the user, then the password up to the last "@": one that was not percent-encoded may
# hold "@", ":" or "/" itself. It never runs into the next URL of a list.
_PASSWORD: Final = re.compile(r"://([^:\s]*):((?:(?!://)\S)*)@")
_PASSWORD_WITH_BLANKS: Final = re.compile(r"://([^:]*):((?:(?!://).)*)@", re.DOTALL)
_WHOLE_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_PARAMETER: Final = re.compile(r"([?&;])([^=?&;\s]+)=([^&\s]*)")


def hide_password(text: str) -> str:
    """A URL, or a text with URLs in it, without the passwords: ``redis://user:********@host/0``.

    Query parameters whose name says that they are secret are hidden too.
    """
    if "://" not in text:
        return text
    pattern = _PASSWORD_WITH_BLANKS if _WHOLE_URL.match(text) else _PASSWORD
    return _PARAMETER.sub(_hide_parameter, pattern.sub(rf"://\1:{MASK}@", text))


def is_secret(name: str) -> bool:
    """Does the name of a setting, an option or a header say that its value is a secret?"""
    return name.lower() not in _NOT_SECRET and _SECRET_NAME.search(name) is not None


def censor(name: str, value: object) -> object:
    """The value as it may be shown under that name: masked, or with what is inside it masked."""
    if is_secret(name) and value not in (None, "", b"", True, False):
        return MASK
    return censor_urls(value, by_name=True)


def censor_urls(value: object, *, by_name: bool = False) -> object:
    """The value with the passwords of all URLs in it hidden, however deep.

    Args:
        by_name: Also mask what stands in mappings under a name that says it is secret.
    """
    match value:
        case str():
            return hide_password(value)
        case Mapping():
            return {
                key: censor(key, inner)
                if by_name and isinstance(key, str)
                else censor_urls(inner, by_name=by_name)
                for key, inner in value.items()
            }
        case list():
            return [censor_urls(inner, by_name=by_name) for inner in value]
        case tuple():
            return tuple(censor_urls(inner, by_name=by_name) for inner in value)
    return value


def _hide_parameter(found: re.Match[str]) -> str:
    before, name, value = found.groups()
    return f"{before}{name}={MASK if is_secret(name) and value else value}"
