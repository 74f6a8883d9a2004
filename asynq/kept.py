"""A call that is not sent now: its message is kept by a workflow until its turn comes."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from msgspec.structs import replace

from asynq import signals
from asynq.brokers.base import Parcel
from asynq.result.handle import AsyncResult
from asynq.sending import Sending
from asynq.wire.flow import Flow
from asynq.wire.message import Message


class Kept(Sending):
    """One step of a workflow. It is written like any call, through middleware and signals."""

    __slots__ = ("_address", "_flow", "_parcel")

    _parcel: Parcel

    async def compose(self, flow: Flow | None, *, reply_to: str | None) -> Parcel:
        """Its message, for who keeps it.

        Args:
            flow: Its place in the workflow.
            reply_to: Where its result is announced.

        Raises:
            As sending it would.
        """
        self._flow, self._address = flow, None if self._plan.ignored else reply_to
        try:
            if self._sender.middleware or signals.PUBLISHING.receivers:
                await self._depart(False)
            else:
                _, self._parcel = self._letter(False)
        finally:
            self.close()
        return self._parcel

    def handle(self) -> AsyncResult[Any]:
        """The handle on its result."""
        return self._arrived()

    def _message(self, reply_to: str | None) -> Message:
        self._announced = self._address is not None
        message = super()._message(self._address)
        return message if self._flow is None else replace(message, flow=self._flow)

    def _hand_over(self, message: Message, parcel: Parcel) -> Awaitable[None]:
        self._parcel = parcel
        return _nothing()


async def _nothing() -> None: ...
