"""Calls as data, and several at once: ``python -m examples.signatures_and_groups``."""

import asyncio
import json

from asynq import Asynq, Worker, group, signature

app = Asynq("signatures-example")


@app.task
async def add(x: int, y: int) -> int:
    return x + y


@app.task
def thumbnail(picture: str, width: int = 100) -> str:
    return f"{picture}@{width}"


async def main() -> None:
    async with app, Worker(app):
        partial = add.s(2)
        print(partial, "called with 8 gives", await partial.delay(8).get())

        kept = json.dumps(thumbnail.signature(kwargs={"width": 200}, priority=9).to_dict())
        print(await signature(json.loads(kept)).delay("cat.png").get())

        sums = await group(add.s(i, i) for i in range(10))()
        print(await sums, "from", len(sums), "tasks")

        pictures = await group(thumbnail.s(name) for name in ("a.png", "b.png"))()
        ready = [await member async for member in pictures.iter()]  # as they end
        print("made", sorted(ready))


if __name__ == "__main__":
    asyncio.run(main())
