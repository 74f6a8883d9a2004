"""Tasks that shall not run, or not go on: ``python -m examples.revoking``."""

import asyncio

from asynq import Asynq, TaskRevokedError, Worker

app = Asynq("revoking-example")
started = asyncio.Event()


@app.task
async def newsletter(readers: int) -> str:
    return f"sent to {readers} readers"


@app.task
async def export() -> None:
    started.set()
    try:
        await asyncio.sleep(3600)
    finally:
        print("  (the export cleans up)")


async def main() -> None:
    async with app:
        unwanted = await newsletter.delay(1000)
        await unwanted.revoke()  # before any worker runs; the server remembers it

        async with Worker(app):
            try:
                await unwanted
            except TaskRevokedError as error:
                print(f"the newsletter: {error}")

            for reader in ("acme", "other"):
                await newsletter.apply_async((1,), headers={"customer": reader}, countdown=3600)
            await app.control.revoke_by_stamped_headers({"customer": "acme"})  # when it is due

            running = await export.delay()
            await started.wait()
            await running.revoke(terminate=True)
            print(f"the export: {await running.get(propagate=False)}")

            later = await newsletter.apply_async((10,), countdown=3600)
            await later.reschedule(countdown=0)
            print(await later)

            expired = await newsletter.apply_async((10,), countdown=0.2, expires=0.1)
            print(f"too late: {await expired.get(propagate=False)}")


if __name__ == "__main__":
    asyncio.run(main())
