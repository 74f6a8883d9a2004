"""A camera: looks at the cluster every so often, and does something with what it sees::

class Counter(Polaroid):
    async def on_shutter(self, state: State) -> None:
        print(state.event_count)
        state.clear()  # what is over, so that the next picture begins anew
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from asynq.events.state import State

if TYPE_CHECKING:
    from asynq.events.room import Events


class Polaroid:
    """Takes a picture of the state every `freq` seconds. Subclass it and give `on_shutter`.

    Args:
        state: What is looked at.
        freq: Seconds between two pictures.
        clear_after: Forget what is over after each picture.
    """

    clear_after = False
    """For subclasses: what the argument is where it is not given."""

    def __init__(self, state: State, *, freq: float = 1.0, clear_after: bool | None = None) -> None:
        self.state = state
        self.freq = freq
        if clear_after is not None:
            self.clear_after = clear_after

    def on_shutter(self, state: State) -> Awaitable[object] | object:
        """Do something with the state. An `async def` may be given for it."""
        return None

    def on_cleanup(self) -> Awaitable[object] | object:
        """Called after each picture, to tidy up. An `async def` may be given for it."""
        return None

    async def capture(self) -> None:
        """Take a picture now."""
        await _done(self.on_shutter(self.state))
        await _done(self.on_cleanup())
        if self.clear_after:
            self.state.clear()

    async def run(self, events: Events) -> None:
        """Follow the events, and take pictures until cancelled; one more in the end.

        Args:
            events: Where they come from: `app.events`.
        """
        place = await events.load(self.state)
        following = asyncio.create_task(events.follow(self.state, place))
        try:
            while True:
                await self.capture()
                await asyncio.wait({following}, timeout=self.freq)
                if following.done():
                    following.result()
        finally:
            following.cancel()
            await asyncio.wait({following})
            await self.capture()


async def _done(answer: Awaitable[object] | object) -> None:
    if inspect.isawaitable(answer):
        await answer
