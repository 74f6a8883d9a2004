from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import pytest

from asynq.exceptions import ImproperlyConfigured, OptionValueError
from asynq.options import (
    Call,
    check_limits,
    is_task_option,
    read_call_options,
    read_task_options,
)


def test_options_come_back_in_one_form():
    read = read_task_options(
        {"throws": KeyError, "result_expires": timedelta(minutes=1), "queue": "slow"}, "x"
    )
    assert read == {"throws": (KeyError,), "result_expires": 60.0, "queue": "slow"}


def test_none_means_not_given_except_where_it_means_for_ever():
    assert read_task_options({"queue": None, "compression": None}, "x") == {}
    assert read_task_options({"result_expires": None}, "x") == {"result_expires": None}
    assert read_task_options({"result_expires": 0}, "x") == {"result_expires": None}


def test_a_misspelt_option_is_told_the_right_name():
    with pytest.raises(TypeError, match=r"no option 'countdwon'; did you mean 'countdown'\?"):
        read_call_options({"countdwon": 3}, "proj.add.apply_async()")


@pytest.mark.parametrize("option", ["compression", "trail", "send_events"])
def test_a_task_option_of_a_later_release_is_not_ignored(option):
    with pytest.raises(NotImplementedError, match=f"x: the option '{option}' is not in this"):
        read_task_options({option: 3}, "x")


@pytest.mark.parametrize("reader", [check_limits, read_call_options])
@pytest.mark.parametrize("hard", [5.0, 9.0])
def test_a_soft_limit_comes_before_the_hard_one(reader, hard):
    with pytest.raises(OptionValueError, match=r"x: soft_time_limit \(9 s\) must be below time_l"):
        reader({"soft_time_limit": 9.0, "time_limit": hard}, "x")
    reader({"soft_time_limit": 9.0, "time_limit": 10.0}, "x")
    reader({"soft_time_limit": 9.0, "time_limit": 0.0}, "x")  # no hard one


def test_endless_retries_are_an_option_too():
    assert read_task_options({"max_retries": None}, "x") == {"max_retries": None}


@pytest.mark.parametrize("option", ["compression", "chord", "retry_policy"])
def test_a_call_option_of_a_later_release_is_not_ignored(option):
    with pytest.raises(NotImplementedError, match=f"'{option}'"):
        read_call_options({option: 3}, "x")


@pytest.mark.parametrize(
    ("reader", "option"), [(read_task_options, "pydantic"), (read_call_options, "retry")]
)
def test_what_can_only_be_on_says_so(reader, option):
    assert reader({option: True}, "x")
    with pytest.raises(NotImplementedError, match=f"{option}=False"):
        reader({option: False}, "x")


def test_an_option_without_meaning_says_what_to_do_instead():
    with pytest.raises(TypeError, match=r"no option 'exchange': .*say queue="):
        read_call_options({"exchange": "x"}, "x")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("countdown", "3"),
        ("countdown", True),
        ("eta", 5),
        ("priority", "9"),
        ("queue", 5),
        ("task_id", 5),
        ("headers", ["a"]),
        ("headers", {1: "a"}),
        ("ignore_result", 1),
        ("shadow", 3),
    ],
)
def test_a_value_of_the_wrong_type_is_a_type_error(option, value):
    with pytest.raises(TypeError, match=f"x: {option}: expected .*, got ") as caught:
        read_call_options({option: value}, "x")
    assert isinstance(caught.value, ImproperlyConfigured)
    assert not isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("countdown", float("nan")),
        ("eta", "tomorrow"),
        ("priority", 10),
        ("queue", "a b"),
        ("task_id", ""),
        ("task_id", "a\nb"),
        ("task_id", "x" * 201),
        ("publish_timeout", 0),
        ("shadow", "two\nlines"),
        ("root_id", "x" * 201),
    ],
)
def test_a_value_that_may_not_be_is_a_value_error(option, value):
    with pytest.raises(ValueError, match=f"x: {option}: .*expected ") as caught:
        read_call_options({option: value}, "x")
    assert isinstance(caught.value, ImproperlyConfigured)
    assert not isinstance(caught.value, TypeError)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("countdown", 365 * 86400 + 1),
        ("countdown", timedelta(days=366)),
        ("eta", datetime.now(UTC) + timedelta(days=367)),
        ("eta", "9000-01-01T00:00:00"),
        ("eta", datetime.max),
        ("eta", datetime.max.replace(tzinfo=timezone(-timedelta(hours=12)))),
    ],
)
def test_a_call_can_be_put_off_for_a_year_and_no_further(option, value):
    with pytest.raises(OptionValueError, match=f"x: {option}: expected .* more than 365 days"):
        read_call_options({option: value}, "x")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("countdown", 365 * 86400),
        ("eta", datetime.now(UTC) + timedelta(days=365)),
        ("eta", datetime.min),
        ("expires", timedelta(days=1000)),
    ],
)
def test_what_is_not_further_off_may_be(option, value):
    assert getattr(read_call_options({option: value}, "x"), option) is not None


@pytest.mark.parametrize(
    ("option", "value", "error"),
    [
        ("pool", "fork", ValueError),
        ("pool", object(), TypeError),
        ("throws", "KeyError", TypeError),
        ("throws", (1,), TypeError),
        ("typing", 1, TypeError),
        ("priority", -1, ValueError),
    ],
)
def test_a_task_options_value_of_the_wrong_kind_is_refused(option, value, error):
    with pytest.raises(error, match=f"x: {option}: expected .*, got "):
        read_task_options({option: value}, "x")


def test_call_options_are_read():
    id, eta = uuid4(), datetime(2020, 1, 2, tzinfo=UTC)
    call = read_call_options(
        {"task_id": id, "countdown": timedelta(seconds=-3), "eta": eta.isoformat()}, "x"
    )
    assert call == Call(task_id=str(id), countdown=0.0, eta=eta)


def test_options_of_later_releases_are_known_as_options():
    assert is_task_option("queue")
    assert is_task_option("max_retries")
    assert not is_task_option("run")
