"""Events as lines, in Celery's form."""

from asynq.events.dumper import KNOWN, Dumper

WHEN = {"hostname": "w@here", "timestamp": 1796010725.5}
MOMENT = "w@here [2026-11-30 03:52:05.500000+00:00]"


def event(type, **fields):
    return {"type": type, **WHEN, **fields}


def test_a_call_is_shown_as_celery_shows_it():
    line = Dumper().line(
        event("task-received", uuid="1", name="t", args="(1, 1)", kwargs="{}", clock=7, retries=0)
    )
    assert line == f"{MOMENT} task received: t(1) args=(1, 1) kwargs={{}} clock=7, retries=0"


def test_later_events_show_the_call_too_as_far_as_it_is_known():
    dumper = Dumper()
    dumper.line(event("task-sent", uuid="1", name="t", args="(1,)", kwargs="{}"))
    ended = event("task-succeeded", uuid="1", name="t", result="8", runtime=0.5)
    assert dumper.line(ended) == (
        f"{MOMENT} task succeeded: t(1) args=(1,) kwargs={{}} result=8, runtime=0.5"
    )
    ended["uuid"] = "2"
    assert dumper.line(ended) == f"{MOMENT} task succeeded: t(2) result=8, runtime=0.5"


def test_workers_start_beat_and_shut_down():
    dumper = Dumper()
    for type, words in (
        ("worker-online", "started"),
        ("worker-heartbeat", "heartbeat"),
        ("worker-offline", "shutdown"),
    ):
        assert (
            dumper.line(event(type, active=1, freq=2.0)) == f"{MOMENT} {words}: active=1, freq=2.0"
        )
    assert dumper.line(event("my-event")) == f"{MOMENT} my event"


def test_a_line_is_one_line_and_can_not_act_on_a_terminal():
    line = Dumper().line(
        event("task-failed", uuid="1", name="t\x1b[2J", exception="x", traceback="a\n  b\n")
    )
    assert line == (f"{MOMENT} task failed: t\\u001b[2J(1) exception=x, traceback=a\\n  b")


def test_so_many_calls_are_remembered():
    dumper = Dumper()
    for number in range(KNOWN + 10):
        dumper.line(event("task-sent", uuid=str(number), name="t", args="()", kwargs="{}"))
    assert "args" not in dumper.line(event("task-started", uuid="0", name="t"))
    assert "args" in dumper.line(event("task-started", uuid="100", name="t"))
