"""Asking workers, and changing them meanwhile: ``python -m examples.remote_control``."""

import asyncio

from asynq import Asynq, Worker
from asynq.control import ControlState, inspect_command

app = Asynq("remote-control-example")
go_on = asyncio.Event()


@app.task
async def export(pages: int) -> str:
    await go_on.wait()
    return f"{pages} pages"


@inspect_command
async def waiting(state: ControlState) -> dict[str, int]:
    """How many tasks are in the queues that it serves."""
    return {queue: await state.app.broker.depth(queue) for queue in state.queues}


async def main() -> None:
    async with app:
        inspect = app.control.inspect()
        print(f"nobody there: {dict(await inspect.ping())}")

        async with Worker(app, hostname="one@here", concurrency=1, prefetch_multiplier=3) as worker:
            await worker.state.reached.wait()
            results = [await export.delay(pages) for pages in (1, 2, 3)]
            while len((await inspect.reserved())["one@here"]) < 2:
                await asyncio.sleep(0.01)

            [running] = (await inspect.active())["one@here"]
            print(f"runs: {running['name'].rpartition('.')[2]}{tuple(running['args'])}")
            print(f"with the others: {dict(await inspect.ask('waiting'))}")

            print(await app.control.pool_grow(2, reply=True))
            while len((await inspect.active())["one@here"]) < 3:
                await asyncio.sleep(0.01)
            print("all three run now")

            go_on.set()
            print([await result for result in results])


if __name__ == "__main__":
    asyncio.run(main())
