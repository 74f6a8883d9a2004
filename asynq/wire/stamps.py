"""Stamps: the headers of a call, by which many calls are revoked at once.

A value is compared as text, so that what is typed into a terminal is what a service has sent. A
header that holds a list has each value in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct

REVOKED: Final = "stamps-revoked:"
"""What the name of such a rule begins with; what follows is new each time, so that two who revoke
at once do not meet, and what is over can be taken away without a look at what is not."""


class RevokedStamps(Struct, frozen=True, omit_defaults=True):
    """What somebody has revoked."""

    headers: Mapping[str, tuple[str, ...]]
    """Header to values; a call that has one of them is meant."""
    until: float
    """How long that counts, on the broker's clock (Unix time, seconds)."""
    terminate: bool = False
    """Nor shall they go on running."""

    def written(self) -> str:
        """As it is kept."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def read(cls, text: str) -> RevokedStamps:
        """What was kept.

        Raises:
            msgspec.DecodeError: it is something else.
        """
        return msgspec.json.decode(text, type=cls)


class Stamps:
    """Tells whether a call was revoked by its headers."""

    def __init__(self, rules: Iterable[RevokedStamps] = ()) -> None:
        self._revoked: dict[tuple[str, str], float] = {}
        self._terminated: dict[tuple[str, str], float] = {}
        for rule in rules:
            for name, texts in rule.headers.items():
                for text in texts:
                    _last(self._revoked, (name, text), rule.until)
                    if rule.terminate:
                        _last(self._terminated, (name, text), rule.until)
        self._names = {name for name, _ in self._revoked}

    def __bool__(self) -> bool:
        return bool(self._revoked)

    def revoked(self, headers: Mapping[str, object] | None, now: float) -> bool:
        """Shall it not run?"""
        return self._met(self._revoked, headers, now)

    def terminated(self, headers: Mapping[str, object] | None, now: float) -> bool:
        """Shall it not go on running, either?"""
        return self._met(self._terminated, headers, now)

    def _met(
        self,
        untils: Mapping[tuple[str, str], float],
        headers: Mapping[str, object] | None,
        now: float,
    ) -> bool:
        if not headers or not untils:
            return False
        return any(
            untils.get((name, text), now) > now
            for name in self._names & headers.keys()
            for text in texts_of(headers[name])
        )


def texts_of(value: object) -> Sequence[str]:
    """The values of a header, as texts."""
    several = value if isinstance(value, list | tuple) else (value,)
    return [
        each if isinstance(each, str) else msgspec.json.encode(each).decode() for each in several
    ]


def _last(untils: dict[tuple[str, str], float], key: tuple[str, str], until: float) -> None:
    untils[key] = max(until, untils.get(key, until))
