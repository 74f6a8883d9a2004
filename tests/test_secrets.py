"""Passwords and secrets never reach a text that people read."""

from __future__ import annotations

import pytest

from asynq._secrets import MASK, censor, censor_urls, hide_password, is_secret


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://localhost:6379/0", "redis://localhost:6379/0"),
        ("redis://user@host:6379/0", "redis://user@host:6379/0"),
        ("redis://:hush@host/0", f"redis://:{MASK}@host/0"),
        ("rediss://user:hush@host:6380/1?x=1", f"rediss://user:{MASK}@host:6380/1?x=1"),
        ("redis://user:hu@sh@host/0", f"redis://user:{MASK}@host/0"),
        ("redis://user:hu/sh@host/0", f"redis://user:{MASK}@host/0"),
        ("redis://user:hu:sh@host/0", f"redis://user:{MASK}@host/0"),
        ("redis://me@corp.example:hush@host/0", f"redis://me@corp.example:{MASK}@host/0"),
        ("redis://us/er:hush@host/0", f"redis://us/er:{MASK}@host/0"),
        ("redis://user:hu sh@host/0", f"redis://user:{MASK}@host/0"),
        ("unix://user:hush@/run/redis.sock", f"unix://user:{MASK}@/run/redis.sock"),
        ("sentinel://:hush@h1:1,h2:2/main", f"sentinel://:{MASK}@h1:1,h2:2/main"),
        ("redis://:a@h1;redis://:b@h2", f"redis://:{MASK}@h1;redis://:{MASK}@h2"),
        ("redis://h/0?password=hush&db=1", f"redis://h/0?password={MASK}&db=1"),
        ("redis://h/0?db=1&ssl_password=hush", f"redis://h/0?db=1&ssl_password={MASK}"),
        ("embedded://", "embedded://"),
        ("embedded:///var/lib/asynq", "embedded:///var/lib/asynq"),
        ("no url: a:b@c", "no url: a:b@c"),
        ("", ""),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str):
    assert hide_password(url) == shown


def test_every_url_inside_a_text_loses_its_password():
    text = "tried redis://:hush@one:1/0, then 'amqp://u:hush@two//' in 3 s; ask me@example.org"
    assert hide_password(text) == (
        f"tried redis://:{MASK}@one:1/0, then 'amqp://u:{MASK}@two//' in 3 s; ask me@example.org"
    )


def test_a_long_text_without_a_password_is_read_quickly():
    text = "x" * 200_000 + "://" * 2_000 + ":" * 10_000
    assert hide_password(text) == text


@pytest.mark.parametrize(
    "name",
    [
        "password", "PASSWD", "redis_password", "api_key", "Authorization", "security_key",
        "client_secret", "session_cookie", "sasl.password", "SENTRY_DSN", "credentials", "token",
    ],
)  # fmt: skip
def test_a_name_can_say_that_its_value_is_secret(name: str):
    assert is_secret(name)


@pytest.mark.parametrize("name", ["broker_url", "routing_key", "timezone", "worker_concurrency"])
def test_other_names_do_not(name: str):
    assert not is_secret(name)


def test_secrets_are_masked_however_deep_they_stand():
    value = {"retries": 3, "inner": [{"password": "hush", "url": "redis://:hush@h"}], "n": ("a",)}
    assert censor("options", value) == {
        "retries": 3,
        "inner": [{"password": MASK, "url": f"redis://:{MASK}@h"}],
        "n": ("a",),
    }


def test_a_whole_value_is_masked_when_its_name_is_secret():
    assert censor("api_key", {"a": "b"}) == MASK
    assert censor("api_key", b"bytes") == MASK


@pytest.mark.parametrize("value", [None, "", True, False])
def test_the_absence_of_a_secret_is_no_secret(value: object):
    assert censor("password", value) is value


def test_names_that_are_not_settings_are_left_alone_on_request():
    routes = {"proj.refresh_token": "urgent", "proj.other": {"queue": "redis://:hush@h"}}
    assert censor_urls(routes) == {
        "proj.refresh_token": "urgent",
        "proj.other": {"queue": f"redis://:{MASK}@h"},
    }
