"""256 ways not to be a message: what an XADD by somebody else may have put into a queue's stream.

Each kind is a name and the entry's fields. The random ones come from a seed, so a failure can be
met again.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator, Mapping

import msgspec

from asynq.wire.keyring import KeyRing
from asynq.wire.sealing import Seal

SEED = 24
KINDS = 256

TASK = "tests.integration.proj.add"
GOOD = {"task": TASK, "args": [1, 2]}
PAYLOAD = "payload-not-for-the-log"

SECRET = "a secret of these tests that is long enough"
OTHER_SECRET = "a secret that the worker does not have"

Fields = list[bytes]

NEST = b"[" * 10_000 + b"]" * 10_000
NO_NAMES = [
    *("", " ", "a b", "a\x00b", "a\nb", "\x1b[31mred\x1b[0m", "a\u202eb", "x" * 201, "x" * 100_000),
    *("../../etc/passwd", "a;b", "zażółć", "a\tb", "a'b", '"', "a/b", "<script>", "%s%n", "{0}"),
    *("a\r\nb", "\x9b31m", "a\\b"),
]


def garbage(namespace: str, *, keys: Mapping[str, str] | None = None) -> dict[str, Fields]:
    """All kinds, by name.

    Args:
        namespace: Of the worker.
        keys: Its `message_keys`; bodies are signed well then, so that what is in them is met.
    """
    sign = None if keys is None else _seal(namespace, keys)
    found = dict(_entries())
    for name, body in {**dict(_bodies()), **dict(_fields())}.items():
        found[name] = _entry(name, body if sign is None else _signed(sign, name, body))
    for name, body in _seals(namespace):
        found[name] = _entry(name, body)
    source = random.Random(SEED)
    while len(found) < KINDS:
        name = f"random {len(found)}"
        body = _random(source)
        found[name] = _entry(name, body if sign is None else _signed(sign, name, body))
    return dict(list(found.items())[:KINDS])


def _entry(id: str, body: bytes) -> Fields:
    return [b"i", id.encode(), b"m", body]


def _seal(namespace: str, keys: Mapping[str, str]) -> Seal:
    ring = KeyRing({id: secret.encode() for id, secret in keys.items()})
    return Seal(namespace=namespace, signing=ring)


def _signed(seal: Seal, id: str, body: bytes) -> bytes:
    return seal.seal(body, queue="default", id=id)


def _entries() -> Iterator[tuple[str, Fields]]:
    """Entries that are not even made of the right fields, or whose id is none."""
    good = json.dumps(GOOD).encode()
    yield "no message", [b"i", b"no message"]
    yield "other fields", [b"x", b"y"]
    yield "a field without a name", [b"", b""]
    yield "a message by another name", [b"i", b"renamed", b"M", good]
    yield "an empty message", [b"i", b"an empty message", b"m", b""]
    yield "an empty id", [b"i", b"", b"m", good]
    yield "an id that is a book", [b"i", b"x" * 100_000, b"m", good]
    yield "an id with a line feed", [b"i", b"a\nb", b"m", good]
    yield "an id with an escape", [b"i", b"\x1b[2J\x1b]0;owned\x07", b"m", good]
    yield "an id with a NUL", [b"i", b"a\x00b", b"m", good]
    yield "an id that turns round", [b"i", "a\u202eb".encode(), b"m", good]
    yield "many fields", [part for n in range(500) for part in (b"f%d" % n, b"v")]
    yield "a redelivery that is no number", [b"i", b"many", b"m", b"{", b"d", b"lots"]
    yield "a huge count of redeliveries", [b"i", b"huge", b"m", b"{", b"d", b"9" * 5000]
    yield "a negative count of redeliveries", [b"i", b"negative", b"m", b"{", b"d", b"-1"]
    yield "a field twice", [b"i", b"twice", b"m", b"{", b"m", b"}"]


def _bodies() -> Iterator[tuple[str, bytes]]:
    """Bytes that are no message."""
    yield from {
        "invalid UTF-8": b'{"task":"\xff\xfe"}',
        "invalid UTF-8 in a name": b'{"task":"a\xff","args":[]}',
        "half a character": b'{"task":"\\ud800"}',
        "a byte order mark": b"\xef\xbb\xbf" + json.dumps(GOOD).encode(),
        "UTF-16": json.dumps(GOOD).encode("utf-16"),
        "an empty object": b"{}",
        "an empty map": b"\x80",
        "a list": b"[]",
        "a list of lists": b"[[],[],{}]",
        "a text": b'"task"',
        "a number": b"42",
        "null": b"null",
        "nil": b"\xc0",
        "Celery's message": b'[[4, 4], {}, {"callbacks": null, "errbacks": null}]',
        "a pickle": b"\x80\x05\x95\x0e\x00\x00\x00\x00\x00\x00\x00]\x94(K\x01K\x02e.",
        "a YAML document": b"!!python/object/apply:os.system ['true']",
        "XML": b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'b'>]><a>&b;</a>",
        "HTTP": b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
        "NaN": b'{"task":"a","eta":NaN}',
        "Infinity": b'{"task":"a","eta":Infinity}',
        "a number that is too large": b'{"task":"a","eta":1e999}',
        "an integer of 100,000 digits": b'{"task":"a","retries":' + b"9" * 100_000 + b"}",
        "10,000 lists in each other": NEST,
        "10,000 lists in the arguments": b'{"task":"a","args":' + NEST + b"}",
        "10,000 objects in the headers": b'{"task":"a","headers":' + b'{"a":' * 10_000 + b"1",
        "10,000 arrays of msgpack": b"\x91" * 10_000,
        "an array of four thousand million": b"\xdd\xff\xff\xff\xff",
        "a map of four thousand million": b"\xdf\xff\xff\xff\xff",
        "a text of four thousand million": b"\xdb\xff\xff\xff\xff",
        "bytes of four thousand million": b"\x81\xa4task\xc6\xff\xff\xff\xff",
        "an extension of msgpack": b"\x81\xa4task\xd4\x01\x00",
        "what msgpack never uses": b"\xc1",
        "two messages": json.dumps(GOOD).encode() * 2,
        "a message and more": json.dumps(GOOD).encode() + b"\x00",
        "spaces": b" " * 1000,
        "NUL bytes": b"\x00" * 1000,
        "a comment": b'{"task":"a" /* no */}',
        "a comma too much": b'{"task":"a",}',
        "single quotes": b"{'task':'a'}",
        "more than may be sent": b'{"task":"a","args":["' + b"x" * 2_000_000 + b'"]}',
    }.items()  # fmt: skip
    for number, name in enumerate(NO_NAMES):
        yield f"a name that is none, {number}", json.dumps({**GOOD, "task": name}).encode()
    text = json.dumps({**GOOD, "headers": {"a": PAYLOAD}}).encode()
    for end in range(1, len(text), 8):
        yield f"JSON cut at {end}", text[:end]
    packed = msgspec.msgpack.encode({**GOOD, "headers": {"a": PAYLOAD}})
    for end in range(1, len(packed), 8):
        yield f"msgpack cut at {end}", packed[:end]


def _fields() -> Iterator[tuple[str, bytes]]:
    """Messages with a field of the wrong type, or a value that it can't have."""
    wrong: dict[str, list[object]] = {
        "task": [7, None, True, [], {}, 1.5],
        "content": [7, None, "x" * 100, "pickle", "yaml", "no such serializer"],
        "version": ["1", None, 99, 1.5, []],
        "retries": ["1", -1, None, 1 << 40, 1.5],
        "priority": ["9", -1, 10, None],
        "reply_to": [7, "x" * 1000, []],
        "root_id": [7, "x" * 1000, {}],
        "parent_id": [7, "x" * 1000, {}],
        "eta": ["tomorrow", -1e20, 1e20, math.nan, math.inf, []],
        "expires": ["never", -1e20, 1e20, math.nan, -math.inf],
        "time_limit": ["short", -1, math.nan, math.inf],
        "soft_time_limit": ["short", -1, math.nan, math.inf],
        "attempts": [7, [7], [{}], [{"started": "then", "seconds": 1, "state": "RETRY"}]],
        "ignore_result": [1, "yes", []],
        "result_expires": ["never", -1, math.nan, math.inf],
        "unknown_since": ["yesterday", 1e20, math.nan],
        "shadow": [7, "x" * 1000, []],
        "headers": [7, "a", [1], {1: 2}],
    }
    for field, values in wrong.items():
        for number, value in enumerate(values):
            body = msgspec.msgpack.encode({"task": TASK, field: value})
            yield f"{field} that is none, {number}", body


def _seals(namespace: str) -> Iterator[tuple[str, bytes]]:
    """Signatures that are none, or somebody else's; bad for a worker without keys too."""
    good = json.dumps({**GOOD, "headers": {"a": PAYLOAD}}).encode()
    ours, theirs = _seal(namespace, {"k": SECRET}), _seal(namespace, {"k": OTHER_SECRET})
    sealed = ours.seal(good, queue="default", id="a replay under another id")
    yield "another secret", theirs.seal(good, queue="default", id="another secret")
    yield "a replay", sealed
    yield "another queue", ours.seal(good, queue="payments", id="another queue")
    elsewhere = _seal("elsewhere", {"k": SECRET})
    yield "another namespace", elsewhere.seal(good, queue="default", id="another namespace")
    yield "a result", ours.seal_record("a result", good)
    yield "a changed body", ours.seal(good, queue="default", id="a changed body")[:-2] + b"!}"
    yield "no body", ours.seal(good, queue="default", id="no body")[: -len(good)]
    yield "no key of that id", b"\x01\x05other" + sealed[3:]
    yield "only the mark of a signature", b"\x01"
    yield "a signature that is all zero", b"\x01\x01k" + b"\x00" * 40 + good
    yield "a key's id that never ends", b"\x01\xff" + good
    yield "only the mark of encryption", b"\x02"
    yield "encrypted by nobody", b"\x02\x01k" + b"\x00" * 60


def _random(source: random.Random) -> bytes:
    body = source.randbytes(source.randrange(1, 2000))
    return source.choice([b"", b"{", b'{"task":', b"\x81\xa4task", b"\x85"]) + body
