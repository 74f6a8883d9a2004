"""One connection per event loop and server, shared by everyone who talks to it.

Commands issued in the same turn of the loop go out in one write, and nobody waits for another's
reply: ten thousand concurrent callers need one socket. What goes wrong on the way is met here:

* the connection is lost: a new one is made, with jitter between the tries, and what had no answer
  is sent again, because everything sent here has the same effect twice as once (our scripts are
  written so; say `resend=False` for a command that is not);
* the server says that it is loading or busy: the same command again, a little later;
* it does not know a script: the text goes along, once;
* nothing helps: each caller's own deadline ends its waiting with an `OperationalError`;
* a caller is cancelled: its reply is read and dropped, so nobody gets somebody else's.

A pipeline needs no `aclose()` when `asyncio.run` ends: the loop closes it quietly.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Final, cast
from weakref import WeakKeyDictionary

from asynq._redis.alarm import Alarm
from asynq._redis.backoff import Backoff
from asynq._redis.client import Server
from asynq._redis.closing import close_with_loop
from asynq._redis.command import Command, ScriptCall, Word, pack
from asynq._redis.deferred import Deferred
from asynq._redis.errors import DISCONNECTED, Refused, SilentError, explain, kind_of, passes
from asynq._redis.link import Link
from asynq._redis.scripts import Script
from asynq.exceptions import OperationalError

__all__ = ["Pipeline", "Word", "shared"]

WRITE_BYTES: Final = 256 * 1024
"""How much is joined for one write."""
SILENCE: Final = 5.0
"""Seconds without a byte, while something is asked, after which a connection counts as dead."""
LOOK: Final = 1.0
"""Seconds between two looks at what is under way."""


class Pipeline:
    """The shared connection. Made by `shared`, for use in the loop that was running then.

    Args:
        server: Where to.
        timeout: Seconds a command may take, all tries together, where the caller names no other.
    """

    def __init__(self, server: Server, *, timeout: float = 10.0) -> None:
        self.server = server
        self.timeout = timeout
        self.loop = asyncio.get_running_loop()
        self.connections = 0
        """How many times a connection was made."""
        self._outbox: deque[Command] = deque()
        self._deferred = Deferred(self.loop, self._again, self._no_trouble)
        self._link: Link | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._trouble: BaseException | None = None
        self._flush_scheduled = False
        self._alarm = Alarm(self.loop, self._look)
        self._watch: AsyncGenerator[None, None] | None = None
        self._users = 0
        self._closed = False

    @property
    def trouble(self) -> BaseException | None:
        """Why there is no connection, or what the server last refused for now; else None."""
        return self._trouble

    async def execute(
        self, *command: Word, timeout: float | None = None, resend: bool = True
    ) -> Any:
        """Send a command and return its reply (RESP2, strings as bytes).

        Args:
            timeout: Seconds, all tries together.
            resend: Send it again when its reply was lost.

        Raises:
            Refused: the server's answer is an error that does not pass.
            OperationalError: no answer in time.
        """
        return await self.send(command, timeout=timeout, resend=resend)

    async def run(
        self,
        script: Script,
        keys: Sequence[Word],
        arguments: Sequence[Word] = (),
        *,
        timeout: float | None = None,
    ) -> Any:
        """Run a script and return what it returns.

        Raises:
            Refused: it failed.
            OperationalError: no answer in time.
        """
        return await self.call(script, keys, arguments, timeout=timeout)

    def send(
        self, command: Sequence[Word], *, timeout: float | None = None, resend: bool = True
    ) -> asyncio.Future[Any]:
        """`execute`, without waiting."""
        seconds = self.timeout if timeout is None else timeout
        return self._issue(Command(self, pack(tuple(command)), seconds, resend=resend))

    def call(
        self,
        script: Script,
        keys: Sequence[Word],
        arguments: Sequence[Word] = (),
        *,
        timeout: float | None = None,
        at_once: bool = False,
    ) -> asyncio.Future[Any]:
        """`run`, without waiting.

        Args:
            at_once: Don't gather what others issue in this turn of the loop.
        """
        seconds = self.timeout if timeout is None else timeout
        call = ScriptCall(script, keys, arguments)
        return self._issue(Command(self, call.by_digest(), seconds, script_call=call), at_once)

    async def aclose(self) -> None:
        """Say that one user of the shared connection is done; the last one closes it."""
        self._users -= 1
        if self._users > 0 or self._closed:
            return
        connecting = self._connecting
        self._close()
        if connecting is not None:
            await asyncio.wait([connecting])
        if self._watch is not None:
            await self._watch.aclose()

    # What callers want sent.

    def _issue(self, command: Command, at_once: bool = False) -> asyncio.Future[Any]:
        if self._closed:
            raise OperationalError(f"the connection to {self.server.url} is closed")
        self._outbox.append(command)
        if at_once and self._link is not None:
            self._flush()
        elif not self._flush_scheduled:
            self._flush_scheduled = True
            self.loop.call_soon(self._end_of_turn)
        if command.deadline < self._alarm.at:
            self._look_at(command.deadline)
        return command.future

    def _end_of_turn(self) -> None:
        self._flush_scheduled = False
        self._flush()

    def _flush(self) -> None:
        link = self._link
        if link is None:
            if not self._closed:
                self._connect()
            return
        outbox = self._outbox
        while outbox and link.writable:
            packets: list[bytes] = []
            sent: list[Command] = []
            size = 0
            while outbox and size < WRITE_BYTES:
                command = outbox.popleft()
                if command.future.done():
                    continue  # cancelled before it went out
                sent.append(command)
                packets.append(command.packed)
                size += len(command.packed)
            if sent:
                link.write(b"".join(packets), sent)

    # What the server refuses.

    def refused(self, command: Command, error: Refused) -> None:
        """The server has answered with an error: try the command again where that can help, which
        it can for as long as its caller waits; else the caller gets the error."""
        if command.future.done():
            return
        kind = kind_of(error)
        if kind == "NOSCRIPT" and command.script_call is not None:
            command.packed = command.script_call.by_text()
            self._again([command])
        elif passes(error) and command.deadline > self.loop.time():
            self._trouble = error
            if kind == "READONLY" and self._link is not None:
                self.loop.call_soon(self._link.abort, error)
            self._deferred.add(command)
        else:
            command.fail(error)

    def _again(self, commands: list[Command]) -> None:
        self._outbox.extend(commands)
        self._flush()
        if commands and self._alarm.at == math.inf:
            self._look_at(min(command.deadline for command in commands))

    def _no_trouble(self) -> None:
        self._trouble = None

    # Connections made and lost.

    def _connect(self) -> None:
        if self._connecting is None and self._outbox:
            self._connecting = self.loop.create_task(self._keep_connecting(), name="asynq-connect")

    async def _keep_connecting(self) -> None:
        backoff = Backoff()
        try:
            while self._outbox and not self._closed and self._link is None:
                try:
                    link = await self.server.connect()
                except (*DISCONNECTED, OperationalError) as error:
                    self._trouble = error
                except Exception as error:  # a wrong password, a server too old, no binary
                    self._give_up(error)
                else:
                    self._take(link)
                if self._link is None:
                    await asyncio.sleep(backoff.next())
        finally:
            self._connecting = None

    def _take(self, link: Link) -> None:
        if self._closed or link.lost is not None:
            self._trouble = link.lost
            link.close()
            return
        if self._watch is None:
            self._watch = close_with_loop(self._close)
        link.on_lost = self._on_lost
        link.on_writable = self._flush
        self._link = link
        self._trouble = None
        self.connections += 1
        self.loop.call_soon(self._flush)

    def _on_lost(self, link: Link, reason: BaseException) -> None:
        self._link = None
        self._trouble = reason
        unanswered = cast("deque[Command]", link.waiting)
        again = []
        for command in unanswered:
            if command.resend:
                again.append(command)
            else:
                command.fail(
                    OperationalError(
                        f"the connection to {self.server.url} was lost before the answer came; "
                        "the command may or may not have been carried out"
                    )
                )
        unanswered.clear()
        self._outbox.extendleft(reversed(again))
        if not self._closed:
            self._connect()

    def _give_up(self, error: BaseException) -> None:
        """No further try would help those who wait now."""
        waiting, self._outbox = self._outbox, deque()
        for command in waiting:
            command.fail(explain(error, self.server.url))

    # What takes too long.

    def _look_at(self, deadline: float) -> None:
        self._alarm.set(min(deadline, self.loop.time() + LOOK))

    def _look(self) -> None:
        now = self.loop.time()
        link = self._link
        if link is not None and link.waiting:
            link.look()
        if link is not None and link.waiting and now - link.heard > SILENCE:
            link.abort(SilentError(f"no answer for {SILENCE:.0f} s"))
            link = None
        pending = [
            *self._outbox,
            *self._deferred,
            *(cast("deque[Command]", link.waiting) if link else ()),
        ]
        nearest = None
        for command in pending:
            if command.future.done():
                continue
            if command.deadline <= now:
                command.fail(explain(self._trouble, self.server.url, seconds=command.seconds))
            elif nearest is None or command.deadline < nearest:
                nearest = command.deadline
        # Those whose callers have gone: a server that is away for long must not fill our memory.
        self._outbox = deque(each for each in self._outbox if not each.future.done())
        if nearest is not None:
            self._look_at(nearest)

    def _close(self) -> None:
        self._closed = True
        loops = _pipelines.get(self.loop)
        if loops is not None and loops.get(self.server.key) is self:
            del loops[self.server.key]
        self._alarm.cancel()
        if self._connecting is not None:
            self._connecting.cancel()
        link, self._link = self._link, None
        waiting = [*self._outbox, *self._deferred.take()]
        if link is not None:
            waiting += cast("deque[Command]", link.waiting)
            link.close()
        self._outbox.clear()
        for command in waiting:
            command.fail(OperationalError(f"the connection to {self.server.url} was closed"))


def shared(server: Server, *, timeout: float = 10.0) -> Pipeline:
    """The running loop's pipeline to that server; every call owes one `aclose()`."""
    loop = asyncio.get_running_loop()
    pipelines = _pipelines.setdefault(loop, {})
    pipeline = pipelines.get(server.key)
    if pipeline is None:
        pipeline = pipelines[server.key] = Pipeline(server, timeout=timeout)
    pipeline._users += 1
    return pipeline


_pipelines: WeakKeyDictionary[
    asyncio.AbstractEventLoop, dict[tuple[str, int, str | None, str | None], Pipeline]
] = WeakKeyDictionary()
