"""Which peers are compared: what to install for each, and how its worker is started.

How each is set up, and why, is said where it is: in its module of `benchmarks.systems`.
"""

from __future__ import annotations

from benchmarks.system import System

_SLEEPS = frozenset({"naps-500", "naps-5000"})
_DRAINS = frozenset({"drain-1", "drain-2"})
_TRIPS = frozenset({"latency", "clients-50", "clients-1000"})

_CELERY = ("celery", "-A", "benchmarks.systems.celery", "worker", "-l", "WARNING")
_ALONE = ("--without-gossip", "--without-mingle", "--without-heartbeat")
_DRAMATIQ = ("benchmarks.systems.dramatiq", "--processes", "{processes}", "--threads", "{slots}")
_HUEY = ("benchmarks.systems.huey.huey", "-w", "{slots}", "--quiet", "--no-periodic")
_GEVENT = ("gevent.monkey", "--module")


def _where_waited(**told: str) -> dict[str, dict[str, str]]:
    return dict.fromkeys(_TRIPS, told)


def _polled(**told: str) -> dict[str, dict[str, str]]:
    """The more clients poll for their results, the longer their pauses should be."""
    pauses = {"latency": "0.005", "clients-50": "0.02", "clients-1000": "0.2"}
    return {workload: {**told, "BENCH_WAIT": pause} for workload, pause in pauses.items()}


def _celery(pool: str, **more: object) -> System:
    return System(
        name=f"celery-{pool}",
        distributions=("celery", "kombu", "redis", "hiredis"),
        install=("celery[redis]", "hiredis"),
        worker=(
            *_CELERY,
            *_ALONE,
            "--pool",
            pool,
            *(("-c", "{slots}") if pool == "threads" else ()),
        ),
        module="celery",
        drain=1_500,
        naps=1_500,
        **more,
    )


def _dramatiq(name: str, *before: str, **more: object) -> System:
    return System(
        name=f"dramatiq-{name}",
        distributions=("dramatiq", "gevent", "redis", "hiredis"),
        install=("dramatiq[redis,gevent]", "hiredis"),
        worker=(*before, "dramatiq", *_DRAMATIQ),
        module="dramatiq",
        environment={"dramatiq_queue_prefetch": "1000"},
        besides=_where_waited(dramatiq_worker_timeout="5"),
        slots=16,
        naps=4_000,
        **more,
    )


def _huey(kind: str, *before: str, **more: object) -> System:
    return System(
        name=f"huey-{kind}",
        distributions=("huey", "gevent", "redis", "hiredis"),
        install=("huey", "redis", "hiredis", "gevent"),
        worker=(*before, "huey.bin.huey_consumer", *_HUEY, "-k", kind),
        module="huey",
        naps=2_500,
        **more,
    )


PEERS = {
    system.name: system
    for system in (
        _celery("prefork", cannot=_SLEEPS | {"threads"}),
        _celery("threads", slots=10, only=_DRAINS | _TRIPS | {"naps-500", "threads"}),
        System(
            name="arq",
            distributions=("arq", "redis", "hiredis", "uvloop"),
            install=("arq", "hiredis", "uvloop"),
            worker=(
                *("arq", "benchmarks.systems.arq.WorkerSettings"),
                *("--custom-log-dict", "benchmarks.systems.arq.LOGS"),
            ),
            slots=32,
            besides={**_polled(BENCH_POLL="0.002"), "idle": {"BENCH_POLL": "0.5"}},
            drain=3_000,
            naps=3_000,
        ),
        System(
            name="taskiq",
            distributions=("taskiq", "taskiq-redis", "redis", "hiredis", "uvloop", "orjson"),
            install=("taskiq", "taskiq-redis", "hiredis", "uvloop", "orjson"),
            worker=(
                *("taskiq", "worker", "benchmarks.systems.taskiq:broker"),
                *("--workers", "{processes}", "--max-async-tasks", "{slots}"),
                *("--max-prefetch", "{slots}", "--max-threadpool-threads", "{slots}"),
                *("--ack-type", "when_saved", "--no-parse", "--log-level", "WARNING"),
            ),
            besides=_polled(),
            drain=3_000,
            naps=2_500,
        ),
        System(
            name="saq",
            distributions=("saq", "redis", "hiredis", "uvloop", "orjson"),
            # It imports typing_extensions and does not declare it.
            install=("saq[redis,hiredis]", "typing_extensions", "uvloop", "orjson"),
            worker=(
                "saq",
                "benchmarks.systems.saq.settings",
                "--workers",
                "{processes}",
                "--quiet",
            ),
            slots=50,
            drain=3_500,
            naps=3_000,
        ),
        System(
            name="streaq",
            distributions=("streaq", "coredis", "hiredis", "uvloop"),
            install=("streaq", "hiredis", "uvloop"),
            worker=("benchmarks.systems.streaq",),
            drain=2_000,
            naps=1_500,
        ),
        _dramatiq("threads", cannot=frozenset({"naps-5000"}), drain=5_000),
        _dramatiq("gevent", *_GEVENT, only=_DRAINS | _SLEEPS | _TRIPS, drain=4_000),
        System(
            name="docket",
            distributions=("pydocket", "redis", "hiredis", "uvloop"),
            install=("pydocket", "hiredis", "uvloop"),
            worker=("benchmarks.systems.docket",),
            besides={"idle": {"BENCH_CHECK_MS": "250"}},
            cannot=frozenset({"threads"}),
            drain=3_000,
            naps=3_000,
        ),
        _huey(
            "thread",
            slots=4,
            besides=_where_waited(BENCH_NOTIFY="1"),
            cannot=frozenset({"naps-5000"}),
            drain=7_000,
        ),
        _huey("greenlet", *_GEVENT, only=_DRAINS | _SLEEPS, slots=10, drain=3_500),
        System(
            name="repid",
            distributions=("repid", "redis", "hiredis", "uvloop"),
            # It imports typing_extensions and does not declare it.
            install=("repid[redis]", "typing_extensions", "hiredis", "uvloop"),
            worker=("benchmarks.systems.repid",),
            stores_results=False,
            drain=12_000,
            naps=8_000,
        ),
    )
}
