"""Functions that a child process imports."""

import asyncio
import os
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
