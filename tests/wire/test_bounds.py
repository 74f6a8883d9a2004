"""What comes from outside stays within bounds that Python can work with."""

from datetime import UTC, datetime

import pytest
from msgspec import ValidationError, convert

from asynq._time import from_timestamp
from asynq.wire.bounds import LONGEST, Count, Milliseconds, Moment, Name, Seconds

FIRST = datetime(1, 1, 1, tzinfo=UTC).timestamp()
LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("moment", [FIRST, 0.0, LAST])
def test_every_moment_within_them_is_a_date(moment):
    assert from_timestamp(convert(moment, Moment)).timestamp() == moment
    milliseconds = convert(round(moment * 1000), Milliseconds)
    assert from_timestamp(milliseconds / 1000).timestamp() == moment


@pytest.mark.parametrize(
    ("value", "bounded"),
    [
        (FIRST - 1, Moment),
        (LAST + 1, Moment),
        (float("nan"), Moment),
        (round((LAST + 1) * 1000), Milliseconds),
        (-1.0, Seconds),
        (float("inf"), Seconds),
        (-1, Count),
        (2**31, Count),
        ("x" * (LONGEST + 1), Name),
    ],
)
def test_what_lies_beyond_is_refused(value, bounded):
    with pytest.raises(ValidationError):
        convert(value, bounded)
