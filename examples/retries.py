"""Tasks that are tried again: ``python -m examples.retries``.

The worker runs in this program, on the embedded server; everywhere else it is a process of its own.
"""

import asyncio
import itertools

from asynq import Asynq, Task, Worker

app = Asynq("retries-example")
calls = itertools.count(1)


class OverloadedError(Exception):
    """What the weather service says when too many ask."""


async def ask_the_weather(city: str) -> str:
    if next(calls) % 3:
        raise OverloadedError("try again later")
    return f"{city} is sunny"


@app.task(autoretry_for=(OverloadedError,), retry_backoff=0.05, max_retries=5)
async def weather(city: str) -> str:
    """Retried by what stands above it: up to 0.05 seconds later, then up to 0.1, and so on."""
    return await ask_the_weather(city)


@app.task(bind=True, max_retries=1)
async def forecast(self: Task, city: str) -> str:
    """Retried by hand, once, and with another argument."""
    if city == "Atlantis":
        raise self.retry(args=["Athens"], exc=LookupError(city), countdown=0.05)
    return f"{city} will be rainy"


@app.task(bind=True, max_retries=1)
async def hopeless(self: Task) -> None:
    raise self.retry(exc=LookupError("nobody knows"), countdown=0)


async def main() -> None:
    async with app, Worker(app):
        result = await weather.delay("Paris")
        print(await result)
        for attempt in await result.attempts:
            print(f"  {attempt.state}: {attempt.error or 'well'}")

        print(await forecast.delay("Atlantis").get())

        error = await hopeless.delay().get(propagate=False)
        print(f"given up: {error!r}")


if __name__ == "__main__":
    asyncio.run(main())
