"""What could not be run, and runs after all: ``python -m examples.dead_letters``."""

import asyncio

from asynq import Asynq, Reject, Worker

app = Asynq("dead-letters-example")
in_stock = {"book": 1}


@app.task(name="shop.ship")
async def ship(item: str) -> str:
    if not in_stock.get(item):
        raise Reject(f"no {item} in stock")
    in_stock[item] -= 1
    return f"shipped a {item}"


async def main() -> None:
    async with app, Worker(app):
        book, lamp = await ship.delay("book"), await ship.delay("lamp")
        print(await book)
        await lamp.get(propagate=False)

        async for letter in app.dead.letters():
            args, _ = letter.arguments()
            print(f"put aside: {letter.task}{tuple(args)}, {letter.reason}")

        in_stock["lamp"] = 1
        print(f"sent back: {await app.dead.retry_all()}")
        print(await app.AsyncResult(lamp.id))  # `lamp` has seen the end, and remembers it
        print(f"left: {await app.dead.count()}")


if __name__ == "__main__":
    asyncio.run(main())
