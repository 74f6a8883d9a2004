"""Code for any app: it has none of its own."""

from asynq import shared_task


@shared_task
async def greet(name: str) -> str:
    return f"Hello, {name}!"
