"""Whether, when and how a task runs again."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from asynq._time import time
from asynq.exceptions import (
    EncodeError,
    Ignore,
    ImproperlyConfigured,
    MaxRetriesExceededError,
    Reject,
    Retry,
)
from asynq.execution.outcome import Retrying
from asynq.execution.retries import Policy, asked, decide, next_message, refused
from asynq.request import Request
from asynq.wire.arguments import Parameters
from asynq.wire.attempts import Attempt
from asynq.wire.failures import Failure
from asynq.wire.message import Message

NOON = datetime(2030, 1, 1, 12)


def request(retries=0, began=None):
    attempts = () if began is None else (Attempt(started=began, seconds=1, state="RETRY"),)
    return Request(
        id="7", task="proj.add", args=[1, 2], kwargs={"z": 3}, retries=retries, attempts=attempts
    )


# How often


@pytest.mark.parametrize(
    ("policy", "retries", "allowed"),
    [
        (Policy(), 2, True),
        (Policy(), 3, False),
        (Policy(max_retries=0), 0, False),
        (Policy(max_retries=None), 1_000_000, True),
    ],
)
def test_a_task_may_be_retried_so_often(policy, retries, allowed):
    assert policy.allows(request(retries)) is allowed


def test_a_call_of_retry_may_say_another_number():
    assert Policy(max_retries=3).allows(request(4), 5)
    assert not Policy(max_retries=3).allows(request(1), 1)
    assert Policy(max_retries=3).allows(request(9), None)


def test_a_deadline_from_the_first_run_stands_in_place_of_the_number():
    policy = Policy(max_retries=1, retry_for=60)
    assert policy.allows(request())
    assert policy.allows(request(100, began=time() - 50))
    assert not policy.allows(request(1, began=time() - 61))
    assert not policy.allows(request(2, began=time() - 50), 2)  # unless a number is asked for


def test_who_may_not_be_retried_gets_its_own_error_back():
    error = ValueError("why")
    asking = request(3)
    assert refused(asking, error) is error
    assert asking.spent is error


def test_without_an_error_it_gets_one_that_names_the_call():
    error = refused(request(3), None)
    assert isinstance(error, MaxRetriesExceededError)
    assert str(error) == "Can't retry proj.add[7]: no retry is left, it has had 3"


def test_no_argument_is_in_its_text_because_errors_are_logged():
    asking = request(3)
    asking.args, asking.kwargs = ["secret"], {"card": "secret"}
    assert "secret" not in str(refused(asking, None))


# When, if the task asks for it


def test_a_retry_that_says_nothing_comes_after_the_default_delay():
    again = asked(Retry(), request(), Policy())
    assert (again.delay, again.due) == (180.0, None)


@pytest.mark.parametrize(
    ("when", "delay"), [(5, 5.0), (0, 0.0), (-3, 0.0), (timedelta(minutes=1), 60.0)]
)
def test_when_is_a_number_of_seconds(when, delay):
    again = asked(Retry(when=when), request(), Policy())
    assert (again.delay, again.due) == (delay, None)


@pytest.mark.parametrize(
    ("zone", "hour"), [(UTC, 12), (ZoneInfo("Europe/Paris"), 11), (ZoneInfo("Asia/Tokyo"), 3)]
)
def test_when_is_a_moment_in_the_apps_zone(zone, hour):
    again = asked(Retry(when=datetime(2020, 1, 1, 12)), request(), Policy(zone=zone))
    assert again.due == datetime(2020, 1, 1, hour, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("when", ["soon", float("nan"), True, object()])
def test_when_must_make_sense(when):
    with pytest.raises(ImproperlyConfigured, match="Retry"):
        asked(Retry(when=when), request(), Policy())


def test_the_reason_of_a_retry_is_what_it_is_for():
    error = ValueError("why")
    again = asked(Retry(exc=error), request(), Policy())
    assert again.error is error
    assert again.failure.type == "builtins.ValueError"
    bare = Retry("because")
    assert asked(bare, request(), Policy()).error is bare


def test_a_retry_raised_by_hand_is_counted_like_any_other():
    with pytest.raises(MaxRetriesExceededError):
        raise asked_or_error(Retry(), request(3), Policy())
    error = ValueError("why")
    assert asked_or_error(Retry(exc=error), request(3), Policy()) is error


def asked_or_error(retry, request, policy):
    try:
        return asked(retry, request, policy)
    except Exception as error:
        return error


def test_a_retry_raised_by_hand_may_change_what_apply_async_takes_and_no_more():
    changes = {"args": (5,), "priority": 9, "expires": 60, "result_expires": None}
    before = time()
    again = asked(Retry(changes=changes), request(), Policy())
    assert again.changes["args"] == [5]
    assert again.changes["priority"] == 9
    assert before + 60 <= again.changes["expires"] <= time() + 60
    assert again.changes["result_expires"] == 0.0
    with pytest.raises(TypeError, match=r"proj\.add\.retry\(\): there is no option 'task_id'"):
        asked(Retry(changes={"task_id": "8"}), request(), Policy())


# When, if an error is retried by itself


AUTO = Policy(autoretry_for=(OSError, KeyError), dont_autoretry_for=(ConnectionError,))


def test_errors_that_are_named_are_retried():
    error = OSError("disk")
    again = decide(error, request(), AUTO)
    assert (again.error, again.delay) == (error, 180.0)


@pytest.mark.parametrize("error", [ValueError(), ConnectionError(), ConnectionResetError()])
def test_others_are_not(error):
    assert decide(error, request(), AUTO) is None


@pytest.mark.parametrize("error", [Ignore(), Reject(), Retry()])
def test_what_a_task_says_with_an_error_is_never_retried(error):
    assert decide(error, request(), Policy(autoretry_for=(Exception,))) is None


def test_an_error_is_retried_so_often_and_no_more():
    assert decide(KeyError(), request(2), AUTO) is not None
    assert decide(KeyError(), request(3), AUTO) is None


def test_an_error_that_retry_gave_back_has_had_its_chances():
    policy = Policy(autoretry_for=(ValueError,), max_retries=5)
    asking = request(1)
    error = refused(asking, ValueError("its retry() had max_retries=1"))
    assert decide(error, asking, policy) is None
    assert decide(ValueError("another"), asking, policy) is not None


def test_retry_kwargs_say_how():
    policy = Policy(
        autoretry_for=(KeyError,), changes={"max_retries": 5, "countdown": 7.0, "queue": "slow"}
    )
    again = decide(KeyError(), request(4), policy)
    assert (again.delay, dict(again.changes)) == (7.0, {"queue": "slow"})
    assert decide(KeyError(), request(5), policy) is None
    assert policy.changes["max_retries"] == 5  # what all runs share is not changed


def test_retry_kwargs_may_name_a_moment():
    policy = Policy(autoretry_for=(KeyError,), changes={"eta": NOON.replace(tzinfo=UTC)})
    assert decide(KeyError(), request(), policy).due == NOON.replace(tzinfo=UTC).timestamp()


def test_a_backoff_doubles_up_to_its_most():
    policy = Policy(autoretry_for=(KeyError,), backoff=2, backoff_max=20, jitter=False)
    delays = [decide(KeyError(), request(n), policy).delay for n in range(3)]
    assert delays == [2, 4, 8]
    unlimited = Policy(backoff=2, backoff_max=20, jitter=False)
    assert [unlimited.pause(n) for n in (3, 4, 5, 10_000)] == [16, 20, 20, 20]


def test_a_backoff_stands_over_a_countdown():
    policy = Policy(
        autoretry_for=(KeyError,), backoff=2, jitter=False, changes={"countdown": 100.0}
    )
    assert decide(KeyError(), request(), policy).delay == 2


def test_jitter_takes_any_part_of_the_backoff():
    policy = Policy(backoff=8, backoff_max=600)
    delays = [policy.pause(2) for _ in range(500)]
    assert all(0 <= delay <= 32 for delay in delays)
    assert min(delays) < 6
    assert max(delays) > 26
    assert len(set(delays)) > 400


# The message


MESSAGE = Message(
    task="proj.add",
    args=Parameters(lambda x, y: None, name="x").encode([1, 2], {})[0],
    kwargs=Parameters(lambda z: None, name="x").encode([], {"z": 3})[1],
    retries=1,
    priority=3,
    reply_to="r",
    root_id="root",
    parent_id="parent",
    eta=1.0,
    expires=5e9,
    time_limit=9.0,
    unknown_since=4.0,
    headers={"own": 1},
)
TASK = SimpleNamespace(parameters=Parameters(lambda x, y=0, z=0: None, name="proj.add"))


def again(delay=0.0, due=None, **changes):
    error = ValueError()
    return Retrying(error, Failure.of(error), delay=delay, due=due, changes=changes)


def test_the_next_message_is_the_same_and_one_retry_more():
    got, delay, due = next_message(MESSAGE, request(), again(delay=30.0), TASK, 1000.0)
    assert (delay, due) == (30.0, None)
    assert (got.retries, got.eta, got.unknown_since) == (2, 1030.0, None)
    kept = ("task", "args", "kwargs", "priority", "reply_to", "root_id", "parent_id", "expires")
    for name in (*kept, "time_limit", "headers"):
        assert getattr(got, name) == getattr(MESSAGE, name), name


def test_the_next_message_knows_the_moment_it_waits_for():
    got, _, due = next_message(MESSAGE, request(), again(due=2000.0), TASK, 1000.0)
    assert (got.eta, due) == (2000.0, 2000.0)
    assert next_message(MESSAGE, request(), again(), TASK, 1000.0)[0].eta is None


def test_what_the_retry_changes_is_changed():
    changes = {"priority": 9, "expires": 7.0, "soft_time_limit": 2.0, "headers": {"new": 2}}
    got, _, _ = next_message(MESSAGE, request(), again(**changes), TASK, 0.0)
    assert {name: getattr(got, name) for name in changes} == changes


@pytest.mark.parametrize("serializer", ["json", "msgpack", "pickle"])
@pytest.mark.parametrize(
    ("changes", "args", "kwargs"),
    [
        ({"args": [5]}, [5], {"z": 3}),
        ({"kwargs": {"y": 6}}, [1, 2], {"y": 6}),
        ({"args": (), "kwargs": {}}, [], {}),
        ({"queue": "other"}, [1, 2], {"z": 3}),
    ],
)
def test_other_arguments_are_written_as_the_first_were(serializer, changes, args, kwargs):
    encoded = TASK.parameters.encode([1, 2], {"z": 3}, serializer)
    message = Message(task="proj.add", args=encoded[0], kwargs=encoded[1], content=encoded[2])
    got, _, _ = next_message(message, request(), again(**changes), TASK, 0.0)
    assert got.content == message.content
    got_args, got_kwargs = TASK.parameters.decode(got)
    assert (list(got_args), dict(got_kwargs)) == (args, kwargs)


def test_arguments_that_can_not_be_written_are_an_encode_error():
    with pytest.raises(EncodeError):
        next_message(MESSAGE, request(), again(args=[object()]), TASK, 0.0)
