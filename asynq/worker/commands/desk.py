"""Carries remote commands out, each once, and sends back what they answer."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from inspect import isawaitable
from typing import Any, Final

from asynq.control.commands import COMMANDS
from asynq.control.orders import ANSWERS, STALE_SECONDS, Answer, Order, closed
from asynq.exceptions import OperationalError
from asynq.wire.sealing import Seal
from asynq.worker.commands.panel import Panel
from asynq.worker.inbox import Inbox

logger = logging.getLogger("asynq.worker")

AT_ONCE: Final = 50
"""Commands that are carried out at the same time."""
REMEMBERED: Final = 10_000
"""Tickets, so that nothing is done twice."""
LAST_WORDS: Final = 1.0
"""Seconds that answers have to go out when the worker ends."""
KEPT_SECONDS: Final = 60.0
"""How long answers are kept on the server after the last."""
LONGEST: Final = 1024 * 1024
"""Bytes of an answer."""


async def listen(inbox: Inbox, desk: Desk | None) -> None:
    """Hear what is said to workers until cancelled; what is being answered goes out.

    Args:
        inbox: What hears it.
        desk: Where commands are carried out; None: nowhere.
    """
    try:
        await inbox.run(None if desk is None else desk.take)
    finally:
        if desk is not None:
            await desk.aclose()


class Desk:
    """Takes the commands that concern this worker.

    Args:
        panel: What commands are given.
        seal: What closes answers; None: they are not sealed.
    """

    def __init__(self, panel: Panel, seal: Seal | None) -> None:
        self._panel = panel
        self._seal = seal
        self._running: set[asyncio.Task[None]] = set()
        self._done: set[str] = set()
        self._order: deque[str] = deque()

    def take(self, order: Order) -> None:
        """Begin to carry it out, if it is meant for us; returns at once."""
        if order.destination is not None and self._panel.hostname not in order.destination:
            return
        if not self._is_new(order):
            return
        task = asyncio.create_task(self._answer(order), name=f"asynq-command-{order.command}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def aclose(self) -> None:
        """Let what is being answered go out, and end the rest."""
        if self._running:
            await asyncio.wait(self._running, timeout=LAST_WORDS)
        for task in self._running:
            task.cancel()

    def _is_new(self, order: Order) -> bool:
        age = self._panel.crew.broker.now() - order.at
        if abs(age) > STALE_SECONDS:
            logger.warning(
                "The command %s was said %.0f s ago, and is not carried out any more",
                ascii(order.command),
                age,
            )
            return False
        if order.ticket in self._done:
            return False
        if len(self._order) >= REMEMBERED:
            self._done.discard(self._order.popleft())
        self._order.append(order.ticket)
        self._done.add(order.ticket)
        return True

    async def _answer(self, order: Order) -> None:
        answer = await self._carry_out(order)
        if not order.reply_to.startswith(ANSWERS):
            if isinstance(answer, dict) and "error" in answer:
                logger.warning("Command %s: %s", ascii(order.command), answer["error"])
            return
        body = self._written(order, answer)
        try:
            fanout = self._panel.crew.broker.fanout()
            await fanout.publish(order.reply_to, body, kept=KEPT_SECONDS)
        except OperationalError as error:
            logger.warning("Could not answer the command %s: %s", ascii(order.command), error)

    async def _carry_out(self, order: Order) -> Any:
        command = COMMANDS.get(order.command)
        if command is None:
            known = ", ".join(sorted(COMMANDS))
            return {"error": f"no such command: {order.command!r}. There are {known}"}
        if len(self._running) > AT_ONCE:
            return {"error": f"{AT_ONCE} commands are being carried out: try again later"}
        if command.kind == "control":
            logger.info("Carrying out the remote command %s", command.name)
        try:
            answer = command.run(self._panel, **order.arguments)
            return await answer if isawaitable(answer) else answer
        except Exception as error:
            logger.error("The remote command %s failed", command.name, exc_info=error)
            return {"error": f"{type(error).__name__}: {error}"}

    def _written(self, order: Order, answer: object) -> bytes:
        try:
            body = self._closed(order, answer)
        except Exception as error:
            said = f"the answer can't be written: {type(error).__name__}: {error}"
            return self._closed(order, {"error": said})
        if len(body) > LONGEST:
            said = f"the answer has {len(body):,} bytes, and {LONGEST:,} is the most"
            return self._closed(order, {"error": said})
        return body

    def _closed(self, order: Order, answer: object) -> bytes:
        told = Answer(order.ticket, self._panel.hostname, os.getpid(), answer)
        return closed(told, order.reply_to, self._seal)
