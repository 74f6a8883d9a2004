"""Calls the tasks of `proj`, and prints what they return."""

import asyncio

from proj.asynq import app
from proj.tasks import checksum, greet, greet_all


async def main() -> None:
    async with app:
        result = await greet.delay("Ada")  # the message is on the server now
        print(await result)

        print(await checksum.delay("hello").get(timeout=10))  # send and wait in one go

        print(await greet_all.delay(["Ada", "Grace", "Edsger"]).get(timeout=10))

        try:
            await greet.delay("4711").get(timeout=10)
        except ValueError as error:  # the task's own error, raised here
            print(f"nobody can be greeted: {error}")


if __name__ == "__main__":
    asyncio.run(main())
