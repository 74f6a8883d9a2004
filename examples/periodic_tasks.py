"""Tasks that are called again and again: ``python -m examples.periodic_tasks``."""

import asyncio

from asynq import Asynq, Beat, Worker, crontab

app = Asynq("periodic-example", timezone="Europe/Berlin")
called = asyncio.Queue[str]()


@app.task
async def tick(what: str) -> None:
    await called.put(what)


app.conf.beat_schedule = {
    "report": {
        "task": "periodic-example.tick",
        "schedule": crontab(hour=9, minute=0, day_of_week="mon-fri"),
        "args": ("the morning's report",),
    },
}


@app.on_after_configure.connect
def set_up(sender, **kwargs):
    sender.add_periodic_task(0.2, tick.s("every fifth of a second"), name="quick")


async def main() -> None:
    # Two beats: each slot is called once all the same.
    async with app, Worker(app), Beat(app), Beat(app):
        print(await called.get())
        print(await called.get())

        await app.schedules.pause("quick")
        await app.schedules.add("added", 0.3, "periodic-example.tick", ["added at run time"])
        while await called.get() != "added at run time":
            pass
        print("added at run time")
        await app.schedules.remove("added")

        await (await app.schedules.run_now("report")).get()
        for each in await app.schedules.list():
            print(f"{each.name}: {each.schedule}{', paused' if each.paused else ''}")


if __name__ == "__main__":
    asyncio.run(main())
