"""Sends workflows of one system and waits for them, under that system's own interpreter.

    python -m benchmarks.canvas.drive SYSTEM KIND SIZES --count N --ready FILE [--alone]

SYSTEM is a module of `benchmarks.systems` with a `sender`; its worker runs elsewhere. It first runs
a few small workflows, so that both are warm, then makes FILE, and begins when FILE is gone. What
was measured is printed as one line of JSON, the last on stdout: `seconds` until all results are
here, `sending` until all are sent, and `cpu`, this process's own seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import inspect
import json
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from benchmarks.canvas.build import KINDS, expected
from benchmarks.drive import Clock, Figures, new_event_loop

WARM = (("chain", (5,)), ("chord", (10,)), ("group", (10,)), ("chords", (2, 3)))
PAUSE = 0.002


class WrongValueError(Exception):
    """A workflow has come to another value than it must."""


async def drive(sender: Any, kind: str, sizes: tuple[int, ...], options: argparse.Namespace) -> Any:
    """Send and wait, all at once or one after the other; what it took."""
    await _now(sender.open())
    for _ in range(3):
        for warm, few in WARM:
            await _round(sender, warm, few, 2)
    options.ready.touch()
    while options.ready.exists():
        await asyncio.sleep(PAUSE)
    sending = 0.0
    with Clock() as clock:
        for _ in range(options.count if options.alone else 1):
            sending += await _round(sender, kind, sizes, 1 if options.alone else options.count)
    figures: Figures = {**clock.figures(options.count), "sending": sending}
    await _now(sender.close())
    return figures


async def _round(sender: Any, kind: str, sizes: tuple[int, ...], count: int) -> float:
    """That many at once; the seconds until they were sent.

    Raises:
        WrongValueError: one was not run as it should.
    """
    began = time.perf_counter()
    handles = await _now(sender.send([sender.words.build(kind, sizes) for _ in range(count)]))
    sent = time.perf_counter() - began
    wanted = expected(kind, sizes)
    for value in await _now(sender.wait(handles)):
        if value != wanted:
            raise WrongValueError(f"{kind} {sizes}: {str(value)[:100]}, not {str(wanted)[:100]}")
    return sent


async def _now(answer: Any) -> Any:
    """What a call gives, awaited where the system's calls are coroutines."""
    return await answer if isinstance(answer, Awaitable) else answer


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.canvas.drive")
    parser.add_argument("system")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("sizes", help="as 10 or 5x10")
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--ready", type=Path, required=True)
    parser.add_argument("--alone", action="store_true", help="one after the other")
    return parser.parse_args()


def main() -> None:
    options = _options()
    sender = importlib.import_module(f"benchmarks.systems.{options.system}").sender
    sizes = tuple(int(size) for size in options.sizes.split("x"))
    # A loop of its own does not hurt calls that block: nothing else runs in it.
    factory = new_event_loop if inspect.iscoroutinefunction(sender.send) else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        print(json.dumps(runner.run(drive(sender, options.kind, sizes, options))), flush=True)


if __name__ == "__main__":
    main()
