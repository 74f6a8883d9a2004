"""Lines about tasks are written many at a time; none is lost, and all stay in order."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from asynq.logs import handlers
from asynq.logs.formats import TASKS, TaskFields, TextFormatter
from asynq.logs.handlers import FileHandler, LineHandler

FORM = "%(levelname)s %(message)s"


class Stream(io.StringIO):
    """Remembers what was written in one go."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []
        self.fails = False

    def write(self, text: str) -> int:
        if self.fails:
            raise OSError("no space left on device")
        self.writes.append(text)
        return super().write(text)


@pytest.fixture
def stream() -> Stream:
    return Stream()


@pytest.fixture
def handler(stream: Stream) -> LineHandler:
    return LineHandler(stream, TextFormatter(FORM, FORM, color=False), TaskFields())


def record(message: str, name: str = TASKS, level: int = logging.INFO) -> logging.LogRecord:
    return logging.LogRecord(name, level, __file__, 1, message, (), None)


async def test_what_is_said_of_tasks_in_one_turn_is_one_write(handler: LineHandler, stream: Stream):
    for number in range(3):
        handler.handle(record(f"{number}"))
    handler.gather("INFO 3")
    assert stream.writes == []
    await asyncio.sleep(0)
    assert stream.writes == ["INFO 0\nINFO 1\nINFO 2\nINFO 3\n"]
    handler.gather("INFO 4")
    await asyncio.sleep(0)
    assert stream.writes[1:] == ["INFO 4\n"]


async def test_it_is_written_before_a_task_begins_that_has_just_come(
    handler: LineHandler, stream: Stream
):
    handler.gather("received")

    async def body() -> str:
        return stream.getvalue()

    assert await asyncio.create_task(body()) == "received\n"


@pytest.mark.parametrize(
    ("name", "level"),
    [(TASKS, logging.WARNING), ("proj.tasks", logging.INFO), ("proj.tasks", logging.DEBUG)],
)
async def test_everything_else_is_written_at_once_and_in_order(
    handler: LineHandler, stream: Stream, name: str, level: int
):
    handler.handle(record("first"))
    handler.handle(record("second", name, level))
    assert stream.getvalue() == f"INFO first\n{logging.getLevelName(level)} second\n"
    handler.handle(record("third"))
    await asyncio.sleep(0)
    assert stream.getvalue().endswith("second\nINFO third\n")


def test_without_an_event_loop_everything_is_written_at_once(handler: LineHandler, stream: Stream):
    handler.handle(record("at once"))
    assert stream.getvalue() == "INFO at once\n"


def test_a_loop_that_ends_before_its_next_turn_holds_nothing_back(
    handler: LineHandler, stream: Stream
):
    async def say(text: str) -> None:
        asyncio.get_running_loop().stop()
        handler.gather(text)

    for text in ("first", "second"):
        loop = asyncio.new_event_loop()
        task = loop.create_task(say(text))
        loop.run_forever()
        assert task.done()
        loop.close()
    handler.gather("third")
    assert stream.getvalue() == "first\nsecond\nthird\n"


async def test_what_can_not_be_written_stops_nobody(
    handler: LineHandler, stream: Stream, capsys: pytest.CaptureFixture[str]
):
    stream.fails = True
    handler.gather("lost")
    await asyncio.sleep(0)
    assert "no space left on device" in capsys.readouterr().err
    stream.fails = False
    handler.gather("kept")
    await asyncio.sleep(0)
    assert stream.getvalue() == "kept\n"


async def test_lines_of_many_threads_are_all_there(handler: LineHandler, stream: Stream):
    def talk(name: str) -> None:
        for number in range(500):
            level = logging.WARNING if number % 7 == 0 else logging.INFO
            handler.handle(record(f"{name}-{number}", level=level))

    threads = [threading.Thread(target=talk, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for number in range(2000):
        handler.gather(f"INFO loop-{number}")
        if number % 50 == 0:
            await asyncio.sleep(0)
    await asyncio.to_thread(lambda: [thread.join() for thread in threads])
    handler.flush()
    lines = [line.partition(" ")[2] for line in stream.getvalue().splitlines()]
    for name, count in [("loop", 2000), ("a", 500), ("b", 500), ("c", 500)]:
        assert [line for line in lines if line.startswith(f"{name}-")] == [
            f"{name}-{number}" for number in range(count)
        ]


async def test_at_the_end_nothing_is_left(handler: LineHandler, stream: Stream):
    handler.gather("the last word")
    handler.close()
    assert stream.getvalue() == "the last word\n"


ENDS = {
    "at its end": "pass",
    "by an error": "raise LookupError",
    "by sys.exit": "sys.exit(3)",
    "killed, a turn later": "await asyncio.sleep(0); os.kill(os.getpid(), 9)",
    "after a warning, at once": "log.warning('going'); os._exit(9)",
}


@pytest.mark.parametrize("way", ENDS)
def test_a_process_that_ends_has_written_everything(logfile: Path, way: str):
    assert _lines_of(logfile, ENDS[way])[0] == "INFO said"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_process_that_forks_writes_nothing_twice(logfile: Path):
    forked = "os.waitpid(pid, 0) if (pid := os.fork()) else None"
    assert _lines_of(logfile, forked) == ["INFO said"]


PROGRAM = """
import asyncio, logging, os, sys
from pathlib import Path
from asynq.logs import set_up, tell
from asynq.request import Request
set_up("info", log_format={form!r}, task_format={form!r}, logfile=Path({logfile!r}))
log = logging.getLogger("asynq.worker")
async def main():
    tell(Request(id="1", task="t"), "%s", "said")
    {end}
asyncio.run(main())
"""


def _lines_of(logfile: Path, end: str) -> list[str]:
    program = PROGRAM.format(form=FORM, logfile=str(logfile), end=end)
    subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, timeout=60)
    return logfile.read_text().splitlines()


# A file that is moved away


@pytest.fixture
def look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "LOOK_SECONDS", 0.0)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[FileHandler]:
    form = TextFormatter(FORM, FORM, color=False)
    handler = FileHandler(tmp_path / "log", form, TaskFields())
    yield handler
    handler.close()


@pytest.mark.usefixtures("look_often")
@pytest.mark.parametrize("name", [TASKS, "proj"])
async def test_a_log_that_is_moved_away_is_begun_anew(file: FileHandler, tmp_path: Path, name: str):
    file.handle(record("before", name))
    file.flush()
    (tmp_path / "log").rename(tmp_path / "log.1")
    file.handle(record("after", name))
    file.flush()
    assert (tmp_path / "log.1").read_text() == "INFO before\n"
    assert (tmp_path / "log").read_text() == "INFO after\n"


@pytest.mark.usefixtures("look_often")
def test_while_there_is_no_place_for_a_new_one_the_old_one_serves(
    file: FileHandler, tmp_path: Path
):
    tmp_path.rename(away := tmp_path.with_name("away"))
    file.handle(record("one", "proj"))
    assert (away / "log").read_text() == "INFO one\n"
    away.rename(tmp_path)
    file.handle(record("two", "proj"))
    assert (tmp_path / "log").read_text() == "INFO one\nINFO two\n"


def test_it_is_not_looked_at_every_line(
    file: FileHandler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(handlers, "LOOK_SECONDS", 3600.0)
    monkeypatch.setattr(handlers, "_is_at", lambda *_: pytest.fail("looked"))
    for _ in range(3):
        file.handle(record("line", "proj"))
    assert (tmp_path / "log").read_text() == "INFO line\n" * 3


ROTATED = """
import logging, os, pathlib, sys
from asynq.logs import handlers, set_up
handlers.LOOK_SECONDS = 0.0
log = pathlib.Path(sys.argv[1])
set_up("info", log_format="%(message)s", task_format="", logfile=log)
log.rename(log.with_name("old"))
logging.getLogger("x").info("logged")
print("printed", flush=True)
os.write(2, b"from below\\n")
"""


def test_what_is_printed_into_the_log_follows_it(tmp_path: Path):
    log = tmp_path / "log"
    with log.open("a") as file:
        command = [sys.executable, "-c", ROTATED, str(log)]
        subprocess.run(command, stdout=file, stderr=file, check=True)
    assert log.read_text() == "logged\nprinted\nfrom below\n"
    assert (tmp_path / "old").read_text() == ""


def test_what_is_printed_elsewhere_stays_there(tmp_path: Path):
    log = tmp_path / "log"
    command = [sys.executable, "-c", ROTATED, str(log)]
    ran = subprocess.run(command, capture_output=True, check=True)
    assert (ran.stdout, ran.stderr) == (b"printed\n", b"from below\n")
    assert log.read_text() == "logged\n"
