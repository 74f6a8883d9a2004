"""The face is a list, and this holds it."""

import asynq


def test_the_public_names_are_these():
    assert asynq.__all__ == [
        "AsyncResult",
        "Asynq",
        "AsynqError",
        "Attempt",
        "Beat",
        "ChordError",
        "DeadLetter",
        "EagerResult",
        "GroupResult",
        "Ignore",
        "MaxRetriesExceededError",
        "Middleware",
        "Queue",
        "Reject",
        "Request",
        "ResultLost",
        "Retry",
        "Signature",
        "SoftTimeLimitExceeded",
        "Submission",
        "Task",
        "TaskRevokedError",
        "TimeLimitExceeded",
        "Update",
        "Worker",
        "chain",
        "chord",
        "chunks",
        "crontab",
        "current_app",
        "current_task",
        "exceptions",
        "get_current_app",
        "group",
        "register_exception",
        "register_serializer",
        "run",
        "schedule",
        "shared_task",
        "signals",
        "signature",
        "solar",
        "xmap",
        "xstarmap",
    ]


def test_every_public_name_is_there():
    for name in asynq.__all__:
        assert getattr(asynq, name).__doc__ or name.startswith("current_"), name
    assert set(asynq.__all__) <= set(dir(asynq))


def test_another_name_is_not():
    assert not hasattr(asynq, "Celery")
