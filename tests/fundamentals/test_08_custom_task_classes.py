"""A class of your own, for one task or for all of an app."""

from asynq import Task


class DebugTask(Task):
    said: list[str]

    def __init__(self):
        self.said = []

    def __call__(self, *args, **kwargs):
        self.said.append(f"TASK STARTING: {self.name}[{self.request.id}]")
        return self.run(*args, **kwargs)


async def test_a_base_class_sees_every_run(app, worker):
    @app.task(base=DebugTask, name="sums.add")
    async def add(x: int, y: int) -> int:
        return x + y

    result = await add.delay(4, 4)
    assert await result.get(timeout=10) == 8
    assert add.said == [f"TASK STARTING: sums.add[{result.id}]"]


async def test_it_can_be_the_class_of_all_tasks(app, worker):
    app.Task = DebugTask

    @app.task
    def add(x: int, y: int) -> int:
        return x + y

    assert await add.delay(4, 4).get(timeout=10) == 8
    assert len(add.said) == 1


async def test_a_class_with_a_run_of_its_own_is_a_task(app, worker):
    class Add(Task):
        name = "sums.add"

        async def run(self, x: int, y: int) -> int:
            return x + y

    add = app.register_task(Add())
    assert await add.delay(4, 4).get(timeout=10) == 8
