"""The line between a worker and its child process: a socket, with frames of bytes on it.

The worker writes what the child takes over, then jobs. The child writes `READY` once, then for each
job `BEGUN`, how much memory it has (if the worker wants to know) and its answer. A child that has
died while it had nothing to do can thereby be told from one that died of its task.
"""

from __future__ import annotations

from asyncio import StreamReader, StreamWriter
from typing import Final

READY: Final = b"ready"
BEGUN: Final = b"begun"

LENGTH_BYTES: Final = 8


async def send(writer: StreamWriter, frame: bytes) -> None:
    """Write a frame.

    Raises:
        OSError: the other side is gone.
    """
    writer.write(len(frame).to_bytes(LENGTH_BYTES))
    writer.write(frame)
    await writer.drain()


async def receive(reader: StreamReader) -> bytes:
    """The next frame.

    Raises:
        EOFError: the other side has closed the line.
        OSError: it is gone.
    """
    length = int.from_bytes(await reader.readexactly(LENGTH_BYTES))
    return await reader.readexactly(length)
