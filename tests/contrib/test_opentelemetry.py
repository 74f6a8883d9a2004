"""A trace goes from a call to its run, and on through whatever the run calls."""

import asyncio
import os
import threading

import pytest
from opentelemetry import baggage, context, trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from asynq import Asynq, Ignore, Reject, Worker, chain, chord, run
from asynq.contrib.opentelemetry import OpenTelemetry
from asynq.exceptions import ImproperlyConfigured, Retry
from asynq.middleware import Middleware
from tests.waiting import until

W3C = CompositePropagator([TraceContextTextMapPropagator(), W3CBaggagePropagator()])

# What runs in another process must be found there by its name, and be traced there: nobody here
# sees those spans, so the task tells of its own.
pooled = Asynq(
    "tests.traced",
    broker="memory://",
    set_as_current=False,
    middleware=[OpenTelemetry(tracer_provider=TracerProvider(), propagator=W3C)],
)


@pooled.task(pool="process")
def who_am_i():
    found = trace.get_current_span().get_span_context()
    return [os.getpid(), found.trace_id, baggage.get_baggage("user")]


class Traces:
    """The spans that have ended."""

    def __init__(self):
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = self.provider.get_tracer("tests")

    def middleware(self, **how):
        return OpenTelemetry(tracer_provider=self.provider, propagator=W3C, **how)

    @property
    def all(self):
        return list(self._exporter.get_finished_spans())

    def named(self, name):
        return [span for span in self.all if span.name == name]

    async def one(self, name, count=1):
        """The last of so many of that name, once they have ended."""
        await until(lambda: len(self.named(name)) == count)
        return self.named(name)[-1]


@pytest.fixture
def traces():
    return Traces()


@pytest.fixture
async def app(app, traces):
    app.middleware.append(traces.middleware())
    return app


@pytest.fixture
async def worker(app):
    async with Worker(app) as worker:
        yield worker


def is_child(span, of):
    return span.parent is not None and (span.parent.span_id, span.context.trace_id) == (
        of.context.span_id,
        of.context.trace_id,
    )


async def test_a_call_and_its_run_are_spans_of_one_trace(app, worker, traces):
    @app.task(name="add")
    async def add(x, y):
        return x + y

    with traces.tracer.start_as_current_span("request"):
        result = await add.delay(1, 2)
    assert await result.get(timeout=10) == 3
    call, ran = await traces.one("publish default"), await traces.one("run add")
    (request,) = traces.named("request")
    assert is_child(call, request)
    assert is_child(ran, call)
    assert (call.kind, ran.kind) == (SpanKind.PRODUCER, SpanKind.CONSUMER)
    assert ran.status.status_code is StatusCode.UNSET
    assert dict(call.attributes) == {
        "messaging.system": "asynq",
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
        "messaging.destination.name": "default",
        "messaging.message.id": result.id,
        "asynq.task.name": "add",
    }
    assert dict(ran.attributes) == {
        "messaging.system": "asynq",
        "messaging.operation.name": "run",
        "messaging.operation.type": "process",
        "messaging.destination.name": "default",
        "messaging.message.id": result.id,
        "messaging.message.conversation_id": result.id,
        "messaging.client.id": worker.hostname,
        "asynq.task.name": "add",
        "asynq.task.retries": 0,
        "asynq.task.state": "SUCCESS",
    }


async def test_a_link_begins_a_trace_of_its_own(app, traces):
    app.middleware[:] = [traces.middleware(consumer="link")]

    @app.task(name="add")
    async def add(x, y):
        return baggage.get_baggage("user")

    token = context.attach(baggage.set_baggage("user", "ada"))
    async with Worker(app):
        assert await add.delay(1, 2).get(timeout=10) == "ada"
        context.detach(token)
        call, ran = await traces.one("publish default"), await traces.one("run add")
    assert ran.parent is None
    assert ran.context.trace_id != call.context.trace_id
    assert [link.context.span_id for link in ran.links] == [call.context.span_id]


async def test_another_word_than_these_two_is_refused():
    with pytest.raises(ImproperlyConfigured, match="'child' or 'link', got 'both'"):
        OpenTelemetry(consumer="both")


@pytest.mark.parametrize("pool", ["loop", "thread"])
async def test_what_runs_is_inside_of_its_span(app, worker, traces, pool):
    def look():
        with traces.tracer.start_as_current_span("inside"):
            return [threading.current_thread().name, baggage.get_baggage("user")]

    async def look_async():
        return look()

    task = app.task(name="look")(look_async if pool == "loop" else look)
    token = context.attach(baggage.set_baggage("user", "ada"))
    thread, user = await task.delay().get(timeout=10)
    context.detach(token)
    assert user == "ada"
    assert thread.startswith("asynq-task") == (pool == "thread")
    assert is_child(await traces.one("inside"), await traces.one("run look"))


@pytest.mark.untidy  # the loop of `run` lasts as long as the process
async def test_what_a_def_task_sends_is_its_child(app, worker, traces):
    @app.task(name="inner")
    async def inner():
        return None

    @app.task(name="outer")
    def outer():
        run(inner.delay())

    await outer.delay().get(timeout=10)
    outer_span = await traces.one("run outer")
    inner_span = await traces.one("run inner")
    (call,) = [s for s in traces.named("publish default") if is_child(s, outer_span)]
    assert is_child(inner_span, call)


async def test_a_trace_goes_on_in_a_child_process():
    provider = TracerProvider(shutdown_on_exit=False)
    async with pooled, Worker(pooled, concurrency=1, child_processes=1):
        with provider.get_tracer("tests").start_as_current_span("request") as span:
            token = context.attach(baggage.set_baggage("user", "ada"))
            pid, trace_id, user = await who_am_i.delay().get(timeout=30)
            context.detach(token)
    assert pid != os.getpid()
    assert trace_id == span.get_span_context().trace_id
    assert user == "ada"


# Errors


async def test_a_failure_is_one_of_the_span_too(app, worker, traces):
    @app.task(name="fails")
    async def fails():
        raise LookupError("no such thing")

    await fails.delay().get(timeout=10, propagate=False)
    span = await traces.one("run fails")
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "LookupError: no such thing"
    assert span.attributes["error.type"] == "builtins.LookupError"
    assert span.attributes["asynq.task.state"] == "FAILURE"
    (event,) = span.events
    assert event.name == "exception"
    assert "no such thing" in event.attributes["exception.stacktrace"]
    assert "asynq/execution" not in event.attributes["exception.stacktrace"]


async def test_what_a_task_throws_as_announced_is_no_error(app, worker, traces):
    @app.task(name="fails", throws=(LookupError,))
    async def fails():
        raise LookupError("as announced")

    await fails.delay().get(timeout=10, propagate=False)
    span = await traces.one("run fails")
    assert span.status.status_code is StatusCode.UNSET
    assert span.attributes["asynq.task.state"] == "FAILURE"


@pytest.mark.parametrize("how", ["raise", "retry", "autoretry", "quiet"])
async def test_each_attempt_has_a_span_that_says_which_it_is(app, worker, traces, how):
    @app.task(name="again", bind=True, autoretry_for=(KeyError,), retry_backoff=0.001)
    async def again(self):
        if self.request.retries < 2:
            match how:
                case "raise":
                    raise Retry(when=0)
                case "retry":
                    self.retry(countdown=0)
                case "quiet":
                    self.retry(countdown=0, throw=False)
                case "autoretry":
                    raise KeyError("later")

    with traces.tracer.start_as_current_span("request"):
        await again.delay()
    await traces.one("run again", count=3)
    spans = traces.named("run again")
    (call,) = traces.named("publish default")
    assert all(is_child(span, call) for span in spans)
    assert [span.attributes["asynq.task.retries"] for span in spans] == [0, 1, 2]
    states = [span.attributes["asynq.task.state"] for span in spans]
    assert states == ["RETRY", "RETRY", "SUCCESS"]
    assert {span.status.status_code for span in spans} == {StatusCode.UNSET}
    events = [event.name for event in spans[0].events]
    expected = {"autoretry": ["exception", "retry"], "quiet": []}
    assert events == expected.get(how, ["retry"])


async def test_the_last_attempt_is_the_failure(app, worker, traces):
    @app.task(name="again", autoretry_for=(KeyError,), max_retries=1, retry_backoff=0.001)
    async def again():
        raise KeyError("for ever")

    await again.delay().get(timeout=10, propagate=False)
    await traces.one("run again", count=2)
    codes = [span.status.status_code for span in traces.named("run again")]
    assert codes == [StatusCode.UNSET, StatusCode.ERROR]


@pytest.mark.parametrize(
    ("raised", "state", "code"),
    [
        (Ignore(), "IGNORED", StatusCode.UNSET),
        (Reject("no"), "REJECTED", StatusCode.ERROR),
        (Reject("no", requeue=False), "REJECTED", StatusCode.ERROR),
    ],
)
async def test_what_is_neither_success_nor_failure_is_said(
    app, worker, traces, raised, state, code
):
    @app.task(name="ends")
    async def ends():
        raise raised

    await ends.delay()
    span = await traces.one("run ends")
    assert (span.attributes["asynq.task.state"], span.status.status_code) == (state, code)


async def test_a_run_that_is_cut_off_has_ended_its_span(app, worker, traces):
    @app.task(name="slow", time_limit=0.1)
    async def slow():
        await asyncio.Event().wait()

    await slow.delay().get(timeout=10, propagate=False)
    span = await traces.one("run slow")
    assert span.status.status_code is StatusCode.ERROR
    assert [event.name for event in span.events] == ["cut off"]


async def test_a_call_that_fails_is_an_error_of_its_span(app, traces):
    class Refusing(Middleware):
        async def publish(self, outgoing, proceed):
            raise PermissionError("not you")

    app.middleware.append(Refusing())
    with pytest.raises(PermissionError):
        await app.send_task("add")
    span = await traces.one("publish default")
    assert span.status.description == "PermissionError: not you"


# Where a trace comes from


@pytest.mark.parametrize(
    "headers", [None, {"traceparent": "nonsense"}, {"traceparent": 17}, {"other": "x"}]
)
async def test_a_run_whose_call_was_not_traced_begins_a_trace(app, traces, headers):
    @app.task(name="add")
    async def add(x, y):
        return x + y

    tracing = app.middleware.pop()
    async with Worker(app):
        await add.apply_async((1, 2), headers=headers)
        app.middleware.append(tracing)
        span = await traces.one("run add")
    assert span.parent is None


async def test_headers_that_a_task_passes_on_do_not_misplace_its_calls(app, worker, traces):
    @app.task(name="inner")
    async def inner():
        return None

    @app.task(name="outer", bind=True)
    async def outer(self):
        await inner.apply_async(headers=dict(self.request.headers))

    await outer.delay()
    outer_span, inner_span = await traces.one("run outer"), await traces.one("run inner")
    (call,) = [s for s in traces.named("publish default") if is_child(s, outer_span)]
    assert is_child(inner_span, call)


async def test_every_step_of_a_workflow_is_in_the_trace_of_who_sent_it(app, worker, traces):
    @app.task(name="add")
    async def add(x, y):
        return x + y

    @app.task(name="total")
    async def total(values):
        return sum(values)

    with traces.tracer.start_as_current_span("request") as request:
        canvas = chain(add.s(1, 1), add.s(1)) | chord([add.s(1), add.s(2)], total.s())
        assert await canvas.apply_async().get(timeout=10) == 9
    ran = [span for span in traces.all if span.kind is SpanKind.CONSUMER]
    calls = [span for span in traces.all if span.kind is SpanKind.PRODUCER]
    assert sorted(span.name for span in ran) == ["run add"] * 4 + ["run total"]
    assert len(calls) == 5
    sent = request.get_span_context()
    assert {span.context.trace_id for span in traces.all} == {sent.trace_id}
    assert {call.parent.span_id for call in calls} == {sent.span_id}
    assert {span.parent.span_id for span in ran} == {call.context.span_id for call in calls}
    steps = [span.attributes["asynq.workflow.id"] for span in ran]
    assert len(set(steps)) == 1


@pytest.mark.parametrize("consumer", ["child", "link"])
async def test_what_takes_the_place_of_a_task_is_its_child(app, traces, consumer):
    app.middleware[:] = [traces.middleware(consumer=consumer)]

    @app.task(name="add")
    async def add(x, y):
        return x + y

    @app.task(name="instead", bind=True)
    async def instead(self, long):
        self.replace(chain(add.s(1, 1), add.s(2)) if long else add.s(1, 3))

    async with Worker(app):
        for long in (False, True):
            assert await instead.delay(long).get(timeout=10) == 4
    for span in traces.named("run instead"):
        calls = [s for s in traces.named("publish default") if is_child(s, span)]
        assert calls
        assert span.attributes["asynq.task.state"] == "REPLACED"
    replaced = {span.context.span_id for span in traces.named("run instead")}
    calls = [s for s in traces.named("publish default") if s.attributes["asynq.task.name"] == "add"]
    assert {call.parent.span_id for call in calls} <= replaced
    assert len(calls) == 3


async def test_a_task_that_runs_here_is_inside_of_who_calls_it(app, traces):
    @app.task(name="add")
    async def add(x, y):
        return x + y

    with traces.tracer.start_as_current_span("request"):
        assert await add.apply((1, 2)).get() == 3
    span = await traces.one("run add")
    assert is_child(span, traces.named("request")[0])
    assert span.kind is SpanKind.INTERNAL
    assert not [name for name in span.attributes if name.startswith("messaging.system")]


async def test_without_an_sdk_nothing_is_sent_along(namespace):
    async with Asynq(namespace, broker="memory://", middleware=[OpenTelemetry()]) as app:

        @app.task(name="headers", bind=True)
        async def headers(self):
            return self.request.headers

        async with Worker(app):
            assert await headers.delay().get(timeout=10) is None
