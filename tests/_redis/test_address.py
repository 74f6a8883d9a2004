from __future__ import annotations

import ssl

import pytest

from asynq._redis.address import parse
from asynq.exceptions import ImproperlyConfigured


def test_a_plain_url_means_the_usual_port_and_database_0():
    address = parse("redis://")
    assert (address.host, address.port, address.database) == ("localhost", 6379, 0)
    assert address.tls is None


def test_everything_in_a_url_is_read():
    address = parse("redis://me:p%40ss@example.org:7000/5?socket_connect_timeout=1.5")
    assert (address.host, address.port, address.database) == ("example.org", 7000, 5)
    assert (address.username, address.password) == ("me", "p@ss")
    assert address.connect_timeout == 1.5


def test_an_ipv6_address_stands_in_brackets():
    assert parse("redis://[::1]:7000").host == "::1"


def test_a_socket_may_have_a_password_and_a_database():
    address = parse("unix://:secret@/run/redis.sock?db=2")
    assert (address.path, address.password, address.database) == ("/run/redis.sock", "secret", 2)
    assert address.host == ""


@pytest.mark.parametrize(
    ("url", "path", "name"),
    [
        ("embedded://", "", ""),
        ("embedded:///var/lib/app", "/var/lib/app", ""),
        ("embedded://shop", "", "shop"),
    ],
)
def test_an_embedded_server_is_named_by_directory_or_by_name(url: str, path: str, name: str):
    address = parse(url)
    assert address.embedded
    assert (address.path, address.name) == (path, name)


def test_options_stand_over_the_query():
    address = parse("redis://h?socket_connect_timeout=1", {"socket_connect_timeout": 3})
    assert address.connect_timeout == 3.0


def test_tls_verifies_by_default():
    tls = parse("rediss://h").tls
    assert tls is not None
    context = tls.context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_tls_can_be_told_not_to_verify():
    tls = parse("rediss://h?ssl_cert_reqs=CERT_NONE").tls
    assert tls is not None
    assert tls.context().verify_mode is ssl.CERT_NONE


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://h", "expected redis://"),
        ("localhost:6379", "expected redis://"),
        ("redis://h/abc", "database: expected a number from 0 up, not 'abc'"),
        ("redis://h:port", "not a URL"),
        ("redis://h:99999", "not a URL"),
        ("unix://relative/path", "expected unix:///absolute"),
        ("unix://", "expected unix:///absolute"),
        ("redis://h?visibility_timeout=3", "unknown option visibility_timeout"),
        ("redis://h?ssl_cert_reqs=none", "unknown option ssl_cert_reqs"),
        ("rediss://h?ssl_cert_reqs=maybe", "expected required or optional or none, not 'maybe'"),
        ("rediss://h?ssl_check_hostname=perhaps", "expected true or false"),
        ("redis://h?socket_connect_timeout=0", "expected seconds"),
        ("redis://h?socket_connect_timeout=soon", "expected seconds"),
        ("sentinel://h", "Sentinel is not in this release yet"),
        ("redis+cluster://h", "Cluster is not in this release yet"),
    ],
)
def test_what_is_wrong_with_a_url_is_said(url: str, words: str):
    with pytest.raises(ImproperlyConfigured) as raised:
        parse(url)
    assert words in str(raised.value)


def test_no_error_shows_the_password():
    with pytest.raises(ImproperlyConfigured) as raised:
        parse("redis://me:geheim@h/abc")
    assert "geheim" not in str(raised.value)
    assert "geheim" not in parse("redis://me:geheim@h").shown


@pytest.mark.parametrize("text", ["0", "2.5"])
def test_an_embedded_server_may_be_given_a_grace(text):
    assert parse(f"embedded://?grace={text}").grace == float(text)
    assert parse("embedded://", {"grace": float(text)}).grace == float(text)


def test_without_one_the_environment_decides():
    assert parse("embedded://").grace is None


def test_a_grace_that_is_no_time_is_refused():
    with pytest.raises(ImproperlyConfigured, match="seconds, 0 or more"):
        parse("embedded://?grace=soon")


def test_only_an_embedded_server_has_a_grace():
    with pytest.raises(ImproperlyConfigured, match="unknown option grace"):
        parse("redis://localhost?grace=1")


@pytest.mark.parametrize("sign", "/#?")
def test_a_password_that_breaks_the_url_is_not_shown(sign):
    with pytest.raises(ImproperlyConfigured, match=r"not a URL: .* in a password, write") as caught:
        parse(f"redis://:hunter2{sign}rest@host:6379/0")
    assert "hunter2" not in str(caught.value)
    assert "rest" not in str(caught.value)
