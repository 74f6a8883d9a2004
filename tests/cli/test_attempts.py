"""How the runs of a task are shown."""

import math

from asynq.cli.attempts import attempts_table, attempts_told
from asynq.wire.attempts import Attempt

RETRIED = Attempt(
    started=0.0, seconds=1.5, worker="w@host", state="RETRY", error="KeyError: '\x1b[31m'"
)
AT_ONCE = Attempt(started=60.0, seconds=math.nan, state="SUCCESS")


def test_for_people_they_are_a_table_that_no_terminal_obeys():
    assert attempts_table([RETRIED, AT_ONCE]).splitlines() == [
        "STARTED              SECONDS  WORKER  STATE    ERROR",
        "1970-01-01 00:00:00  1.500    w@host  RETRY    KeyError: '\\u001b[31m'",
        "1970-01-01 00:01:00                   SUCCESS",
    ]


def test_for_programs_what_is_not_known_is_null():
    assert attempts_told([RETRIED, AT_ONCE]) == [
        {
            "started": "1970-01-01T00:00:00+00:00",
            "seconds": 1.5,
            "worker": "w@host",
            "state": "RETRY",
            "error": "KeyError: '\x1b[31m'",
        },
        {
            "started": "1970-01-01T00:01:00+00:00",
            "seconds": None,
            "worker": None,
            "state": "SUCCESS",
            "error": None,
        },
    ]
