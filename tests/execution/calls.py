"""Functions that a child process imports."""

import asyncio
import os
import subprocess
import sys

from asynq.request import current


def add(x, y):
    return x + y


async def add_async(x, y):
    await asyncio.sleep(0)
    return x + y


def who():
    return os.getpid(), current.get().id


def fail():
    raise KeyError("nothing here")


class OddError(Exception):
    def __init__(self, a, *, b):
        super().__init__(a)

    def __reduce__(self):
        raise RuntimeError("not to be pickled")


def fail_oddly():
    raise OddError("a", b=1)


def leave():
    sys.exit(4)


def die():
    os._exit(9)


def hang(path):
    with open(path, "w") as file:
        file.write(str(os.getpid()))
    while True:
        pass


def start_programs():
    """One that reads, one that writes, and one that complains more than a pipe holds."""
    read = subprocess.run(["cat"], check=True)
    subprocess.run(["echo", "RETURN 3"], check=True)
    subprocess.run(["sh", "-c", "head -c 200000 /dev/zero >&2"], check=True)
    return read.returncode


def signal_itself(number):
    os.kill(os.getpid(), number)
    return "done"


def signal_a_program(number):
    program = subprocess.Popen(["sleep", "30"])
    program.send_signal(number)
    return program.wait()
