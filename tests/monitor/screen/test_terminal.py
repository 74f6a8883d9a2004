"""The live screen in a real terminal: a pseudo terminal, and a program that reads what it shows."""

import asyncio
import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios

import pyte
import pytest

from tests.integration.workers import ROOT, environment, workers
from tests.waiting import until

__all__ = ["environment", "workers"]


class Terminal:
    """A terminal of 80×24, in which a program runs."""

    def __init__(self, environment, *words):
        self.screen = pyte.Screen(80, 24)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self._ours, self.theirs = pty.openpty()
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.before = termios.tcgetattr(self.theirs)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "asynq", "-A", "tests.integration.proj", *words],
            stdin=self.theirs, stdout=self.theirs, stderr=self.theirs, cwd=ROOT,
            env={**os.environ, **environment, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT)},
            start_new_session=True,
        )  # fmt: skip
        os.set_blocking(self._ours, False)
        asyncio.get_running_loop().add_reader(self._ours, self._read)

    def _read(self):
        try:
            some = os.read(self._ours, 65536)
        except (BlockingIOError, OSError):
            return
        self.raw += some
        self._stream.feed(some)

    @property
    def shown(self):
        return "\n".join(line.rstrip() for line in self.screen.display)

    def type(self, keys):
        os.write(self._ours, keys.encode())

    async def sees(self, *texts):
        try:
            await until(lambda: all(text in self.shown for text in texts), within=40)
        except TimeoutError:
            pytest.fail(f"not all of {texts} are on the screen:\n{self.shown}", pytrace=False)

    async def ended(self):
        await until(lambda: self.process.poll() is not None, within=40)
        self._read()
        return self.process.returncode

    @property
    def is_as_before(self):
        """Nothing is left of the screen: no mode, no other page, the cursor is there."""
        switched = {
            mode: (self.raw.rfind(b"\x1b[?%dh" % mode), self.raw.rfind(b"\x1b[?%dl" % mode))
            for mode in (1049, 1000, 1003, 1006, 2004)
        }
        return (
            termios.tcgetattr(self.theirs) == self.before
            and all(on < off for on, off in switched.values() if on >= 0)
            and switched[1049][0] >= 0
            and self.raw.rfind(b"\x1b[?25l") < self.raw.rfind(b"\x1b[?25h")
        )

    def close(self):
        asyncio.get_running_loop().remove_reader(self._ours)
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self._ours)
        os.close(self.theirs)


@pytest.fixture
async def terminal(environment):
    terminal = Terminal(environment, "events")
    yield terminal
    terminal.close()


async def test_it_is_used_in_a_terminal_and_leaves_it_as_it_was(terminal, workers):
    worker = await workers.start("-E", "-n", "w@here")
    await terminal.sees("1 Overview", "Done a second", "Enter Open")
    terminal.type("3")
    await terminal.sees("NODE", "w@here", "ONLINE")
    terminal.type("\t")
    await terminal.sees("QUEUE", "READY")
    terminal.type("?")
    await terminal.sees("Keys", "Everywhere")
    terminal.type("\x1b")
    await terminal.sees("QUEUE", "Pause/resume")
    terminal.type("q")
    assert await terminal.ended() == 0
    assert terminal.is_as_before
    assert worker.process.poll() is None


@pytest.mark.parametrize("how", ["ctrl-c", "SIGTERM"])
async def test_it_leaves_the_terminal_as_it_was_however_it_ends(terminal, how):
    await terminal.sees("1 Overview", "Enter Open")
    if how == "ctrl-c":
        terminal.type("\x03")
    else:
        terminal.process.send_signal(signal.SIGTERM)
    assert await terminal.ended() == 0
    assert terminal.is_as_before
