"""Signed and encrypted apps, from the call to the result, on real servers."""

import pytest

from asynq import Asynq, Worker
from asynq.exceptions import SecurityError
from asynq.wire import record

KEYS = {"k": "a secret of these tests that is long enough"}
SECRETS = ("my-argument", "my-keyword", "my-header", "my-result", "my-progress", "my-error")

READ = {
    b"string": lambda key: ("GET", key),
    b"stream": lambda key: ("XRANGE", key, "-", "+"),
    b"hash": lambda key: ("HGETALL", key),
    b"zset": lambda key: ("ZRANGE", key, "0", "-1"),
    b"set": lambda key: ("SMEMBERS", key),
}


def everything(server):
    """All keys of the server with all they hold."""
    found = []
    for key in server.command("KEYS", "*"):
        kind = server.command("TYPE", key)
        found.append((key, server.command(*READ[kind](key))))
    return repr(found)


@pytest.fixture(params=["json", "msgpack", "pickle"])
def serializer(request):
    return request.param


@pytest.fixture
def make(url, namespace, serializer):
    def make(**settings):
        return Asynq(
            namespace,
            broker=url,
            set_as_current=False,
            task_serializer=serializer,
            result_serializer=serializer,
            accept_content=[serializer, "json"],
            result_extended=True,
            **settings,
        )

    return make


def tasks(app):
    """One that tells all it knows and returns, one that retries, one that fails for good."""

    @app.task(name="tell", bind=True)
    async def tell(self, word, *, by):
        await self.update_state(meta="my-progress")
        assert self.request.headers == {"about": "my-header"}
        return f"my-result {word} {by}"

    @app.task(name="again", bind=True, max_retries=1, default_retry_delay=0)
    async def again(self, word):
        if not self.request.retries:
            raise self.retry(exc=ValueError(f"my-error {word}"))
        return word

    @app.task(name="fail", acks_on_failure_or_timeout=False)
    async def fail(word):
        raise ValueError(f"my-error {word}")

    return tell, again, fail


async def use(app):
    tell, again, fail = tasks(app)
    call = tell.apply_async(("my-argument",), {"by": "my-keyword"}, headers={"about": "my-header"})
    waiting = await again.apply_async(("my-argument",), countdown=3600)
    async with Worker(app, concurrency=4):
        assert await call.get(timeout=10) == "my-result my-argument my-keyword"
        assert await again.delay("my-argument").get(timeout=10) == "my-argument"
        with pytest.raises(ValueError, match="my-error my-argument"):
            await fail.delay("my-argument").get(timeout=10)
    return waiting


@pytest.mark.parametrize(
    "settings",
    [
        {"message_keys": KEYS},
        {"encryption_keys": KEYS},
        {"message_keys": KEYS, "encryption_keys": {"e": "another secret that is long enough"}},
    ],
    ids=["signed", "encrypted", "signed and encrypted"],
)
async def test_tasks_run_retry_and_fail_as_ever(make, settings):
    async with make(**settings) as app:
        await use(app)
        (letter,) = [each async for each in app.dead.letters()]
        assert letter.task == "fail"


async def test_of_what_is_encrypted_nothing_can_be_read_on_the_server(make, server):
    async with make(encryption_keys=KEYS) as app:
        await use(app)
        held = everything(server)
    assert [word for word in SECRETS if word in held] == []


async def test_without_encryption_it_could_be(make, server, serializer):
    """That the test above looks where it matters."""
    async with make(message_keys=KEYS) as app:
        await use(app)
        held = everything(server)
    assert [word for word in SECRETS if word in held] != []


async def test_a_forged_result_is_not_believed(make, server):
    async with make(message_keys=KEYS) as app:
        tell, *_ = tasks(app)
        result = await tell.apply_async(("a",), {"by": "b"}, task_id="forged")
        forged = record.encode(record.Record(), "json")
        server.command("SET", f"aq:{{{app.namespace}}}:res:forged", forged)
        with pytest.raises(SecurityError, match="bad signature"):
            await result.get(timeout=5)


async def test_a_worker_without_the_key_runs_nothing(make):
    async with make(message_keys=KEYS) as sender, make() as other:
        tell, *_ = tasks(sender)
        tasks(other)
        await tell.apply_async(("a",), {"by": "b"})
        async with Worker(other):
            letters = []
            while not letters:
                letters = [each async for each in other.dead.letters()]
    assert "it is signed, and there are no message_keys here" in letters[0].reason
