"""What is said to workers, and what they answer, as it travels: JSON, sealed where there are keys.

All workers hear everything that is said on one channel, and heed what concerns them. Who asks
listens on a channel of their own, which the order names.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from asynq.wire.sealing import Seal

CHANNEL: Final = "control"
"""Where workers listen for what is said to all of them."""

ANSWERS: Final = "answers:"
"""What the channels begin with on which somebody waits for answers."""

STALE_SECONDS: Final = 300.0
"""After how long a command is carried out no more: the worker was away, or somebody plays it back.
Revocations have no age: the server remembers them."""


class Order(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is said to workers."""

    revoke: tuple[str, ...] = ()
    """Tasks that shall not run."""
    terminate: bool = False
    """Nor go on running."""
    rules: bool = False
    """What is paused and limited has changed: read it again."""
    command: str = ""
    """A command to be carried out; none where it is empty."""
    arguments: dict[str, Any] = {}
    destination: tuple[str, ...] | None = None
    """The nodes that are meant; None: all."""
    ticket: str = ""
    """Of a command: never used before, so that it is carried out once."""
    reply_to: str = ""
    """The channel on which an answer is waited for; none where it is empty."""
    at: float = 0.0
    """Of a command: when it was said, by the server's clock (Unix time, seconds)."""


class Answer(msgspec.Struct, frozen=True):
    """What one worker answers."""

    ticket: str
    hostname: str
    pid: int
    answer: Any


def closed(said: Order | Answer, channel: str, seal: Seal | None) -> bytes:
    """It as it may be said on a channel. What JSON has no words for, as Python's.

    Raises:
        TypeError, ValueError, OverflowError: it can't be written.
    """
    body = msgspec.json.encode(said, enc_hook=repr)
    return body if seal is None else seal.seal_order(channel, body)


def opened_order(body: bytes, seal: Seal | None) -> Order:
    """What was said to all workers.

    Raises:
        SecurityError: it was not sealed as it must be.
        msgspec.DecodeError: it is no order.
    """
    return _orders.decode(body if seal is None else seal.open_order(CHANNEL, body))


def opened_answer(body: bytes, channel: str, seal: Seal | None) -> Answer:
    """What was answered on a channel; raises as `opened_order`."""
    return _answers.decode(body if seal is None else seal.open_order(channel, body))


_orders = msgspec.json.Decoder(Order)
_answers = msgspec.json.Decoder(Answer)
