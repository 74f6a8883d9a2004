"""Frames on a socket."""

import asyncio
import socket

import pytest

from asynq.execution.lines import receive, send

pytestmark = pytest.mark.both_loops


@pytest.fixture
async def ends():
    """Both ends of a line."""
    here, there = [await asyncio.open_connection(sock=each) for each in socket.socketpair()]
    yield here, there
    for _, writer in (here, there):
        writer.close()
        await writer.wait_closed()


async def test_frames_arrive_one_by_one_whatever_is_in_them(ends):
    (_, writer), (reader, _) = ends
    frames = [b"", b"one", b"\0\n" * 500_000, b"last"]

    async def write():
        for frame in frames:
            await send(writer, frame)

    writing = asyncio.create_task(write())
    assert [await receive(reader) for _ in frames] == frames
    await writing


async def test_a_line_that_is_closed_in_the_middle_of_a_frame_says_so(ends):
    (_, writer), (reader, _) = ends
    writer.write(b"\0\0\0\0\0\0\0\5ab")
    writer.write_eof()
    with pytest.raises(EOFError):
        await receive(reader)
