"""What the server itself says of tasks that have ended: the measure of "completed twice".

The script that accepts an end (acknowledges, deletes, stores the result) appends one entry to the
reply stream of whoever sent the task, in the same transaction. Nothing else writes there, so one
task with two entries has ended twice, whatever workers say of themselves; and an end that was
refused leaves none. The streams keep some 10,000 entries, so they are followed as they grow.

A message names its sender's stream only where the sender is about to wait for results, so whoever
sends here says that it is (`want`), and a task that has ended without a trace is found out too.
"""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha1
from threading import Lock

from asynq import Asynq
from asynq._redis.keys import Keys
from asynq.wire import record
from tests.chaos.ledger import Ledger
from tests.servers import PrivateServer, ServerError

PAGE = 2000


def want(app: Asynq) -> None:
    """Let the next calls name a reply stream."""
    assert app.backend.reply_address(waiting=True) is not None


class Trail:
    """Follows the reply streams of a namespace, and copies them to the ledger."""

    def __init__(self, server: PrivateServer, namespace: str, ledger: Ledger) -> None:
        self._server = server
        self._pattern = Keys(namespace).reply("*")
        self._ledger = ledger
        self._positions: dict[bytes, bytes] = {}
        self._one_at_a_time = Lock()
        self.count = 0
        """Ends seen."""

    def follow(self) -> None:
        """Copy what is new. A server that is away is asked another time."""
        with self._one_at_a_time, suppress(OSError, ServerError):
            self._find()
            while self._read():
                pass

    def _find(self) -> None:
        cursor: bytes | str = "0"
        while cursor != b"0":
            cursor, names = self._server.command(
                *("SCAN", cursor, "MATCH", self._pattern, "COUNT", 1000)
            )
            for name in names:
                self._positions.setdefault(name, b"0-0")

    def _read(self) -> bool:
        if not self._positions:
            return False
        reply = self._server.command(
            *("XREAD", "COUNT", PAGE, "STREAMS", *self._positions, *self._positions.values())
        )
        for stream, entries in reply or ():
            for entry, fields in entries:
                self._take(entry, dict(zip(fields[::2], fields[1::2], strict=True)))
            self._positions[stream] = entries[-1][0]
        return bool(reply)

    def _take(self, entry: bytes, fields: dict[bytes, bytes]) -> None:
        stored = fields.get(b"v")
        status = "?" if stored is None else record.decode(stored).status
        words = sha1(stored or entry, usedforsecurity=False).hexdigest()[:12]
        self._ledger.note("C", fields[b"i"].decode(), status, entry.decode(), words)
        self.count += 1
