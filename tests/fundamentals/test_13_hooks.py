"""Code of yours around tasks: hooks of a class, signals, middleware."""

import pytest

from asynq import Task
from asynq.middleware import Middleware
from asynq.signals import task_failure, task_success


class Audited(Task):
    """Notes what becomes of its runs; each hook may be `def` or `async def`."""

    def __init__(self):
        self.said = []

    async def before_start(self, task_id, args, kwargs):
        self.said.append(f"start {args}")

    def on_success(self, retval, task_id, args, kwargs):
        self.said.append(f"success {retval}")

    async def on_retry(self, exc, task_id, args, kwargs, einfo):
        self.said.append(f"retry {exc}")

    async def on_failure(self, exc, task_id, args, kwargs, einfo):
        self.said.append(f"failure {exc}")

    async def after_return(self, status, retval, task_id, args, kwargs, einfo):
        self.said.append(f"over {status}")


@pytest.fixture
def div(app):
    @app.task(base=Audited, bind=True, name="sums.div")
    async def div(self, x: int, y: int) -> float:
        try:
            return x / y
        except ZeroDivisionError as error:
            raise self.retry(exc=error, countdown=0, max_retries=1) from None

    return div


async def test_hooks_are_called_in_order(div, worker):
    await div.delay(8, 2).get(timeout=10)
    assert div.said == ["start (8, 2)", "success 4.0", "over SUCCESS"]


async def test_a_retry_is_not_the_end(div, worker):
    await div.delay(1, 0).get(timeout=10, propagate=False)
    assert div.said == [
        "start (1, 0)",
        "retry division by zero",
        "start (1, 0)",
        "failure division by zero",
        "over FAILURE",
    ]


async def test_an_error_in_a_hook_changes_nothing(app, worker, caplog):
    class Clumsy(Task):
        def on_success(self, retval, task_id, args, kwargs):
            raise LookupError("where did I put it?")

    @app.task(base=Clumsy)
    async def ping() -> str:
        return "pong"

    assert await ping.delay().get(timeout=10) == "pong"
    assert "where did I put it?" in caplog.text


async def test_signals_tell_who_wants_to_know(div, worker):
    told = []

    @task_success.connect(sender=div)
    async def well(sender, result, **named):
        told.append(result)

    @task_failure.connect(sender=div)
    def badly(sender, exception, **named):
        told.append(str(exception))

    try:
        await div.delay(8, 2).get(timeout=10)
        await div.delay(1, 0).get(timeout=10, propagate=False)
    finally:
        task_success.disconnect(well, sender=div)
        task_failure.disconnect(badly, sender=div)
    assert told == [4.0, "division by zero"]


async def test_middleware_wraps_every_call_and_every_run(app, worker):
    class Stamped(Middleware):
        async def publish(self, outgoing, proceed):
            outgoing.headers["stamp"] = f"from {outgoing.queue}"
            await proceed()

        async def execute(self, request, proceed):
            return f"{request.headers['stamp']}: {await proceed()}"

    app.middleware.append(Stamped())

    @app.task
    async def ping() -> str:
        return "pong"

    assert await ping.delay().get(timeout=10) == "from default: pong"
