"""What keeps the entries of periodic tasks: the contract.

An entry's definition is a letter that a broker never opens. What it knows is when an entry was
first seen, and the last slot of it that is done with: so that a slot is fired once, whoever asks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from asynq.wire.firing import ADDED as ADDED
from asynq.wire.firing import Declared as Declared
from asynq.wire.firing import Entry as Entry
from asynq.wire.firing import Fired as Fired
from asynq.wire.firing import Firing as Firing
from asynq.wire.firing import Look as Look
from asynq.wire.firing import Verdict as Verdict


class Schedules(Protocol):
    """Keeps the entries of periodic tasks, and fires each slot once.

    Every method raises `OperationalError` when the server can't be reached, and may be called again
    then: it has no other effect than calling it once.
    """

    async def look(self, *, known: str = "", token: str = "", lease: float = 0.0) -> Look:
        """Look at the entries, if they are not known.

        Args:
            known: The version that is.
            token: Of who would have the lease, if nobody has it; empty: does not want it.
            lease: Seconds to have it from now.
        """

    async def resign(self, token: str) -> None:
        """Give the lease back; nothing where it is another's."""

    async def declare(self, owner: str, entries: Mapping[str, Declared]) -> Sequence[str]:
        """Let these be the entries that an owner's code has; those it had before are dropped.

        What became of an entry stays: its anchor, its last slot, that it is paused. Where its rule
        has changed, it begins anew now.

        Returns:
            Names that another owner's entry has; that one stays as it is.
        """

    async def add(self, name: str, entry: Declared, *, replace: bool = False) -> bool:
        """Add one that no code declares.

        Args:
            name: Its.
            entry: What it shall be.
            replace: Take the place of one that was added before.

        Returns:
            Whether it was; False: there is one of that name.
        """

    async def remove(self, name: str) -> bool:
        """Forget one; False: it was not there."""

    async def pause(self, name: str, *, paused: bool) -> bool:
        """Fire it no more, or again from now on; False: it was not there."""

    async def lasts(self, names: Sequence[str]) -> Sequence[int | None]:
        """The last slots of these; None: it is not there."""

    async def fire(self, firing: Firing) -> Fired:
        """Fire a slot: all that is sent for it, and that it is done with, or nothing.

        Nothing is sent unless the entry is the one that the firing was made from, its last slot
        too, and the slot is later than that and not in the future.

        Raises:
            BrokerFull: the server has no room; nothing was sent.
        """
