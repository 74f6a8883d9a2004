"""Tasks at the top level of a module, where another process finds them."""

from asynq import Asynq, Task, shared_task

app = Asynq("proj", broker="memory://", set_as_current=False)


@app.task(pool="process")
def cube(x):
    return x**3


def plain(x):
    return x


renamed = app.task(plain, name="proj.other")


@shared_task(name="importable.share")
def share(x):
    return x


class Report(Task):
    def run(self, month):
        return f"report {month}"


report = app.register_task(Report())
