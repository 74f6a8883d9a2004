"""Entries of periodic tasks, as a broker keeps and fires them.

Values only: what a broker does with them is said in `asynq.brokers.schedules`. Times are whole
milliseconds since 1970, on the broker's clock, because they are compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from asynq.wire.parcels import Parcel, Workflow

ADDED: Final = ""
"""The owner of an entry that no code declares: it was added at run time."""

Verdict: TypeAlias = Literal["fired", "known", "moved", "early", "gone"]
"""``fired``: it is sent. ``known``: it was sent before, by this name. ``moved``: another slot was
fired meanwhile. ``early``: the slot is yet to come. ``gone``: the entry is not there any more, is
paused, or is another one now. Only with the first was anything sent."""


class Declared(Struct, frozen=True):
    """An entry as somebody wants it to be."""

    rule: str
    """Says when: where it changes, what was missed by the old one is nothing to the new one."""
    definition: bytes


class Entry(Struct, frozen=True, kw_only=True):
    """An entry as it is kept."""

    name: str
    owner: str
    """Whose code declares it; `ADDED`: nobody's."""
    rule: str
    definition: bytes
    revision: int
    """Grows with every change to it."""
    paused: bool
    anchor: int
    """When it was first seen."""
    last: int
    """The last slot that is done with. For a new one, and one that goes on after a pause, the time
    of that."""
    fired: int | None
    """When something was last sent for it; None: never."""
    count: int
    """How often something was."""
    id: str
    """Of what was sent last; empty: nothing was."""


class Look(Struct, frozen=True, kw_only=True):
    """What a look at the entries finds."""

    now: int
    version: str
    """Differs when any entry was changed, added or removed: ``began-changes``. Where `began` is
    another one, the server has lost its data meanwhile. Empty: there never were any entries."""
    leads: bool
    """Who looks has the lease."""
    entries: Sequence[Entry] | None
    """The oldest first; None: the version is the one that was known."""


class Firing(Struct, frozen=True, kw_only=True):
    """One slot of an entry, with what is sent for it."""

    name: str
    revision: int
    """Of the entry that it was made from."""
    last: int
    """That entry's `last`."""
    slot: int | None
    """None: it is out of turn, and every entry that is there will do."""
    id: str
    """A name of this firing: of a slot the same, whoever fires it."""
    begin: Sequence[Parcel]
    """What is sent; up to 100 together with the workflow's steps, joins and notes."""
    workflow: Workflow | None = None
    """What is kept for later."""


class Fired(Struct, frozen=True, kw_only=True):
    """What became of a firing."""

    verdict: Verdict
    last: int
    """The entry's, now."""
    now: int
