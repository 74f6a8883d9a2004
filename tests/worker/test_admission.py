"""May it run, here and now? And if not, what becomes of it?"""

import pytest
from msgspec.structs import replace

from asynq import _time
from asynq.brokers.base import ACK, Bury, Delivery, Requeue
from asynq.exceptions import (
    ContentDisallowed,
    DecodeError,
    NotRegistered,
    WorkerLostError,
)
from asynq.wire.keyring import KeyRing
from asynq.wire.message import Message, decode, encode
from asynq.wire.sealing import Seal
from asynq.worker import admission as room
from asynq.worker.admission import KNOWN, MAX_REDELIVERIES, Admission, Refusal
from asynq.worker.state import Run

PLAIN = Message(task="known")


def delivered(message=PLAIN, *, serializer="json", **more):
    body = message if isinstance(message, bytes) else encode(message, serializer)
    return Delivery(id="1", queue="q", body=body, **more)


@pytest.fixture
def admission(app):
    @app.task(name="known", ignore_result=True)
    async def known(): ...

    return Admission(app.tasks, hostname="w@here", accept=["json"], unknown_task_ttl=100.0)


def test_a_known_task_may_run_and_knows_its_call(admission):
    message = Message(
        task="known", retries=2, root_id="0", parent_id="9", priority=3, eta=0.0, headers={"a": 1}
    )
    run = admission.admit(delivered(message, redeliveries=1))
    assert isinstance(run, Run)
    request = run.request
    assert (request.id, request.task, request.queue, request.hostname) == (
        *("1", "known", "q"),
        "w@here",
    )
    assert (request.retries, request.root_id, request.parent_id) == (2, "0", "9")
    assert (request.priority, request.redeliveries, request.headers) == (3, 1, {"a": 1})
    assert request.eta == "1970-01-01T00:00:00+00:00"
    assert request.delivery_info["redelivered"]


def test_a_first_task_is_its_own_root(admission):
    assert admission.admit(delivered()).request.root_id == "1"


def test_the_call_says_whether_the_result_is_kept_or_else_the_task(admission):
    assert admission.admit(delivered()).request.ignore_result
    asked = Message(task="known", ignore_result=False)
    assert not admission.admit(delivered(asked)).request.ignore_result


# What may not run, or not any more


def test_what_was_revoked_before_it_came_does_not_run(admission):
    refusal = admission.admit(delivered(Message(task="gone"), revoked=True))
    assert refusal.verdict == ACK
    assert (refusal.state, str(refusal.error), refusal.final) == ("REVOKED", "revoked", True)


def test_nor_what_is_revoked_between_its_coming_and_its_start(admission):
    admission.revoke(["1"])
    assert admission.admit(delivered()).revoked


def test_a_revocation_is_remembered_as_long_as_it_may_be_faster(admission, monkeypatch):
    now = 1000.0
    monkeypatch.setattr(room, "monotonic", lambda: now)
    admission.revoke(["1", *map(str, range(2, 20_000))])
    now += room.REVOKED_SECONDS - 1
    assert admission.admit(delivered()).revoked
    now += 1
    # Its server knows whether this is still the call that was revoked, or another of that id.
    assert isinstance(admission.admit(delivered()), Run)
    admission.revoke(["x"])
    assert list(admission._revoked) == ["x"]


def test_what_has_expired_on_the_brokers_clock_does_not_run(app):
    @app.task(name="known")
    async def known(): ...

    admission = Admission(
        app.tasks, hostname="w", accept=["json"], unknown_task_ttl=1.0, now=lambda: 100.0
    )
    assert isinstance(admission.admit(delivered(Message(task="known", expires=100.0))), Run)
    refusal = admission.admit(delivered(Message(task="known", expires=99.9)))
    assert (refusal.state, str(refusal.error)) == ("REVOKED", "expired")


@pytest.mark.parametrize(
    ("options", "message", "limits"),
    [
        ({}, {}, (None, None)),
        ({"time_limit": 5, "soft_time_limit": 3}, {}, (5.0, 3.0)),
        ({"time_limit": 5}, {"time_limit": 2.0, "soft_time_limit": 1.0}, (2.0, 1.0)),
        ({"time_limit": 5, "soft_time_limit": 3}, {"time_limit": 0.0}, (None, 3.0)),
    ],
)
def test_the_call_says_how_long_it_may_run_or_else_the_task(app, options, message, limits):
    @app.task(name="limited", **options)
    async def limited(): ...

    admission = Admission(app.tasks, hostname="w", accept=["json"], unknown_task_ttl=1.0)
    run = admission.admit(delivered(Message(task="limited", **message)))
    assert run.request.timelimit == limits


# What can't be read


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\x00", b'{"task": 3}', b"[]", b"{}"])
def test_bytes_that_are_no_message_are_buried_with_the_reason(admission, body):
    refusal = admission.admit(delivered(body))
    assert isinstance(refusal, Refusal)
    assert refusal.final
    assert refusal.verdict.reason.startswith("DecodeError: ")
    assert refusal.message is None


def test_a_message_of_a_newer_release_is_buried(admission):
    refusal = admission.admit(delivered(Message(task="known", version=99)))
    assert "update the workers before" in str(refusal.error)


@pytest.mark.parametrize(
    ("message", "serializer"),
    [(PLAIN, "msgpack"), (Message(task="known", content="pickle"), "msgpack")],
)
def test_a_format_that_is_not_accepted_is_buried_and_who_waits_is_told(
    admission, message, serializer
):
    refusal = admission.admit(delivered(message, serializer=serializer))
    assert refusal.final
    assert isinstance(refusal.error, ContentDisallowed)
    assert refusal.message == message


def test_nonsense_in_a_field_stops_nobody(admission):
    refusal = admission.admit(delivered(Message(task="known", eta=1e300)))
    assert refusal.final
    assert isinstance(refusal.error, DecodeError)
    assert "253402300799" in str(refusal.error)


def test_a_message_whose_workers_vanish_again_and_again_is_kept_aside(admission):
    assert isinstance(admission.admit(delivered(redeliveries=MAX_REDELIVERIES - 1)), Run)
    refusal = admission.admit(delivered(redeliveries=MAX_REDELIVERIES))
    assert refusal.final
    assert isinstance(refusal.error, WorkerLostError)
    assert "known[1]: 20 workers vanished" in str(refusal.error)


# What is not known here


@pytest.fixture
def clock(monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(room, "time", lambda: clock[0])
    return clock


def test_an_unknown_task_is_offered_again_with_growing_pauses_then_buried(admission, clock):
    delivery = delivered(Message(task="new", retries=1, priority=4))
    pauses = []
    while not (refusal := admission.admit(delivery)).final:
        assert isinstance(refusal.verdict, Requeue)
        assert isinstance(refusal.error, NotRegistered)
        pauses.append(refusal.verdict.delay)
        clock[0] += refusal.verdict.delay
        delivery = replace(delivery, body=refusal.verdict.body)
    assert pauses == [1, 2, 5, 10, 30, 30, 30]
    assert isinstance(refusal.verdict, Bury)
    assert refusal.verdict.reason == "NotRegistered: new"
    kept = decode(delivery.body)
    assert (kept.unknown_since, kept.retries, kept.priority) == (1000.0, 1, 4)


def test_it_says_what_to_do_and_what_is_known(admission):
    refusal = admission.admit(delivered(Message(task="new")))
    told = str(refusal.error)
    assert "no task 'new' in this worker" in told
    assert "`include`" in told
    assert told.endswith("Known: known")


def test_of_many_it_says_the_nearest_and_how_many_more_there_are(app):
    for number in range(30):
        app.task(lambda: None, name=f"shop.orders.ship_{number:02}")
    app.task(lambda: None, name="zoo.feed_lions")
    admission = Admission(app.tasks, hostname="w", accept=["json"], unknown_task_ttl=100.0)
    app.task(lambda: None, name="known")
    told = str(admission.admit(delivered(Message(task="zoo.feed_lion"))).error)
    names, _, more = told.partition("Known: ")[2].partition(" and ")
    assert names.split(", ")[:2] == ["zoo.feed_lions", sorted(app.tasks)[0]]
    assert len(names.split(", ")) == KNOWN
    assert more == f"{len(app.tasks) - KNOWN} more"


def test_a_message_keeps_its_format_when_it_is_put_off(app):
    admission = Admission(app.tasks, hostname="w", accept=["msgpack"], unknown_task_ttl=100.0)
    refusal = admission.admit(delivered(Message(task="new"), serializer="msgpack"))
    assert refusal.verdict.body[:1] != b"{"
    assert decode(refusal.verdict.body).unknown_since == pytest.approx(_time.time(), abs=60)


def test_without_patience_an_unknown_task_is_buried_at_once(app):
    admission = Admission(app.tasks, hostname="w", accept=["json"], unknown_task_ttl=0)
    assert admission.admit(delivered(Message(task="new"))).final


# What comes from who knows where


@pytest.mark.parametrize("id", ["", "x" * 201, "a\nb", "a\x1b[31m", "a\x00", "\u202ea"])
def test_what_can_be_no_tasks_id_is_buried(admission, id):
    refusal = admission.admit(Delivery(id=id, queue="q", body=encode(PLAIN, "json")))
    assert refusal.final
    assert "is no task's id" in refusal.verdict.reason
    assert refusal.verdict.reason.isprintable()
    assert len(refusal.verdict.reason) < 300


@pytest.mark.parametrize("name", ["", "a b", "a\x00b", "\x1b[31mred", "x" * 201, "zażółć"])
def test_a_name_that_no_task_can_have_is_buried_at_once(admission, name):
    refusal = admission.admit(delivered(Message(task=name)))
    assert refusal.final
    assert "task name" in refusal.verdict.reason
    assert refusal.verdict.reason.isprintable()
    assert len(refusal.verdict.reason) < 400


def test_a_message_over_the_limit_is_not_even_decoded(app, monkeypatch):
    monkeypatch.setattr(room, "decode", lambda body: pytest.fail("decoded"))
    admission = Admission(app.tasks, hostname="w", accept=["json"], unknown_task_ttl=1, max_bytes=9)
    refusal = admission.admit(delivered(b"{" + b" " * 100_000))
    assert refusal.final
    assert "has 100,001 bytes, and message_max_bytes is 9 here" in refusal.verdict.reason


def test_what_a_message_of_the_largest_size_gains_on_its_way_is_let_pass(app):
    @app.task(name="known")
    async def known(): ...

    body = encode(replace(PLAIN, headers={"a": "x" * 10_000}), "json")
    admission = Admission(
        app.tasks, hostname="w", accept=["json"], unknown_task_ttl=1, max_bytes=len(body) - 9000
    )
    assert isinstance(admission.admit(delivered(body)), Run)


@pytest.mark.parametrize("body", [b"{", b"[" * 10_000, b"x" * 10])
def test_a_message_that_was_refused_is_not_kept_by_its_error(app, body):
    admission = Admission(app.tasks, hostname="w", accept=["json"], unknown_task_ttl=1, max_bytes=1)
    error = admission.admit(delivered(body)).error
    assert (error.__traceback__, error.__context__, error.__cause__) == (None, None, None)


SEAL = Seal(namespace="proj", signing=KeyRing({"k": b"a secret that is long enough"}))


@pytest.fixture
def sealed(app):
    @app.task(name="known")
    async def known(): ...

    return Admission(app.tasks, hostname="w", accept=["json"], unknown_task_ttl=9, seal=SEAL)


def test_a_message_sealed_for_this_place_runs(sealed):
    body = SEAL.seal(encode(PLAIN, "json"), queue="q", id="1")
    assert sealed.admit(delivered(body)).format == "json"


@pytest.mark.parametrize(
    "body",
    [
        encode(PLAIN, "json"),
        SEAL.seal(encode(PLAIN, "json"), queue="other", id="1"),
        SEAL.seal(encode(PLAIN, "json"), queue="q", id="2"),
        SEAL.seal(encode(PLAIN, "json"), queue="q", id="1")[:-1],
    ],
    ids=["not signed", "for another queue", "for another id", "cut short"],
)
def test_a_message_that_is_not_is_buried_undecoded(sealed, monkeypatch, body):
    monkeypatch.setattr(room, "decode", lambda body: pytest.fail("decoded"))
    refusal = sealed.admit(delivered(body))
    assert refusal.final
    assert refusal.verdict.reason.startswith("SecurityError: bad signature")
    assert refusal.message is None


def test_a_signed_message_is_buried_where_there_are_no_keys(admission):
    refusal = admission.admit(delivered(SEAL.seal(b"{}", queue="q", id="1")))
    assert refusal.final
    assert "SecurityError: it is signed, and there are no message_keys here" in (
        refusal.verdict.reason
    )


def test_of_a_genuine_message_that_is_too_old_it_is_known_who_waits(app, monkeypatch):
    seal = Seal(
        namespace="proj", signing=KeyRing({"k": b"a secret that is long enough"}), max_age=60
    )
    admission = Admission(app.tasks, hostname="w", accept=["json"], unknown_task_ttl=9, seal=seal)
    body = seal.seal(encode(PLAIN, "json"), queue="q", id="1")
    later = _time.time() + 100
    monkeypatch.setattr("asynq.wire.sealing.time", lambda: later)
    refusal = admission.admit(delivered(body))
    assert "message_max_age is 60 s" in refusal.verdict.reason
    assert refusal.message == PLAIN
    assert admission.admit(delivered(body[:-1])).message is None


def test_a_sealed_message_of_an_unknown_task_goes_back_sealed(sealed):
    body = SEAL.seal(encode(Message(task="unknown"), "json"), queue="q", id="1")
    refusal = sealed.admit(delivered(body))
    again = SEAL.open(refusal.verdict.body, queue="q", id="1")
    assert decode(again).unknown_since is not None
