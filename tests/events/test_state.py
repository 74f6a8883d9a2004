"""The cluster, as its events tell it."""

import pytest

from asynq._time import time
from asynq.events.event import FAILED, REJECTED, RETRIED, Batch, Life, events_of
from asynq.events.state import State
from asynq.exceptions import OptionValueError


def told(type, uuid="1", *, at=1000.0, **fields):
    base = {"type": type, "uuid": uuid, "timestamp": at, "clock": round(at * 1e6)}
    return {**base, "hostname": "w@here", "name": "t", "queue": "q", **fields}


def batch_of(*lives, number=1, name="t", base=1000.0, hostname="w@here"):
    return Batch(hostname, 1, "source", number, base, tasks=[(name, "q", [*lives])])


def state_of(*events, **options):
    state = State(**options)
    for event in events:
        state.event(event)
    return state


RECEIVED = told("task-received", args="(4, 4)", kwargs="{}", retries=0)
STARTED = told("task-started", at=1000.1)
SUCCEEDED = told("task-succeeded", at=1000.2, result="8", runtime=0.1)


def test_a_task_is_followed_from_event_to_event():
    state = State()
    states = []
    for event in (told("task-sent", at=999.0, hostname="gen@h"), RECEIVED, STARTED, SUCCEEDED):
        state.event(event)
        states.append(state.tasks["1"].state)
    assert states == ["PENDING", "RECEIVED", "STARTED", "SUCCESS"]
    task = state.tasks["1"]
    assert (task.sent, task.received, task.started, task.succeeded) == (999.0, 1000, 1000.1, 1000.2)
    assert (task.client, task.worker, task.name, task.queue) == ("gen@h", "w@here", "t", "q")
    assert (task.result, task.runtime, task.timestamp, task.ready) == ("8", 0.1, 1000.2, True)
    assert task.info() == {
        "args": "(4, 4)",
        "kwargs": "{}",
        "result": "8",
        "runtime": 0.1,
        "retries": 0,
        "queue": "q",
    }
    assert task.info(["state"], ["uuid"]) == {"state": "SUCCESS", "uuid": "1"}
    assert (state.event_count, state.task_count) == (4, 1)


@pytest.mark.parametrize(
    "order",
    [(2, 1, 0), (2, 0, 1), (1, 2, 0), (0, 2, 1)],
    ids=lambda order: "".join(map(str, order)),
)
def test_an_older_event_that_comes_late_tells_what_it_knows_and_changes_nothing(order):
    events = (RECEIVED, STARTED, SUCCEEDED)
    task = state_of(*(events[number] for number in order)).tasks["1"]
    assert (task.state, task.timestamp, task.result) == ("SUCCESS", 1000.2, "8")
    assert (task.received, task.started, task.args) == (1000.0, 1000.1, "(4, 4)")


def test_of_one_moment_celerys_order_of_states_decides():
    events = [told(f"task-{word}") for word in ("received", "started", "succeeded")]
    for order in (events, events[::-1]):
        assert state_of(*order).tasks["1"].state == "SUCCESS"


def test_that_it_was_sent_is_never_later_than_what_became_of_it():
    # The clock of who sends may be wrong by minutes.
    state = state_of(RECEIVED, told("task-sent", at=1300.0, hostname="gen@h"))
    assert (state.tasks["1"].state, state.tasks["1"].sent) == ("RECEIVED", 1300.0)
    assert state.tasks["1"].worker == "w@here"


def test_the_next_try_may_be_received_before_the_retry_is_told():
    state = state_of(
        RECEIVED,
        told("task-received", at=1000.3, retries=1),
        told("task-retried", at=1000.4, retries=0, exception="ValueError('x')"),
    )
    task = state.tasks["1"]
    assert (task.state, task.retries, task.retried) == ("RECEIVED", 1, 1000.4)


def test_a_task_that_was_retried_succeeds_in_the_end():
    state = state_of(
        RECEIVED,
        told("task-retried", at=1000.1, retries=0, exception="ValueError('x')"),
        told("task-received", at=1003, retries=1),
        told("task-succeeded", at=1003.1, retries=1, result="8"),
        told("task-started", at=1000.05, retries=0),
    )
    assert (state.tasks["1"].state, state.tasks["1"].retries) == ("SUCCESS", 1)


def test_a_call_that_is_run_again_by_hand_is_running_again():
    state = state_of(
        told("task-failed", retries=3, exception="x"), told("task-received", at=2000, retries=0)
    )
    assert state.tasks["1"].state == "RECEIVED"


def test_what_goes_back_and_runs_elsewhere_is_with_the_other_worker():
    state = state_of(
        RECEIVED,
        told("task-rejected", at=1000.2, requeue=True),
        told("task-received", at=1000.3, hostname="other@here"),
    )
    assert (state.tasks["1"].state, state.tasks["1"].worker) == ("RECEIVED", "other@here")
    assert [uuid for uuid, _ in state.tasks_by_worker("other@here")] == ["1"]
    assert [*state.tasks_by_worker("w@here")] == []


LIVES = [
    [Life("1", args=b"[4,4]", received=1, started=2, ended=102, text="8")],
    [Life("1", args=b"[4,4]", received=1), Life("1", started=2), Life("1", ended=9, ran=7)],
    [Life("1", received=1, started=2, ended=9, kind=FAILED, text="no", traceback="Tr")],
    [Life("1", ended=9, kind=REJECTED), Life("1", 1, sent=3, more={"eta": "then"})],
    [
        Life("1", received=1, started=2, ended=9, kind=RETRIED, text="no"),
        Life("1", 1, received=11, started=12, ended=19, text="8"),
    ],
]


@pytest.mark.parametrize("lives", LIVES, ids=range(len(LIVES)))
def test_a_batch_tells_the_same_as_its_events_one_by_one(lives):
    together, apart = State(), State()
    for life in lives:
        batch = batch_of(life)
        together.batch(batch)
        for event in events_of(batch, None, 0.0):
            apart.event(event)
    known = together.tasks["1"].as_dict()
    assert known == apart.tasks["1"].as_dict()
    assert together.event_count == apart.event_count
    assert together.count_by_state() == apart.count_by_state()
    assert together.rates.summary(10, 1000.5) == apart.rates.summary(10, 1000.5)


def test_a_callback_is_called_with_each_event_of_a_batch():
    heard = []
    state = State(callback=lambda state, event: heard.append((event["type"], state.event_count)))
    state.batch(batch_of(Life("1", received=1, ended=9)))
    assert heard == [("task-received", 1), ("task-succeeded", 2)]


def heartbeat(type="worker-heartbeat", *, at, **fields):
    return {"type": type, "hostname": "w@here", "timestamp": at, "clock": round(at * 1e6), **fields}


def test_a_worker_lives_as_long_as_it_says_so():
    now = time()
    state = state_of(heartbeat("worker-online", at=now, freq=2.0, sw_ident="asynq"))
    worker = state.workers["w@here"]
    assert (worker.alive, worker.status_string, worker.sw_ident) == (True, "ONLINE", "asynq")
    state.event(heartbeat(at=now + 2, active=3, processed=9, loadavg=[1, 2, 3]))
    assert (worker.active, worker.processed, worker.loadavg) == (3, 9, [1, 2, 3])
    assert state.alive_workers() == [worker]
    state.now = lambda: now + 7.5
    assert state.alive_workers() == []
    assert worker.status_string == "OFFLINE"


def test_a_worker_that_says_goodbye_is_gone_at_once():
    now = time()
    state = state_of(heartbeat(at=now), heartbeat("worker-offline", at=now + 1))
    assert not state.workers["w@here"].alive
    state.event(heartbeat(at=now + 0.5))  # comes late
    assert not state.workers["w@here"].alive


def test_who_only_sends_is_no_worker():
    assert state_of(told("task-sent", hostname="gen@h")).workers == {}


def test_an_event_of_ones_own_is_a_state_of_ones_own():
    state = state_of(RECEIVED, told("task-checked", at=1000.2))
    assert state.tasks["1"].state == "CHECKED"


@pytest.mark.parametrize("event", [{}, {"type": "my-event"}, {"type": "task-started"}])
def test_what_tells_nothing_is_only_counted(event):
    state = state_of(event)
    assert (state.event_count, state.tasks, state.workers) == (1, {}, {})


JUNK = ["nonsense", float("nan"), [], {}, True, b"\xff"]


@pytest.mark.parametrize("junk", JUNK, ids=repr)
def test_nonsense_in_an_event_breaks_nothing(junk):
    fields = (
        *("clock", "timestamp", "retries", "runtime", "freq", "active", "loadavg"),
        *("name", "queue", "args", "result", "exception"),
    )
    state = State()
    for type in ("task-succeeded", "task-received", "worker-heartbeat", "my-event"):
        event = {**dict.fromkeys(fields, junk), "type": type, "uuid": "1", "hostname": "w"}
        state.event(event)
        state.batch(Batch("w", 1, "s", 1, 1000.0, others=[event]))
    assert state.event_count == 8
    assert state.workers["w"].status_string in ("ONLINE", "OFFLINE")
    assert state.find(text="nothing") == []
    assert state.rates.summary(10, 1000.0).succeeded >= 0


def test_the_oldest_tasks_are_forgotten_for_new_ones():
    state = State(max_tasks_in_memory=3)
    for number in range(5):
        state.event(told("task-received", str(number), name=f"t{number}"))
    assert [*state.tasks] == ["2", "3", "4"]
    assert state.task_types() == ["t2", "t3", "t4"]
    assert state.count_by_state() == {"RECEIVED": 3}
    assert state.task_count == 5


def test_the_oldest_workers_are_forgotten_for_new_ones():
    state = State(max_workers_in_memory=2)
    for number in range(3):
        state.event({**heartbeat(at=1.0), "hostname": f"w{number}"})
    assert [*state.workers] == ["w1", "w2"]


def test_tasks_are_listed_by_time_by_name_and_by_worker():
    state = State()
    for number in range(6):
        state.event(told("task-received", str(number), name=f"t{number % 2}"))
    assert [uuid for uuid, _ in state.tasks_by_time()] == ["5", "4", "3", "2", "1", "0"]
    assert [uuid for uuid, _ in state.tasks_by_time(2, reverse=False)] == ["0", "1"]
    assert [uuid for uuid, _ in state.tasks_by_type("t1", limit=2)] == ["5", "3"]
    assert [uuid for uuid, _ in state.tasks_by_worker("w@here", reverse=False)][:2] == ["0", "1"]
    assert state.count_by_name() == {"t0": 3, "t1": 3}


def test_clearing_leaves_what_is_not_over_unless_that_is_wanted_too():
    state = state_of(RECEIVED, SUCCEEDED, told("task-started", "2"), heartbeat(at=1.0))
    state.clear()
    assert ([*state.tasks], state.workers, state.event_count) == (["2"], {}, 0)
    state.clear(ready=False)
    assert state.tasks == {}
    assert state.find(state="STARTED") == []


@pytest.mark.parametrize("option", ["max_workers_in_memory", "max_tasks_in_memory"])
def test_a_state_that_remembers_nothing_is_none(option):
    with pytest.raises(OptionValueError, match="expected 1 or more"):
        State(**{option: 0})
