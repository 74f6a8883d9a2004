"""Chains, chords, callbacks, and a task that is replaced: with a worker in the same process.

Run it: python -m examples.chains_and_chords
"""

import asyncio

from asynq import Asynq, ChordError, Worker, chain, chord, group

app = Asynq("chains-example")


@app.task
async def add(x: int, y: int) -> int:
    return x + y


@app.task
async def mul(x: int, y: int) -> int:
    return x * y


@app.task
async def xsum(values: list[int]) -> int:
    return sum(values)


@app.task
async def divide(x: int, y: int) -> float:
    return x / y


told = asyncio.Event()


@app.task
async def explain(request, error, traceback) -> None:
    print(f"errback: {request.task} can't run, {type(error).__name__}")
    told.set()


@app.task(bind=True)
async def total(self, numbers: list[int]) -> int:
    """The sum of many numbers: halves it until they are few."""
    if len(numbers) <= 2:
        return sum(numbers)
    half = len(numbers) // 2
    raise self.replace(chord([total.s(numbers[:half]), total.s(numbers[half:])], xsum.s()))


async def main() -> None:
    async with app, Worker(app):
        print("chain:", await chain(add.s(4, 4) | mul.s(8))().get())
        result = await (group(add.s(i, i) for i in range(10)) | xsum.s())()
        print("chord:", await result, "of", await result.parent)
        print("replaced:", await (total.s([1, 2, 3, 4, 5]) | mul.s(10))().get())
        failing = chord([add.s(1, 1), divide.s(1, 0)], xsum.s()).on_error(explain.s())
        result = await failing()
        await told.wait()
        try:
            await result
        except ChordError as error:
            print("ChordError, because of", repr(error.__cause__))
        lenient = chord([add.s(1, 1), divide.s(1, 0)], xsum.s(), errors="ignore")
        print("without those that failed:", await lenient().get())


if __name__ == "__main__":
    asyncio.run(main())
