"""A FastAPI service that has its worker inside, on the same event loop.

Run it with any ASGI server (``uvicorn examples.fastapi_app:api``), then::

    curl -X POST 'localhost:8000/reports?pages=20'        {"id": "…"}
    curl localhost:8000/reports/<id>                      {"state": "SUCCESS", "result": …}
    curl localhost:8000/reports/<id>/progress             a line of JSON for each page

For workers elsewhere, leave `Worker(app)` out of the lifespan and start them with
``asynq -A examples.fastapi_app worker``.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from asynq import Asynq, Task, Update, Worker

app = Asynq("reports", result_expires=3600)


class Report(BaseModel):
    pages: int = Field(ge=1)
    words: int


@app.task(bind=True)
async def write_report(self: Task, pages: int) -> Report:
    """Writes page after page, and says how far it is."""
    words = 0
    for page in range(pages):
        await self.update_state(state="PROGRESS", meta={"page": page, "of": pages})
        await asyncio.sleep(0.02)
        words += 250
    return Report(pages=pages, words=words)


@asynccontextmanager
async def lifespan(api: FastAPI) -> AsyncIterator[None]:
    async with app, Worker(app, concurrency=50):
        yield


api = FastAPI(lifespan=lifespan)


class Started(BaseModel):
    id: str


class Known(BaseModel):
    state: str
    result: Report | None = None
    error: str | None = None


@api.post("/reports", status_code=202)
async def start(pages: int) -> Started:
    result = await write_report.delay(pages)
    return Started(id=result.id)


@api.get("/reports/{id}")
async def look(id: str) -> Known:
    result = write_report.AsyncResult(id)
    if not await result.exists():
        raise HTTPException(404, "no such report, or it waits to be begun")
    if await result.failed():
        return Known(state=await result.state, error=str(await result.result))
    if await result.successful():
        return Known(state=await result.state, result=await result)
    return Known(state=await result.state)


@api.get("/reports/{id}/progress")
async def progress(id: str) -> StreamingResponse:
    """Every state until the last, as it happens."""

    async def lines() -> AsyncIterator[str]:
        async for update in write_report.AsyncResult(id).updates():
            yield json.dumps({"state": update.state, "info": shown(update)}) + "\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson")


def shown(update: Update) -> object:
    match update.info:
        case Report() as report:
            return report.model_dump()
        case Exception() as error:
            return str(error)
        case other:
            return other
