"""What a handle can be asked, and what each question picks from what is known."""

from datetime import UTC, datetime

import pytest

from asynq.result.questions import Questions
from asynq.result.reading import UNKNOWN, Update
from asynq.wire.attempts import Attempt

ATTEMPT = Attempt(started=1.0, seconds=2.0, state="SUCCESS")
KNOWN = Update(
    state="SUCCESS",
    result=8,
    traceback="a stack",
    date_done=datetime(2026, 1, 1, tzinfo=UTC),
    retries=2,
    attempts=(ATTEMPT,),
    worker="w@here",
    name="proj.add",
    args="(4, 4)",
    kwargs="{}",
    queue="q",
)


class Handle(Questions):
    """Knows what it is given, and counts how often it looks."""

    def __init__(self, update):
        self.update, self.looks = update, 0

    async def _look(self):
        self.looks += 1
        return self.update


async def test_each_attribute_is_a_question_of_its_own():
    handle = Handle(KNOWN)
    asked = ("state", "status", "result", "info", "traceback", "date_done", "retries", "worker")
    for name in (*asked, "name", "args", "kwargs", "queue"):
        known = {"status": "state", "info": "result"}.get(name, name)
        assert await getattr(handle, name) == getattr(KNOWN, known)
    assert await handle.attempts == [ATTEMPT]
    assert handle.looks == len(asked) + 5


@pytest.mark.parametrize(
    ("update", "ready", "successful", "failed", "exists"),
    [
        (KNOWN, True, True, False, True),
        (Update(state="FAILURE"), True, False, True, True),
        (Update(state="REVOKED"), True, False, False, True),
        (Update(state="STARTED"), False, False, False, True),
        (UNKNOWN, False, False, False, False),
    ],
)
async def test_whether_it_is_over_and_how(update, ready, successful, failed, exists):
    handle = Handle(update)
    answers = [handle.ready(), handle.successful(), handle.failed(), handle.exists()]
    assert [await answer for answer in answers] == [ready, successful, failed, exists]


def test_a_question_is_no_answer():
    with pytest.raises(TypeError, match="await"):
        bool(Handle(KNOWN).ready())
    with pytest.raises(TypeError, match="await"):
        _ = Handle(KNOWN).state == "SUCCESS"
