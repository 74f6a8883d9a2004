"""Tasks that a child process imports."""

import asyncio
import ctypes
import faulthandler
import logging
import os
import resource
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from asynq import Asynq, Task, shared_task, signals
from asynq.exceptions import Ignore, Reject, SoftTimeLimitExceeded
from asynq.request import lend

app = Asynq("tests.execution.calls", broker="memory://", set_as_current=False)
in_process = app.task(pool="process")


class Custom(Task):
    """Says whether it was called by its class."""

    def __call__(self, *args, **kwargs):
        return "by the class", self.run(*args, **kwargs)


class Told(Task):
    """Writes down what its hooks are told, and where."""

    def on_success(self, retval, task_id, args, kwargs):
        with open(args[0], "a") as file:
            file.write(f"{os.getpid()} {retval} {task_id} {threading.current_thread().name}\n")

    def on_failure(self, exc, task_id, args, kwargs, einfo):
        with open(args[0], "a") as file:
            name = threading.current_thread().name
            file.write(f"{os.getpid()} {type(exc).__name__} {name}\n")


begun = []


@signals.worker_process_init.connect
def begin(**named):
    begun.append(os.getpid())


@in_process
def beginnings():
    return begun.count(os.getpid())


@in_process
def add(x, y):
    return x + y


@in_process
async def add_async(x, y):
    await asyncio.sleep(0)
    return x + y


@app.task(pool="process", base=Custom)
def custom(x):
    return x


@app.task(pool="process", base=Told)
def told(path):
    return os.getpid()


@app.task(pool="process", base=Told)
def told_of_death(path):
    os._exit(9)


@shared_task(pool="process")
def shared(x):
    return x


@in_process
def wait_for(path):
    """Runs until that file is there; gives its process id."""
    Path(f"{path}.begun").touch()
    while not Path(path).exists():
        time.sleep(0.01)
    return os.getpid()


@app.task(pool="process", bind=True)
def who(self):
    return os.getpid(), self.request.id


@app.task
async def on_the_loop():
    return os.getpid(), lend.get() is not None


@app.task
def in_a_thread():
    return os.getpid(), threading.current_thread() is threading.main_thread()


# Errors


@in_process
def fail():
    raise KeyError("nothing here")


@app.task(pool="process", throws=(KeyError,))
def fail_as_expected():
    raise KeyError("nothing here")


@app.task(pool="process", autoretry_for=(KeyError,), default_retry_delay=7)
def fail_for_now():
    raise KeyError("nothing here")


@app.task(pool="process", bind=True)
def retry_later(self, *, throw):
    reason = OddError("a", b=1)
    self.retry(kwargs={"throw": False}, exc=reason, countdown=3, throw=throw)
    return "and went on"


@in_process
def reject():
    raise Reject("not here", requeue=True)


@in_process
def ignore():
    raise Ignore("never mind")


class OddError(Exception):
    def __init__(self, a, *, b):
        super().__init__(a)

    def __reduce__(self):
        raise RuntimeError("not to be pickled")


@in_process
def fail_oddly():
    raise OddError("a", b=1)


@in_process
def leave():
    sys.exit(4)


@in_process
async def cancel_itself():
    asyncio.current_task().cancel()
    await asyncio.sleep(0)


@in_process
def recurse():
    def deeper():
        deeper()

    deeper()


@in_process
def use_all_memory():
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, limits[1]))
    try:
        return bytearray(1 << 31)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


# Values


class Unwritable:
    def __reduce__(self):
        raise SystemExit("not to be pickled")


class Unreadable:
    def __reduce__(self):
        return int, ("no number",)


@in_process
def give(what):
    return {"unwritable": Unwritable, "unreadable": Unreadable, "function": lambda: give}[what]()


class BadArgument:
    """Can be written, and not read."""

    def __reduce__(self):
        return int, ("no number",)


# Death


@in_process
def die():
    os._exit(9)


@in_process
def crash():
    faulthandler.disable()
    ctypes.string_at(0)


@in_process
def abort():
    faulthandler.disable()
    os.abort()


@in_process
def die_holding_the_line():
    """A process that it forked keeps the line to the worker open."""
    if os.fork():
        os._exit(9)
    time.sleep(3)
    os._exit(0)


@in_process
def close_everything():
    os.closerange(3, 64)
    return "closed"


@in_process
def hang(path):
    with open(path, "w") as file:
        file.write(str(os.getpid()))
    while True:
        pass


@in_process
def hang_in_c(path):
    """Holds the interpreter's lock for good."""
    with open(path, "w") as file:
        file.write(str(os.getpid()))
    ctypes.PyDLL(None).sleep(60)


# Limits


@in_process
def sleep_long():
    try:
        time.sleep(60)
    except SoftTimeLimitExceeded as error:
        return str(error)


@in_process
async def sleep_long_async():
    await asyncio.sleep(60)


# What a task may do


@in_process
def run_a_loop():
    async def inside():
        await asyncio.sleep(0)
        return threading.current_thread() is threading.main_thread()

    return asyncio.run(inside())


@in_process
def write_and_log():
    print("printed")
    os.system("echo echoed")
    logging.getLogger("asynq.some").warning("warned")
    logging.getLogger("asynq.some").debug("not to be seen")


@in_process
def look_at_descriptors():
    there = {}
    for number in map(int, os.listdir("/proc/self/fd")):
        with suppress(OSError):
            there[number] = os.readlink(f"/proc/self/fd/{number}"), os.get_inheritable(number)
    return {
        "stdin": there[0][0],
        "pipes": sum(number > 2 and link.startswith("pipe") for number, (link, _) in there.items()),
        "inheritable": sorted(number for number, (_, passed_on) in there.items() if passed_on),
    }


@in_process
def start_programs():
    """One that reads, one that writes, and one that complains more than a pipe holds."""
    read = subprocess.run(["cat"], check=True)
    subprocess.run(["echo", "RETURN 3"], check=True)
    subprocess.run(["sh", "-c", "head -c 200000 /dev/zero >&2"], check=True)
    return read.returncode


@in_process
def signal_itself(number):
    os.kill(os.getpid(), number)
    return "done"


@in_process
def signal_a_program(number):
    program = subprocess.Popen(["sleep", "30"])
    program.send_signal(number)
    return program.wait()


class ReadHereAlone:
    """Can be pickled, and read by the process that has made it."""

    def __reduce__(self):
        return _read_by, (os.getpid(),)


def _read_by(pid):
    if os.getpid() != pid:
        raise ValueError("it is read here alone")


kept = []


@in_process
def keep(size):
    kept.append(bytearray(os.urandom(1) * size))
    return os.getpid()


@in_process
def use(size):
    bytearray(os.urandom(1) * size)
    return os.getpid()
