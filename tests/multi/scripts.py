"""Small programs that stand in for workers: they hold a pidfile and tell their stages."""

import sys
from pathlib import Path

from asynq.multi.background import Launch

WORKER = """
import os, pathlib, signal, sys, time
from asynq.multi.pidfile import hold
from asynq.multi.stages import Stages
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
stages = Stages()
hold(pathlib.Path(sys.argv[1]))
print("says something", flush=True)
{then}
time.sleep(60)
"""
READY = "stages.loaded(); stages.ready()"


def launch_of(directory: Path, name: str = "w1@h", then: str = READY, processes: int = 1) -> Launch:
    """What starts such a program, with its files in the directory."""
    short = name.partition("@")[0]
    pidfile = directory / "run" / f"{short}.pid"
    command = [sys.executable, "-c", WORKER.format(then=then), str(pidfile)]
    return Launch(
        name=name,
        command=command,
        pidfile=pidfile,
        logfile=directory / "log" / f"{short}.log",
        processes=processes,
    )
