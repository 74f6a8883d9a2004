from __future__ import annotations

import errno
import socket
import ssl

import hiredis
import pytest

from asynq._redis.errors import (
    DISCONNECTED,
    CrowdedError,
    FatalError,
    NotNowError,
    Refused,
    SilentError,
    explain,
    kind_of,
    passes,
)
from asynq.exceptions import BrokerFull, BrokerRefused, ImproperlyConfigured, OperationalError

URL = "redis://me:********@h:1"


@pytest.mark.parametrize(
    "error",
    [
        ConnectionError(),
        SilentError(),
        NotNowError(),
        CrowdedError(),
        ssl.SSLError(),
        socket.gaierror(),
        hiredis.ProtocolError(),
        ConnectionResetError(),
        BrokenPipeError(),
        TimeoutError(),
        EOFError(),
    ],
)
def test_each_way_to_lose_a_connection_is_one_of_them(error: Exception):
    assert isinstance(error, DISCONNECTED)


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (Refused("OOM command not allowed"), "OOM"),
        (NotNowError("LOADING Redis is loading"), "LOADING"),
        (Refused("NOGROUP No such key"), "NOGROUP"),
        (Refused("ERR ACL failure in script: User me has no permissions"), "NOPERM"),
        (Refused("ERR The user executing the script can't run this command"), "NOPERM"),
        (ConnectionError("LOADING"), ""),
        (Refused("no such thing"), ""),
        (ValueError("OOM"), ""),
    ],
)
def test_an_error_reply_is_known_by_its_first_word(error: Exception, word: str):
    assert kind_of(error) == word


def test_a_full_server_is_a_full_broker():
    assert isinstance(explain(Refused("OOM command not allowed"), URL), BrokerFull)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Refused("NOAUTH Authentication required."), "asks for a password"),
        (Refused("WRONGPASS invalid"), "refuses the user name or the password"),
        (Refused("NOPERM this user"), "may not do this"),
        (Refused("MISCONF Redis is configured"), "can't write to its disk"),
        (Refused("WRONGTYPE Operation"), "choose another namespace"),
        (Refused("ERR odd"), "refused it: ERR odd"),
        (OSError(errno.ECONNREFUSED, "Connection refused"), "can't reach " + URL),
        (TimeoutError(), "no answer"),
        (None, "no answer"),
        (FatalError("too old"), "too old"),
    ],
)
def test_what_happened_is_said_with_the_server_it_happened_at(error: Exception | None, words: str):
    assert words in str(explain(error, URL, doing="publish"))


@pytest.mark.parametrize(
    "error",
    [FatalError("too old"), Refused("WRONGPASS no"), Refused("NOAUTH no"), Refused("NOPERM no")],
)
def test_what_no_retry_mends_is_told_apart(error: Exception):
    assert isinstance(explain(error, URL), BrokerRefused)


@pytest.mark.parametrize(
    "error",
    [None, ConnectionRefusedError(), Refused("LOADING data"), Refused("OOM"), TimeoutError()],
)
def test_what_may_pass_is_no_refusal(error: Exception | None):
    assert not isinstance(explain(error, URL), BrokerRefused)


def test_what_was_tried_and_for_how_long_is_said():
    text = str(explain(OSError(111, "Connection refused"), URL, doing="publish", seconds=9.98))
    assert text == f"can't publish: can't reach {URL}: Connection refused (tried for 10.0 s)"


def test_an_error_that_is_ours_already_stays_as_it_is():
    error = OperationalError("closed")
    assert explain(error, URL) is error


def test_a_mistake_of_ours_stays_what_it_is():
    error = ImproperlyConfigured("no server program")
    assert explain(error, URL, doing="publish", seconds=1.0) is error


def test_what_passes_is_known():
    assert passes(Refused("LOADING Redis is loading"))
    assert not passes(Refused("ERR no"))
