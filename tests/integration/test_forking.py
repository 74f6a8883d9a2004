"""A process forks while its connections are open (T52): the child gets its own, nobody is harmed.

In a program of its own, because pytest's process is no place to fork.
"""

import json
import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, json, os, sys
import asynq
from asynq import Asynq

url, namespace, loop = sys.argv[1:]
app = Asynq(namespace, broker=url, publish_timeout=5.0)

async def send(count):
    await asyncio.gather(*(app.send_task("nobody", (n,)) for n in range(count)))
    return await app.broker.depth("default")

def child(how):
    if how == "run":  # the background loop of asynq.run, begun by the parent
        asynq.run(send(10))
    else:
        asyncio.run(send(10))
    os._exit(0)

async def main():
    told = [await send(10)]
    waiting = asyncio.ensure_future(app.AsyncResult("never").get(timeout=1.5))
    await asyncio.sleep(0.1)
    for how in ("asyncio", "run", "exit"):
        pid = os.fork()
        if pid == 0:
            try:
                child(how)
            except BaseException as error:
                print(repr(error), file=sys.stderr)
                os._exit(1)
        status = (await asyncio.to_thread(os.waitpid, pid, 0))[1]
        told += [os.waitstatus_to_exitcode(status), await send(10)]
    try:
        await waiting
    except asynq.exceptions.TimeoutError:
        told.append("waited")
    return told

if loop == "uvloop":
    import uvloop
    told = uvloop.run(main())
else:
    told = asyncio.run(main())
print(json.dumps(told))
"""


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_child_sends_over_connections_of_its_own(url, namespace, loop):
    quiet = "ignore:This process:DeprecationWarning"  # of Python 3.12, for whoever forks
    words = [sys.executable, "-W", quiet, "-c", PROGRAM, url, namespace, loop]
    done = subprocess.run(words, capture_output=True, text=True, timeout=40, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == [10, 0, 30, 0, 50, 0, 70, "waited"]
